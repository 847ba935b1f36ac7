// Who is told what of a caller: both directions, trusted or not, hidden or not.
#include "signaling/b2bua/identity.h"

#include <catch2/catch.hpp>

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
sip::Message response(std::string_view extra, std::string_view to = "<sip:b@b>") {
    auto parsed = sip::Parser::parse(
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: " +
        std::string(to) + ";tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" + std::string(extra) + "\r\n");
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

constexpr std::string_view anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
using Values = std::vector<std::string>;

struct World {
    World() {
        trunk.id = "acme";
        trunk.registration_aor = "sip:acme@sip.example.net";
        trunk.numbers = {{"+4930100", "+4930199"}};
    }
    Identity to_pbx(const sip::Message& invite) const { return identity_to_pbx(invite, "+4930155", {trunk, carrier}); }
    Identity to_core(const sip::Message& invite) const {
        return identity_to_core(invite, "+4420", {trunk, carrier}, "gw.example.org");
    }
    config::Trunk trunk;
    config::Carrier carrier;
};

}  // namespace

TEST_CASE("To a PBX: the caller's number in our domain and its name; what the core asserts goes on as it is") {
    World w;
    const auto plain = w.to_pbx(message(""));
    CHECK(plain.from == "\"Carol\" <sip:+44205550100@sip.example.net;user=phone>");
    CHECK(plain.to == "<sip:+4930155@sip.example.net;user=phone>");
    CHECK(plain.asserted.values.empty());
    const auto asserted = w.to_pbx(
        message("P-Asserted-Identity: \"J\xc3\xbcrgen, \\\"x\\\"\" <sips:+12025550100@peer.example;cpc=ordinary>\r\n"
                "P-Asserted-Identity: <tel:+1-202-555-0100>, <sip:surplus@y>, <mailto:x@y>\r\n"));
    CHECK(
        asserted.asserted.values ==
        Values{"\"J\xc3\xbcrgen, \\\"x\\\"\" <sips:+12025550100@peer.example;cpc=ordinary>", "<tel:+1-202-555-0100>"});
    CHECK(asserted.from == "\"Carol\" <sip:+44205550100@sip.example.net;user=phone>");
    CHECK(asserted.caller == "+12025550100");
    CHECK(asserted.asserted.privacy.empty());
    w.trunk.identity.omit_asserted = true;
    CHECK(w.to_pbx(message("P-Asserted-Identity: <tel:+12025550100>\r\n")).asserted.values.empty());
}

TEST_CASE("The address of an element of the core is no network's name and does not cross in an identity") {
    const World w;
    const auto told = w.to_pbx(
        message("P-Asserted-Identity: \"C\" <sip:+12025550100@10.1.2.3:5066>\r\n", "<tel:+1-202-555-0100>;tag=1"));
    CHECK(told.asserted.values == Values{"\"C\" <sip:+12025550100@sip.example.net;user=phone>"});
    CHECK(told.from == "<sip:+12025550100@sip.example.net;user=phone>");
    CHECK(w.to_pbx(message("P-Asserted-Identity: <sip:alice@[2001:db8::1]>\r\n")).asserted.values.empty());
}

TEST_CASE("A hidden caller is told to a trusted PBX alone, with Privacy; From is anonymous for both") {
    World w;
    for (const std::string privacy : {"id", "user;id", "header", "ID ; critical"}) {
        const auto invite = message("Privacy: " + privacy + "\r\nP-Asserted-Identity: \"C\" <sip:+44205550100@c>\r\n");
        w.trunk.identity.trusted = false;
        const auto hidden = w.to_pbx(invite);
        CHECK(hidden.from == anonymous);
        CHECK(hidden.asserted.values.empty());
        CHECK(hidden.asserted.hidden);
        CHECK(hidden.asserted.privacy == "id");
        CHECK(hidden.caller == "+44205550100");  // the record knows
        w.trunk.identity.trusted = true;
        const auto trusted = w.to_pbx(invite);
        CHECK(trusted.from == anonymous);
        CHECK(trusted.asserted.values == Values{"\"C\" <sip:+44205550100@c>"});
        CHECK_FALSE(trusted.asserted.hidden);
        CHECK(sip::equal_ignoring_case(trusted.asserted.privacy.substr(0, 2), "id"));
    }
    const auto more = w.to_pbx(message("Privacy: session;user;critical\r\nP-Asserted-Identity: <tel:+44>\r\n"));
    CHECK(more.asserted.privacy == "id;user;session;critical");
    const auto none = w.to_pbx(message("Privacy: none\r\nP-Asserted-Identity: <tel:+44205550100>\r\n"));
    CHECK(none.asserted.privacy == "none");
    CHECK(none.asserted.values == Values{"<tel:+44205550100>"});
}

TEST_CASE("Nobody to show is unavailable; who is anonymous in From alone is hidden all the same, unless he says none") {
    const World w;
    CHECK(w.to_pbx(message("", "<sip:alice@core.example.org>;tag=1")).from == "<sip:unavailable@unknown.invalid>");
    const std::string pai = "P-Asserted-Identity: <sip:+44205550100@c>\r\n";
    CHECK(w.to_pbx(message(pai, "<sip:alice@core.example.org>;tag=1")).from ==
          "<sip:+44205550100@sip.example.net;user=phone>");
    const auto from_alone = w.to_pbx(message(pai, "<sip:anonymous@anonymous.invalid>;tag=1"));
    CHECK(from_alone.from == anonymous);
    CHECK(from_alone.asserted.values.empty());
    const auto open = w.to_pbx(message(pai + "Privacy: none\r\n", "<sip:anonymous@anonymous.invalid>;tag=1"));
    CHECK(open.from == anonymous);
    CHECK(open.asserted.values.size() == 1);
    CHECK(w.to_pbx(message("", "\"Anonymous\" <sip:+44205550100@c>;tag=1")).from ==
          "\"Anonymous\" <sip:+44205550100@sip.example.net;user=phone>");  // a name means nothing
}

TEST_CASE("A carrier outside of the trust domain asserts nothing") {
    World w;
    w.carrier.identity.untrusted = true;
    const auto told = w.to_pbx(message("P-Asserted-Identity: <sip:+12025550100@c>\r\n", "<sip:alice@c>;tag=1"));
    CHECK(told.asserted.values.empty());
    CHECK(told.from == "<sip:unavailable@unknown.invalid>");
}

TEST_CASE("From towards a PBX as it came, or nobody's, where the trunk says so") {
    World w;
    w.trunk.identity.from = config::FromPolicy::transparent;
    CHECK(w.to_pbx(message("", "\"A\" <tel:+1-202;x=y>;tag=1")).from == "\"A\" <tel:+1-202;x=y>");
    CHECK(w.to_pbx(message("", "sip:alice@a.b;tag=1")).from == "<sip:alice@a.b>");
    CHECK(w.to_pbx(message("Privacy: id\r\n", "<sip:alice@a.b>;tag=1")).from == anonymous);
    w.trunk.identity.from = config::FromPolicy::anonymise;
    const auto nobody = w.to_pbx(message("P-Asserted-Identity: <sip:+44205550100@c>\r\n"));
    CHECK(nobody.from == anonymous);
    CHECK(nobody.asserted.values.empty());
}

TEST_CASE("To: the Request-URI's number is ours to write, another URI is kept, an element's address is not") {
    const World w;
    const auto to = [&](std::string_view text) { return w.to_pbx(message("", "<sip:+442@c>;tag=1", text)).to; };
    CHECK(to("\"X\" <sip:+4930111@old.example.org;foo=bar>") == "\"X\" <sip:+4930111@old.example.org;foo=bar>");
    CHECK(to("<tel:+49-30-111>") == "<tel:+49-30-111>");
    CHECK(to("<tel:+49-30-155>") == "<sip:+4930155@sip.example.net;user=phone>");
    CHECK(to("<xmpp:carol@c>") == "<xmpp:carol@c>");
    CHECK(to("<sip:+4930111@10.0.0.1:5062;lr>") == "<sip:+4930111@sip.example.net;user=phone>");
    CHECK(to("<sip:sales@10.0.0.1>") == "<sip:sales@sip.example.net>");
}

TEST_CASE(
    "To the core: a number of the trunk is asserted, whatever the PBX says, and shown in place of a foreign one") {
    World w;
    const auto own = w.to_core(message("", "\"A\" <sip:+4930101@pbx.local>;tag=1"));
    CHECK(own.from == "\"A\" <sip:+4930101@sip.example.net;user=phone>");
    CHECK(own.asserted.values == Values{"\"A\" <sip:+4930101@sip.example.net;user=phone>"});
    const auto foreign_invite = message("P-Asserted-Identity: <sip:+15551234@x>\r\n", "\"F\" <sip:+15551234@x>;tag=1");
    const auto foreign = w.to_core(foreign_invite);
    CHECK(foreign.asserted.values == Values{"\"F\" <sip:+4930100@sip.example.net;user=phone>"});
    CHECK(foreign.from == "\"F\" <sip:+4930100@sip.example.net;user=phone>");
    w.trunk.identity.default_number = "+4930150";
    CHECK(w.to_core(foreign_invite).from == "\"F\" <sip:+4930150@sip.example.net;user=phone>");
    w.trunk.identity.screening = config::Screening::pass;
    CHECK(w.to_core(foreign_invite).from == "\"F\" <sip:+15551234@sip.example.net;user=phone>");
    CHECK(w.to_core(foreign_invite).asserted.values == Values{"\"F\" <sip:+4930150@sip.example.net;user=phone>"});
    CHECK(w.to_core(message("", "<sip:alice@pbx.local>;tag=1")).from == "<sip:alice@sip.example.net>");
    w.trunk.identity.trusted = true;
    CHECK(w.to_core(foreign_invite).asserted.values == Values{"<sip:+15551234@sip.example.net;user=phone>"});
}

TEST_CASE("A preferred identity chooses among the trunk's numbers, if it may") {
    World w;
    const auto invite =
        message("P-Preferred-Identity: \"P\" <sip:+4930123@x>\r\n", "<sip:anonymous@anonymous.invalid>;tag=1");
    const auto preferred = w.to_core(invite);
    CHECK(preferred.asserted.values == Values{"\"P\" <sip:+4930123@sip.example.net;user=phone>"});
    CHECK(preferred.from == anonymous);
    CHECK(preferred.asserted.privacy == "id");
    w.trunk.identity.ignore_preferred = true;
    CHECK(w.to_core(invite).asserted.values == Values{"<sip:+4930100@sip.example.net;user=phone>"});
    CHECK(w.to_core(message("P-Preferred-Identity: <sip:+1555@x>\r\n")).asserted.values.front().find("+1555") ==
          std::string::npos);
}

TEST_CASE("A trusted PBX's identities go on where they are its own, in the form of section 9") {
    World w;
    w.trunk.identity.trusted = true;
    const auto values = [&](std::string_view pai) {
        return w.to_core(message("P-Asserted-Identity: " + std::string(pai) + "\r\n", "<sip:+4930101@x>;tag=1"))
            .asserted.values;
    };
    CHECK(values("\"B\" <sip:+4930102@sip.example.net;user=phone;x=y>, <tel:+49-30-102>") ==
          Values{"\"B\" <sip:+4930102@sip.example.net;user=phone;x=y>", "<tel:+4930102>"});
    CHECK(values("<sip:+4930102@192.0.2.10>") == Values{"<sip:+4930102@sip.example.net;user=phone>"});
    CHECK(values("<sip:4930102@sip.example.net>") == Values{"<sip:+4930101@sip.example.net;user=phone>"});
    CHECK(values("<sip:+15@sip.example.net;user=phone>") == Values{"<sip:+4930101@sip.example.net;user=phone>"});
    w.trunk.numbering.dial_plan = {"49", "", "0", "", "", 0, {}, {}};
    CHECK(values("<sip:030102@sip.example.net>") == Values{"<sip:+4930102@sip.example.net;user=phone>"});
}

TEST_CASE(
    "A caller of the trunk who hides is asserted to a trusted carrier and to nobody else; none undoes the default") {
    World w;
    const auto by_header = message("Privacy: id;critical\r\n", "\"A\" <sip:+4930101@x>;tag=1");
    CHECK(w.to_core(by_header).asserted.privacy == "id;critical");
    CHECK(w.to_core(by_header).from == anonymous);
    CHECK(w.to_core(by_header).asserted.values == Values{"<sip:+4930101@sip.example.net;user=phone>"});
    w.carrier.identity.untrusted = true;
    CHECK(w.to_core(by_header).asserted.values.empty());
    CHECK(w.to_core(by_header).asserted.hidden);
    w.carrier.identity.untrusted = false;
    w.trunk.identity.restrict_by_default = true;
    const auto plain = message("", "<sip:+4930101@x>;tag=1"),
               open = message("Privacy: none\r\n", "<sip:+4930101@x>;tag=1");
    CHECK(w.to_core(plain).from == anonymous);
    CHECK(w.to_core(plain).asserted.privacy == "id");
    CHECK(w.to_core(open).from == "<sip:+4930101@sip.example.net;user=phone>");
    CHECK(w.to_core(open).asserted.privacy == "none");
    const auto emergency = [&](const sip::Message& m) {
        return identity_to_core(m, "112", {w.trunk, w.carrier, true}, "gw");
    };
    CHECK(emergency(plain).from == "<sip:+4930101@sip.example.net;user=phone>");
    // A number of the place (SIPconnect 13) is nobody's, and is told even to those who are trusted with nothing else.
    w.carrier.identity.untrusted = true;
    const auto place = message("Privacy: id\r\nP-Asserted-Identity: <sip:+49555@x>\r\n", "<sip:+49555@x>;tag=1");
    CHECK(emergency(place).asserted.values == Values{"<sip:+49555@sip.example.net;user=phone>"});
    CHECK_FALSE(emergency(place).asserted.hidden);
    CHECK(emergency(message("Privacy: none\r\n", "<sip:+49555@x>;tag=1")).from ==
          "<sip:+49555@sip.example.net;user=phone>");
    CHECK(public_uri("urn:service:sos", "x") == "urn:service:sos");
}

TEST_CASE("Numbers are written as each side wants them") {
    World w;
    w.carrier.numbering.calling_out = {{"+49", 3, "0"}};
    w.carrier.numbering.called_out = {{"+", 1, "00"}};
    w.carrier.numbering.calling_in = {{"0", 1, "+44"}};
    w.trunk.numbering.calling_out = {{"+44", 3, "+4400"}};
    const auto out = w.to_core(message("", "<sip:+4930101@x>;tag=1", "<sip:+4420@x>"));
    CHECK(out.from == "<sip:030101@sip.example.net>");
    CHECK(out.asserted.values == Values{"<sip:030101@sip.example.net>"});
    CHECK(out.to == "<sip:004420@gw.example.org>");
    const auto in = w.to_pbx(message("P-Asserted-Identity: <sip:0205@c>\r\n", "<sip:0205@c>;tag=1"));
    CHECK(in.from == "<sip:+4400205@sip.example.net;user=phone>");
    CHECK(in.asserted.values == Values{"<sip:+4400205@sip.example.net;user=phone>"});
}

TEST_CASE("Domains that are addresses: IPv6 in brackets") {
    World w;
    w.trunk.registration_aor.clear();
    w.trunk.domain = "2001:db8::10";
    CHECK(w.to_core(message("", "<sip:+4930101@x>;tag=1")).from == "<sip:+4930101@[2001:db8::10];user=phone>");
    w.trunk.domain = "[2001:db8::10]";
    CHECK(public_host(w.trunk) == "[2001:db8::10]");
    w.trunk.domain = "192.0.2.10";
    CHECK(public_host(w.trunk) == "192.0.2.10");
}

TEST_CASE("What calls for help is the same in any carrier's numbers, and nobody is hidden from it later on") {
    World w;
    w.carrier.numbering.called_out = {{"", 0, "00"}};
    CHECK(called_at(w.carrier, "112", true) == "112");
    CHECK(called_at(w.carrier, "urn:service:sos", true) == "urn:service:sos");
    CHECK(called_at(w.carrier, "112", false) == "00112");
    w.carrier.identity.untrusted = true;
    const Parties help{w.trunk, w.carrier, true};
    const auto hidden = response("Privacy: id\r\nP-Asserted-Identity: <sip:+15@x>\r\n");
    CHECK(asserted_in_call(hidden, false, help).values == Values{"<sip:+15@sip.example.net;user=phone>"});
}

TEST_CASE("Within a call: who answered is told as a caller would be, and nothing is made up") {
    World w;
    const Parties parties{w.trunk, w.carrier};
    const auto own = response("P-Asserted-Identity: <sip:+4930155@x>\r\n"),
               foreign = response("P-Asserted-Identity: <sip:+15@x.example>\r\n");
    CHECK(asserted_in_call(own, false, parties).values == Values{"<sip:+4930155@sip.example.net;user=phone>"});
    CHECK(asserted_in_call(foreign, false, parties).values.empty());
    CHECK(asserted_in_call(response("Privacy: id\r\n"), false, parties).privacy.empty());
    CHECK(asserted_in_call(foreign, true, parties).values == Values{"<sip:+15@x.example>"});
    const auto hidden = response("Privacy: id\r\nP-Asserted-Identity: <sip:+4930155@x>\r\n");
    CHECK(asserted_in_call(hidden, true, parties).values.empty());
    CHECK(asserted_in_call(hidden, true, parties).hidden);
    CHECK(asserted_in_call(hidden, false, parties).privacy == "id");
    CHECK(asserted_in_call(hidden, false, parties).values.size() == 1);
    w.carrier.identity.untrusted = true;
    CHECK(asserted_in_call(hidden, false, parties).values.empty());
    CHECK(asserted_in_call(foreign, true, parties).values.empty());
}

TEST_CASE("Within a call: a caller who is hidden by his From or by default stays it when he answers [E-32]") {
    World w;
    const Parties parties{w.trunk, w.carrier};
    constexpr std::string_view own = "P-Asserted-Identity: <sip:+4930155@x>\r\n";
    const auto anonymous_answer = response(own, anonymous), answer = response(own);
    CHECK(asserted_in_call(anonymous_answer, true, parties, true).values.empty());
    CHECK(asserted_in_call(anonymous_answer, false, parties, true).privacy == "id");
    const auto shown_answer = response(std::string(own) + "Privacy: none\r\n", anonymous);
    CHECK(asserted_in_call(shown_answer, true, parties, true).values.size() == 1);
    CHECK(asserted_in_call(answer, false, parties, true).privacy.empty());
    w.trunk.identity.restrict_by_default = true;
    CHECK(asserted_in_call(answer, false, parties, true).privacy == "id");
    CHECK(asserted_in_call(answer, false, parties, false).privacy.empty());
    CHECK(asserted_in_call(answer, false, {w.trunk, w.carrier, true}, true).privacy.empty());
    CHECK(asserted_in_call(answer, true, parties, true).values.size() == 1);
    w.trunk.identity.from = config::FromPolicy::anonymise;
    CHECK(asserted_in_call(answer, true, parties, true).values.empty());
    CHECK(asserted_in_call(answer, true, parties, false).values.size() == 1);
}

TEST_CASE(
    "Of a call that a PBX has sent on by a new INVITE From is the caller's, and the number that forwards vouches") {
    World w;
    const std::string history = "History-Info: <sip:+4930155@sip.example.net?Reason=SIP%3Bcause%3D302>;index=1\r\n";
    const auto forwarded = w.to_core(message(history));
    CHECK(forwarded.from == "\"Carol\" <sip:+44205550100@sip.example.net;user=phone>");
    CHECK(forwarded.asserted.values == Values{"\"Carol\" <sip:+4930155@sip.example.net;user=phone>"});
    const auto foreign = w.to_core(message("History-Info: <sip:+4999@x?Reason=SIP%3Bcause%3D302>;index=1\r\n"));
    CHECK(foreign.from == "\"Carol\" <sip:+4930100@sip.example.net;user=phone>");
}

TEST_CASE("Of a call that a PBX has sent back to the core the caller is who he was, in the next carrier's form") {
    World w;
    config::Carrier next;
    next.numbering.calling_out = {{"+44", 3, "0044"}};
    const auto told = [&](const sip::Message& m) {
        return identity_to_carrier(m, "+4930155", {w.carrier, next}, "gw");
    };
    CHECK(told(message("")).from == "\"Carol\" <sip:0044205550100@gw>");
    next.numbering = {};
    const auto asserting = message("P-Asserted-Identity: <sip:+44205550100@192.0.2.9>, <tel:+4420>\r\n");
    CHECK(told(asserting).from == "\"Carol\" <sip:+44205550100@core.example.org>");
    CHECK(told(asserting).to == "<sip:+4930155@gw;user=phone>");
    CHECK(told(asserting).asserted.values == Values{"<sip:+44205550100@gw;user=phone>", "<tel:+4420>"});
    CHECK(told(message("", "<sip:bob@192.0.2.9>;tag=1")).from == "<sip:unavailable@unknown.invalid>");
    const auto hidden = message("Privacy: id\r\nP-Asserted-Identity: <sip:+4420@core.example.org>\r\n");
    CHECK(told(hidden).from == anonymous);
    CHECK(told(hidden).asserted.values.size() == 1);
    CHECK(told(hidden).asserted.privacy == "id");
    next.identity.untrusted = true;
    CHECK(told(hidden).asserted.values.empty());
    CHECK(told(hidden).asserted.hidden);
    next.identity.untrusted = false;
    w.carrier.identity.untrusted = true;
    CHECK(told(asserting).asserted.values.empty());
    const CarrierPair pair{w.carrier, next};
    CHECK(asserted_in_call(response("Privacy: id\r\n"), pair, "gw").privacy.empty());
}

TEST_CASE("Octets that are no text are no name, and malformed fields say nothing") {
    const World w;
    CHECK(w.to_pbx(message("", "\"\xff\xfe\" <sip:+442@c>;tag=1")).from == "<sip:+442@sip.example.net;user=phone>");
    const auto garbage =
        w.to_pbx(message("P-Asserted-Identity: \"unclosed <sip:a\r\nP-Asserted-Identity: ,,<>\r\n"
                         "Privacy: ;;,\r\nPrivacy:\r\n"));
    CHECK(garbage.asserted.values.empty());
    CHECK(garbage.asserted.privacy.empty());
    CHECK(garbage.from == "\"Carol\" <sip:+44205550100@sip.example.net;user=phone>");
}

}  // namespace sallyport::b2bua
