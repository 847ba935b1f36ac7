#include "signaling/dialog/replaces.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"

namespace sallyport::dialog {
namespace {

sip::Message invite(const std::string& fields) {
    auto parsed = sip::Parser::parse(
        "INVITE sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" +
        fields + "Content-Length: 0\r\n\r\n");
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

}  // namespace

TEST_CASE("Replaces names a dialog by its Call-ID and both tags: RFC 3891 6.1") {
    const auto plain = Replaces::parse("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff");
    REQUIRE(plain.has_value());
    CHECK(plain->call_id == "98732@sip.example.com");
    CHECK(plain->to_tag == "ff87ff");
    CHECK(plain->from_tag == "r33th4x0r");
    CHECK_FALSE(plain->early_only);
    const auto spaced = Replaces::parse("12adf2f34456gs5 ; TO-TAG = 12345; From-Tag=54321 ;early-only;x=\"y\"");
    REQUIRE(spaced.has_value());
    CHECK(spaced->call_id == "12adf2f34456gs5");
    CHECK(spaced->to_tag == "12345");
    CHECK(spaced->early_only);
}

TEST_CASE("What is no Replaces is none: a tag missing, twice or empty, no Call-ID") {
    for (const auto* bad :
         {"", ";to-tag=1;from-tag=2", "a@b", "a@b;to-tag=1", "a@b;from-tag=1", "a@b;to-tag=;from-tag=2",
          "a@b;to-tag=1;to-tag=1;from-tag=2", "a@b;to-tag=1;from-tag=2;", "a b;to-tag=1;from-tag=2",
          "@b;to-tag=1;from-tag=2", "a@b;to-tag=1 2;from-tag=2", "a@b,c@d;to-tag=1;from-tag=2"}) {
        INFO(bad);
        CHECK_FALSE(Replaces::parse(bad).has_value());
    }
}

TEST_CASE("An INVITE replaces one dialog, or it is malformed: RFC 3891 3") {
    ReplacesErrc error{};
    CHECK_FALSE(replaces_of(invite(""), error).has_value());
    CHECK(error == ReplacesErrc::none);
    CHECK(replaces_of(invite("Replaces: a@b;to-tag=1;from-tag=2\r\n"), error).has_value());
    CHECK_FALSE(replaces_of(invite("Replaces: a@b;to-tag=1;from-tag=2\r\nReplaces: a@b;to-tag=1;from-tag=2\r\n"), error)
                    .has_value());
    CHECK(error == ReplacesErrc::malformed);
    CHECK_FALSE(replaces_of(invite("Replaces: a@b\r\n"), error).has_value());
    CHECK(error == ReplacesErrc::malformed);
}

}  // namespace sallyport::dialog
