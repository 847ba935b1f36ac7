// Writing messages: what goes out is well-formed whatever is put in, and reads back equal.
#include "signaling/sip/compose.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"
#include "tests/support/message_text.h"

using namespace sallyport;
using namespace sallyport::sip;
using test::message;

namespace {

const std::string request_text =
    "REGISTER sip:h SIP/2.0\nVia: SIP/2.0/UDP pbx.example.com;branch=z9hG4bK1;rport, SIP/2.0/UDP "
    "[2001:db8::1];branch=z9hG4bK2\n"
    "v: SIP/2.0/TCP third;received=192.0.2.9\nFrom: <sip:a@b>;tag=1\nTo: sip:c@d;x=y\nCall-ID: id@h\nCSeq: 7 "
    "REGISTER\nTimestamp: 54.21\n"
    "Max-Forwards: 70\nContact: <sip:a@pbx>\n";

}  // namespace

TEST_CASE("a composed request reads back with the fields it was given") {
    const auto text = Composer::request("INVITE", "sip:bob@example.com")
                          .add(HeaderName::via, "SIP/2.0/TLS sbc;branch=z9hG4bK1")
                          .add(HeaderName::from, "<sip:a@b>;tag=1")
                          .add(HeaderName::to, "<sip:bob@example.com>")
                          .add(HeaderName::call_id, "x")
                          .add(HeaderName::cseq, "1 INVITE")
                          .add("X-Vendor", "kept as it is; ,, \"")
                          .add("l", "99")
                          .add(HeaderName::content_length, "98")
                          .finish("application/sdp", "v=0\r\n");
    const auto m = Parser::parse(text, Framing::stream);
    REQUIRE(m.has_value());
    CHECK(m->first("x-vendor") == std::optional<std::string_view>("kept as it is; ,, \""));
    CHECK(m->first(HeaderName::content_type) == std::optional<std::string_view>("application/sdp"));
    CHECK(m->first(HeaderName::content_length) == std::optional<std::string_view>("5"));
    CHECK(m->body() == "v=0\r\n");
}

TEST_CASE("no value, name, reason or URI can smuggle a line") {
    const auto text = Composer::request("IN\r\nVITE", "sip:h\r\nX-Evil: 1")
                          .add(HeaderName::subject, std::string_view("a\r\n\r\nX-Evil: 2\0b", 16))
                          .add("X-Bad\r\nX-Evil", "3")
                          .finish();
    CHECK(text.find("\nX-Evil") == std::string::npos);
    CHECK(text.find('\0') == std::string::npos);
    CHECK(std::count(text.begin(), text.end(), '\n') == 5);
    CHECK(Composer::response(404, "x\r\nEvil: 1").finish() == "SIP/2.0 404 x  Evil: 1\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("a response copies what RFC 3261 8.2.6 says and stamps the top Via") {
    const Message request = message(request_text);
    const Endpoint source{IpAddress::v4(198, 51, 100, 7), 1024};
    const auto m = Parser::parse(respond(request, 401, "totag", &source).finish());
    REQUIRE(m.has_value());
    CHECK(m->reason() == "Unauthorized");
    const auto vias = m->values(HeaderName::via);
    REQUIRE(vias.size() == 3);
    CHECK(vias[0] == "SIP/2.0/UDP pbx.example.com;branch=z9hG4bK1;rport=1024;received=198.51.100.7");
    CHECK(vias[1] == "SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK2");
    CHECK(vias[2] == "SIP/2.0/TCP third;received=192.0.2.9");
    CHECK(m->to_tag() == "totag");
    CHECK(m->first(HeaderName::to) == std::optional<std::string_view>("sip:c@d;x=y;tag=totag"));
    CHECK(m->from_tag() == "1");
    CHECK(m->cseq().number == 7);
    CHECK_FALSE(m->has(HeaderName::timestamp));
    CHECK_FALSE(m->has(HeaderName::contact));
    CHECK_FALSE(m->has(HeaderName::max_forwards));
}

TEST_CASE("a 100 has no To tag of ours and returns the Timestamp; an existing tag is never doubled") {
    const auto trying = Parser::parse(respond(message(request_text), 100, "totag").finish());
    REQUIRE(trying.has_value());
    CHECK(trying->to_tag().empty());
    CHECK(trying->first(HeaderName::timestamp) == std::optional<std::string_view>("54.21"));
    const auto in_dialog = message(
        "BYE sip:h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: x\nCSeq: "
        "1 BYE\n");
    CHECK(Parser::parse(respond(in_dialog, 200, "other").finish())->to_tag() == "2");
    const auto empty = message(
        "BYE sip:h SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1\nFrom: <sip:a@b>;tag=1\nTo: sip:c@d;tag=;x=y\nCall-ID: x\nCSeq: "
        "1 BYE\n");
    CHECK(Parser::parse(respond(empty, 481, "new").finish())->first(HeaderName::to) ==
          std::optional<std::string_view>("<sip:c@d>;tag=new;x=y"));
}

TEST_CASE("received is set exactly when the source is not what the Via says (RFC 3261 18.2.1, RFC 3581)") {
    const auto top = [](std::string_view via, std::string_view from) {
        const auto m = message("BYE sip:h SIP/2.0\nVia: " + std::string(via) +
                               "\nFrom: <sip:a@b>\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 BYE\n");
        const auto source = Endpoint::parse(from);
        return std::string(*Parser::parse(respond(m, 481, "t", &*source).finish())->first(HeaderName::via));
    };
    CHECK(top("SIP/2.0/UDP 192.0.2.1:5070", "192.0.2.1:1024") == "SIP/2.0/UDP 192.0.2.1:5070");
    CHECK(top("SIP/2.0/UDP 192.0.2.1", "192.0.2.2:1024") == "SIP/2.0/UDP 192.0.2.1;received=192.0.2.2");
    CHECK(top("SIP/2.0/UDP 192.0.2.1;rport", "192.0.2.1:1024") ==
          "SIP/2.0/UDP 192.0.2.1;rport=1024;received=192.0.2.1");
    CHECK(top("SIP/2.0/UDP 192.0.2.1;received=10.0.0.1", "192.0.2.1:9") == "SIP/2.0/UDP 192.0.2.1;received=192.0.2.1");
    CHECK(top("SIP/2.0/UDP [2001:db8::1]", "[2001:db8::2]:9") ==
          "SIP/2.0/UDP [2001:db8::1];received=2001:db8::2");  // no brackets
    // In the letters it came in.
    CHECK(top("SIP / 2.0 / UDP  udp.Example.COM:5070", "192.0.2.1:9") ==
          "SIP/2.0/UDP udp.Example.COM:5070;received=192.0.2.1");
    CHECK(top("SIP/2.0/UDP [2001:DB8:0::1]", "[2001:db8::1]:9") == "SIP/2.0/UDP [2001:DB8:0::1]");
}

TEST_CASE("unknown codes get the phrase of their class") {
    CHECK(reason_phrase(486) == "Busy Here");
    CHECK(reason_phrase(499) == "Bad Request");
    CHECK(reason_phrase(699) == "Failure");
    CHECK(test::kind(Composer::response(555).finish()) == "555");
}

TEST_CASE("header names: any case, compact forms, lists") {
    CHECK(header_name_from("cALL-iD") == HeaderName::call_id);
    CHECK(header_name_from("I") == HeaderName::call_id);
    CHECK(header_name_from("x") == HeaderName::session_expires);
    CHECK(header_name_from("z") == HeaderName::other);
    CHECK(header_name_from("") == HeaderName::other);
    CHECK(header_name_from("[") == HeaderName::other);
    CHECK(header_name_from("Vi") == HeaderName::other);
    CHECK(header_name_from("Call_ID") == HeaderName::other);
    struct Row {
        HeaderName name;
        std::string_view text, compact;
        bool list;
    };
    const Row rows[] = {
#define X(name, text, compact, list) {HeaderName::name, text, compact, list},
        SALLYPORT_SIP_HEADERS(X)
#undef X
    };
    for (const auto& row : rows) {
        INFO(row.text);
        CHECK(header_name_from(row.text) == row.name);
        CHECK(to_string(row.name) == row.text);
        CHECK(is_list(row.name) == row.list);
        if (!row.compact.empty()) CHECK(header_name_from(row.compact) == row.name);
    }
    CHECK(to_string(HeaderName::other).empty());
    CHECK_FALSE(is_list(HeaderName::other));
}

TEST_CASE("method names are case-sensitive") {
    CHECK(method_from("INVITE") == Method::invite);
    CHECK(method_from("invite") == Method::other);
    CHECK(to_string(Method::register_) == "REGISTER");
    CHECK(to_string(Method::other).empty());
}
