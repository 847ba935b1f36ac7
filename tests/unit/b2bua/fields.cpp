// What crosses from leg to leg in header fields: identities, causes, Session-ID, everything else.
#include <catch2/catch.hpp>

#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/headers.h"
#include "signaling/b2bua/session_id.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {
namespace {

sip::Message message(std::string_view extra,
                     std::string_view from = "\"Carol\" <sip:+44205550100@core.example.org>;tag=1",
                     std::string_view to = "<sip:+4930155@10.0.0.1>") {
    auto parsed = sip::Parser::parse(
        "INVITE sip:+4930155@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK1\r\nFrom: " +
        std::string(from) + "\r\nTo: " + std::string(to) + "\r\nCall-ID: secret@192.0.2.20\r\nCSeq: 1 INVITE\r\n" +
        std::string(extra) + "\r\n");
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
}  // namespace

TEST_CASE("Unknown fields travel untouched; those of hops, dialogs, identities, places and bodies do not") {
    const auto source = message(
        "X-Account: 4711\r\nP-Internal-Route: 192.0.2.88\r\nSubject: hi\r\nUser-to-User: 00;encoding=hex\r\nIdentity: "
        "abc;info=<https://c>\r\nVia: "
        "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bK2\r\n"
        "Route: <sip:192.0.2.98;lr>\r\nRecord-Route: <sip:192.0.2.97;lr>\r\nContact: "
        "<sip:192.0.2.96>\r\nP-Charging-Vector: icid-value=1\r\n"
        "Remote-Party-ID: <sip:1@192.0.2.95>\r\nremote-party-id: <sip:1@192.0.2.94>\r\nHistory-Info: "
        "<sip:1@192.0.2.93>;index=1\r\n"
        "Diversion: <sip:1@192.0.2.92>\r\nProxy-Authorization: Digest username=\"u\"\r\nServer: x\r\nUser-Agent: "
        "y\r\nSupported: 100rel\r\n"
        "Session-Expires: 90\r\nReplaces: a;to-tag=1;from-tag=2\r\nTarget-Dialog: z\r\nReferred-By: "
        "<sip:192.0.2.91>\r\nCall-Info: <http://192.0.2.90/>\r\n"
        "P-Asserted-Identity: <sip:+1@192.0.2.89>\r\nContent-Foo: x\r\nIn-Reply-To: secret@192.0.2.20\r\n");
    auto composer = sip::Composer::request("INVITE", "sip:x");
    copy_crossing(source, composer);
    const std::string text = composer.finish();
    CHECK(text.find("X-Account: 4711\r\n") != std::string::npos);
    CHECK(text.find("Subject: hi\r\n") != std::string::npos);
    CHECK(text.find("User-to-User: 00;encoding=hex\r\n") != std::string::npos);
    CHECK(text.find("Identity: abc") != std::string::npos);
    CHECK(text.find("192.0.2.") == std::string::npos);
    for (const auto* name :
         {"Via", "Digest", "100rel", "Session-Expires", "icid", "Content-Foo", "Server", "Target-Dialog"})
        CHECK(text.find(name) == std::string::npos);
}

TEST_CASE("P-Early-Media crosses unless the media that it announces does not") {
    const auto source = message("P-Early-Media: sendrecv\r\nSubject: hi\r\n");
    for (const auto told : {EarlyMediaTold::yes, EarlyMediaTold::no}) {
        auto composer = sip::Composer::request("INVITE", "sip:x");
        copy_crossing(source, composer, Sender::known, told);
        const std::string text = composer.finish();
        CHECK((text.find("P-Early-Media: sendrecv") != std::string::npos) == (told == EarlyMediaTold::yes));
        CHECK(text.find("Subject: hi") != std::string::npos);
    }
}

TEST_CASE("What no rule may touch does not cross either, in its compact form neither") {
    const auto source = message(
        "X-Account: 4711\r\nPidf-Lo: somewhere\r\nService-Interact-Info: here\r\na: *;x\r\n"
        "Reject-Contact: *;y\r\nd: no-fork\r\nSec-Thing: z\r\n");
    CHECK(crossing_fields(source, Sender::known) == std::vector<policy::HeaderField>{{"X-Account", "4711"}});
}

TEST_CASE(
    "What rules have added to a call of somebody who must stay unknown is kept only where it says nothing of him") {
    std::vector<policy::HeaderField> fields{{"X-Customer", "Carol"}, {"s", "Carol"},    {"Priority", "urgent"},
                                            {"Organization", "C"},   {"Identity", "x"}, {"Alert-Info", "<urn:x>"}};
    keep_impersonal(fields);
    CHECK(fields == std::vector<policy::HeaderField>{{"Priority", "urgent"}, {"Alert-Info", "<urn:x>"}});
}

TEST_CASE("Of a sender who must stay unknown nothing personal crosses, and nothing that is unknown here") {
    const auto source = message(
        "X-Account: +44205550100\r\nSubject: it is Carol\r\nOrganization: Carol Ltd\r\nIdentity: "
        "abc;info=<https://c>\r\n"
        "Geolocation: <cid:c@c>\r\nUser-to-User: 00\r\nPriority: urgent\r\nAlert-Info: <urn:alert:service:normal>\r\n");
    auto composer = sip::Composer::request("INVITE", "sip:x");
    copy_crossing(source, composer, Sender::hidden);
    const std::string text = composer.finish();
    CHECK(text.find("arol") == std::string::npos);
    CHECK(text.find("5550100") == std::string::npos);
    CHECK(text.find("Identity") == std::string::npos);
    CHECK(text.find("User-to-User") == std::string::npos);
    CHECK(text.find("Geolocation") == std::string::npos);
    CHECK(text.find("Priority: urgent\r\n") != std::string::npos);
    CHECK(text.find("urn:alert:service:normal") != std::string::npos);
}

TEST_CASE("Statuses and causes: RFC 3398 both for records and for Reason; only numbers cross") {
    CHECK(q850_of_status(486) == 17);
    CHECK(q850_of_status(404) == 1);
    CHECK(q850_of_status(408) == 102);
    CHECK(q850_of_status(699) == 127);
    CHECK(relayed_status(486, true) == 486);
    CHECK(relayed_status(301, true) == 480);
    CHECK(relayed_status(403, true) == 603);
    CHECK(relayed_status(403, false) == 403);
    CHECK(relayed_status(401, true) == 500);
    const auto reasons = message("Reason: Q.850 ;cause=17;text=\"192.0.2.20 says no\", SIP;cause=600, X;cause=1\r\n");
    CHECK(relayed_reason(reasons) == "Q.850;cause=17, SIP;cause=600");
    CHECK(q850_of(reasons) == 17);
    CHECK(q850_of(message("Reason: garbage\r\n")) == 0);
}

TEST_CASE("Session-ID: what is said is kept, what is missing or malformed is made up [RFC 7989]") {
    SeededRandom random(1);
    const std::string uuid = "ABCDEFabcdef01234567890123456789";
    auto id = SessionId::begin(message("Session-ID: " + uuid + ";remote=00000000000000000000000000000000\r\n"), random);
    CHECK(id.text() == "abcdefabcdef01234567890123456789");
    CHECK(id.field(Side::b) == "abcdefabcdef01234567890123456789;remote=00000000000000000000000000000000");
    id.hear(Side::b, message(""), random);
    CHECK(id.of(Side::b).size() == 32);
    CHECK(id.field(Side::a) == std::string(id.of(Side::b)) + ";remote=" + id.text());
    for (const auto* bad : {"short", "zzcdefabcdef01234567890123456789", "00000000000000000000000000000000"}) {
        const auto made = SessionId::begin(message("Session-ID: " + std::string(bad) + "\r\n"), random);
        CHECK(made.text().size() == 32);
        CHECK(made.text()[12] == '4');
    }
}

}  // namespace sallyport::b2bua
