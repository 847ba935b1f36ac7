// The message parser: what it accepts, what it refuses, and what it answers.
#include "signaling/sip/parser.h"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <memory>

#include "tests/support/message_text.h"

using namespace sallyport;
using namespace sallyport::sip;
using test::message;
using test::wire;

namespace {

// A complete INVITE in which one line is replaced ("To: x"), added, or removed ("To:").
std::string invite(std::string_view change = {}, std::string_view start = "INVITE sip:bob@example.com SIP/2.0") {
    std::string out(start);
    out += '\n';
    bool used = false;
    const auto name = change.substr(0, change.find(':'));
    for (const std::string_view line :
         {"Via: SIP/2.0/UDP client.example.com:5061;branch=z9hG4bK1;rport", "From: Alice <sip:alice@example.com>;tag=a",
          "To: <sip:bob@example.com>", "Call-ID: c1@example.com", "CSeq: 1 INVITE", "Max-Forwards: 70"}) {
        const bool replaced = !change.empty() && line.substr(0, line.find(':')) == name;
        used = used || replaced;
        if (replaced && change.size() == name.size() + 1) continue;
        out += std::string(replaced ? change : line) + "\n";
    }
    if (!used && !change.empty()) out += std::string(change) + "\n";
    return wire(out);
}
ParseError refusal(std::string_view bytes, Framing framing = Framing::datagram, const Endpoint* source = nullptr) {
    INFO(bytes);
    auto parsed = Parser::parse(bytes, framing, source);
    REQUIRE(parsed.has_error());
    return std::move(parsed.error());
}
bool parses(std::string_view bytes, Framing framing = Framing::datagram) {
    return Parser::parse(bytes, framing).has_value();
}

}  // namespace

TEST_CASE("a request is read with its essentials") {
    const Message m = message(
        "INVITE sip:bob@biloxi.example.com;transport=tcp SIP/2.0\n"
        "v: SIP/2.0/TCP client.example.com;branch=z9hG4bK74b43, SIP/2.0/UDP second;branch=z9hG4bK2\n"
        "Max-Forwards: 069\nf: \"Alice, A.\" <sip:alice@example.com>;tag=9fxced76sl\nt: Bob <sip:bob@example.com>\n"
        "i: 3848276298220188511@example.com\nCSeq: 2 INVITE\nVia: SIP/2.0/UDP third\nX-Unknown: kept\n"
        "k: timer, 100rel\nm: <sip:alice@client.example.com>\nc: application/sdp\n\nv=0\n");
    CHECK(m.is_request());
    CHECK(m.method() == Method::invite);
    CHECK(m.request_uri() == "sip:bob@biloxi.example.com;transport=tcp");
    CHECK(m.top_via().host == "client.example.com");
    CHECK(m.top_via().transport == "TCP");
    CHECK(m.values(HeaderName::via).size() == 3);
    CHECK(m.values(HeaderName::via)[1] == "SIP/2.0/UDP second;branch=z9hG4bK2");
    CHECK(m.from().display_name() == "Alice, A.");
    CHECK(m.from_tag() == "9fxced76sl");
    CHECK(m.to_tag().empty());
    CHECK(m.call_id() == "3848276298220188511@example.com");
    CHECK(m.cseq().number == 2);
    CHECK(m.max_forwards() == std::optional<std::uint8_t>(69));
    CHECK(m.first("x-unknown") == std::optional<std::string_view>("kept"));
    CHECK(m.first("Contact") == std::optional<std::string_view>("<sip:alice@client.example.com>"));
    CHECK(m.has_token(HeaderName::supported, "100REL"));
    CHECK_FALSE(m.has_token(HeaderName::supported, "100"));
    CHECK(m.body() == "v=0\r\n");
    CHECK(m.field(7).name_text == "X-Unknown");
}

TEST_CASE("a response is read; its reason may be UTF-8, empty or missing") {
    const std::string rest =
        "\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: x\nCSeq: 1 BYE\n";
    const Message m = message("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe" + rest);
    CHECK(m.status() == 200);
    CHECK(m.reason() == "= 2**3 * 5**2 \xd0\xbd\xd0\xbe");
    CHECK(m.method() == Method::bye);
    CHECK(m.request_uri().empty());
    CHECK(message("SIP/2.0 100 " + rest).reason().empty());
    CHECK(message("sip/2.0 699" + rest).status() == 699);
    for (const auto line : {"SIP/2.0 4294967301 better not break", "SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 0200 x",
                            "SIP/2.0 2x0 x", "SIP/2.0  200 x", "SIP/2.0", "SIP/2.0 "})
        CHECK(refusal(wire(line + rest)).code == ParseErrc::bad_start_line);
    CHECK(refusal(wire("SIP/3.0 200 OK" + rest)).code == ParseErrc::bad_version);
}

TEST_CASE("white space before the colon is legal, anything else in a name is not (AST-2016-009, CVE-2020-28361)") {
    CHECK(message("OPTIONS sip:h SIP/2.0\nVia \t : SIP/2.0/UDP h\nFROM "
                  ":<sip:a@b>;tag=1\ntO:<sip:c@d>\nCall-ID:\tx\nCSeq\t: 1 OPTIONS\n")
              .call_id() == "x");
    for (const auto line : {"X Y: 1", " X: 1", "X\x01: 1", "X\x7f : 1", "X\xc3\xa9: 1", "X\xc2\xa0: 1", ": 1",
                            "no colon", "X(: 1", "<X>: 1"})
        CHECK_FALSE(parses(invite("Subject: x\n" + std::string(line))) == (line[0] != ' '));
}

TEST_CASE("folded lines are unfolded, a bare CR is an error, bare LF ends a line") {
    const auto m = message(
        "INVITE sip:h SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@b>\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 "
        "INVITE\nSubject: first\n\t second \n third\n");
    CHECK(m.first(HeaderName::subject)->find("first") == 0);
    CHECK(m.first(HeaderName::subject)->find_first_of("\r\n") == std::string_view::npos);
    CHECK(m.first(HeaderName::subject)->substr(m.first(HeaderName::subject)->size() - 5) == "third");
    CHECK(refusal(invite("Subject: a\rX-Evil: b")).code == ParseErrc::bad_header);
    const std::string good = invite("Subject: abc");
    for (const auto value : {"abc\r", "\rabc", "\r", "a\r\r\n b", "abc \r ", "abc\r\n\r"}) {
        std::string bad = good;
        bad.replace(bad.find("abc"), 3, value);
        CHECK(refusal(bad).code == ParseErrc::bad_header);
    }
    std::string bare = invite();
    bare.erase(std::remove(bare.begin(), bare.end(), '\r'), bare.end());
    CHECK(parses(bare));
}

TEST_CASE("a NUL is legal as a quoted pair only") {
    const auto with = [](std::string_view value) {
        std::string text = invite("Subject: abc");
        return text.replace(text.find("abc"), 3, value);
    };
    CHECK(parses(with(std::string_view("\"a\\\0b\"", 6))));
    CHECK(refusal(with(std::string_view("a\0b", 3))).code == ParseErrc::bad_header);
    CHECK(refusal(with(std::string_view("\0", 1))).code == ParseErrc::bad_header);
}

TEST_CASE("the five mandatory headers must be there and readable") {
    REQUIRE(parses(invite()));
    for (const std::string name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
        const auto missing = refusal(invite(name + ":"));
        CHECK(missing.code == ParseErrc::missing_header);
        CHECK(missing.detail == name + ": missing");
        CHECK_FALSE(missing.response.has_value());  // nothing to copy
        CHECK(refusal(invite(name + ": (x y)\"<")).code == ParseErrc::bad_value);
    }
}

TEST_CASE("peers of RFC 2543 send no branch, no tag and no Max-Forwards") {
    CHECK(parses(invite("Max-Forwards:")));
    CHECK(parses(invite("Via: SIP/2.0/UDP 192.0.2.1")));
    CHECK(parses(invite("From: sip:alice@example.com")));
    CHECK_FALSE(message(invite("Max-Forwards: 256")).max_forwards().has_value());
    CHECK(message(invite("Max-Forwards: 0")).max_forwards() == std::optional<std::uint8_t>(0));
    CHECK(refusal(invite("Max-Forwards: -1")).code == ParseErrc::bad_value);
    CHECK(refusal(invite("Max-Forwards:  ")).code == ParseErrc::bad_value);
}

TEST_CASE("a header that may stand once may not stand twice with different values") {
    for (const auto line :
         {"From: <sip:m@x>;tag=a", "To: <sip:m@x>", "Call-ID: other", "CSeq: 2 INVITE", "Max-Forwards: 3"})
        CHECK(refusal(invite("Subject: x\n" + std::string(line))).code == ParseErrc::duplicate_header);
    CHECK(refusal(invite("Subject: x\nc: a/b\nContent-Type: a/c")).code == ParseErrc::duplicate_header);
    CHECK(parses(invite("Subject: x\nCall-ID: c1@example.com")));
}

TEST_CASE("malformed optional headers never reject a call (sngrep 541, a real SBC's Warning) [reliability 25]") {
    for (const auto line :
         {"Warning: CLI Should be in E164 Format", "Contact: %", "Date: yesterday", "Identity: x", "Expires: soon",
          "Session-Expires:", "Content-Type: (", "Require: ,,;", "X-Y: \"open", "P-Asserted-Identity: <<>", "Via2: x"})
        CHECK(parses(invite(line)));
}

TEST_CASE("the start line: three words, a token, a URI, version 2.0") {
    const auto code = [](std::string_view line) { return refusal(invite({}, line)).code; };
    for (const auto line : {"INVITE  sip:h  SIP/2.0", "INVITE sip:h SIP/2.0 ", "INVITE sip:h; lr SIP/2.0",
                            "INVITE <sip:h> SIP/2.0", "INVITE sip: SIP/2.0", "INV(ITE sip:h SIP/2.0", "INVITE SIP/2.0",
                            " INVITE sip:h SIP/2.0", "INVITE sip:2001:db8::10 SIP/2.0",
                            "INVITE sip:h?Route=%3Csip:evil%3E SIP/2.0", "INVITE h SIP/2.0", "INVITE\tsip:h\tSIP/2.0"})
        CHECK(code(line) == ParseErrc::bad_start_line);
    for (const auto line :
         {"INVITE sip:h SIP/7.0", "INVITE sip:h SIP/2.00", "INVITE sip:h sip/1.0", "INVITE sip:h SIP/"})
        CHECK(code(line) == ParseErrc::bad_version);
    for (const auto line : {"GET / HTTP/1.1", "\x16\x03\x01", "INVITE sip:h", "hello world"})
        CHECK(code(line) == ParseErrc::not_sip);
    CHECK(refusal("").code == ParseErrc::empty);
    CHECK(refusal("\r\n\r\n").code == ParseErrc::empty);
    CHECK(refusal("jaK").code == ParseErrc::not_sip);
    CHECK(parses("\r\n\r\n" + invite()));
    CHECK(message(invite("CSeq: 1 M!", "M! soap.beep://h sip/2.0")).method_text() == "M!");
}

TEST_CASE("Content-Length: lies and contradictions (overflow, smuggling)") {
    const auto with_body = [](std::string_view lines) {
        return "OPTIONS sip:h SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a@b>\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 "
               "OPTIONS\n" +
               std::string(lines) + "\n\n0123456789";
    };
    for (const auto value : {"-1", "+5", "5 5", "five", "", "2147483609", "4294967297", "18446744073709551626", "5,5"})
        CHECK(refusal(wire(with_body("Content-Length: " + std::string(value)))).code == ParseErrc::bad_content_length);
    CHECK(refusal(with_body("Content-Length: 5\nl: 10")).code == ParseErrc::bad_content_length);
    CHECK(refusal(with_body("Content-Length: 11")).code == ParseErrc::truncated_body);
    CHECK(Parser::parse(with_body("Content-Length: 4\nl: 4"))->body() ==
          "0123");  // the rest of the datagram is cut off
    CHECK(Parser::parse(with_body("Content-Length: 4"))
              ->text()
              .substr(Parser::parse(with_body("Content-Length: 4"))->text().size() - 4) == "0123");
    CHECK(Parser::parse(with_body("X: y"))->body() == "0123456789");
    CHECK(refusal(with_body("Content-Length: 4"), Framing::stream).code == ParseErrc::bad_content_length);
    CHECK(refusal(with_body("X: y"), Framing::stream).code == ParseErrc::bad_content_length);
    CHECK(parses(with_body("Content-Length: 010"), Framing::stream));
}

TEST_CASE("a header that does not end is no message") {
    std::string cut = invite();
    cut.resize(cut.size() - 2);
    CHECK(refusal(cut).code == ParseErrc::bad_header);
    for (std::size_t n = 0; n < cut.size(); ++n) CHECK_FALSE(parses(cut.substr(0, n)));
}

TEST_CASE("a method that CSeq does not repeat is 400 where it is known, 501 where it is not (RFC 4475 3.1.2.17, 18)") {
    const auto refused = [](const std::string& method) {
        std::string text = invite("CSeq: 1 BYE");
        text.replace(0, 6, method);
        const auto error = refusal(text);
        REQUIRE(error.response);
        return std::pair{error.code, Parser::parse(*error.response)->status()};
    };
    CHECK(refused("INVITE") == std::pair{ParseErrc::bad_value, std::uint16_t{400}});
    CHECK(refused("NEWMETHOD") == std::pair{ParseErrc::unknown_method, std::uint16_t{501}});
    CHECK(refused("invite") == std::pair{ParseErrc::unknown_method, std::uint16_t{501}});
}

TEST_CASE("a broken request is answered with what can be copied from it") {
    const Endpoint source{IpAddress::v4(198, 51, 100, 9), 40000};
    const auto error = refusal(invite("CSeq: 1 BYE\nRoute: <sip:x>"), Framing::datagram, &source);
    REQUIRE(error.response.has_value());
    const auto response = Parser::parse(*error.response);
    REQUIRE(response.has_value());
    CHECK(response->status() == 400);
    CHECK(response->reason() == "Bad Request (CSeq: not the method of the request)");
    CHECK(own(response->top_via()).text() ==
          "SIP/2.0/UDP client.example.com:5061;branch=z9hG4bK1;rport=40000;received=198.51.100.9");
    CHECK(error.response_via == own(response->top_via()).text());
    CHECK(response->first(HeaderName::from) == std::optional<std::string_view>("Alice <sip:alice@example.com>;tag=a"));
    CHECK_FALSE(response->to_tag().empty());
    CHECK(response->call_id() == "c1@example.com");
    CHECK(response->first(HeaderName::cseq) == std::optional<std::string_view>("1 BYE"));
    CHECK_FALSE(response->has(HeaderName::route));
    CHECK(*refusal(invite("CSeq: 1 BYE")).response ==
          *refusal(invite("CSeq: 1 BYE")).response);  // stateless: same tag each time
}

TEST_CASE("the status of an error response says what was wrong") {
    const auto status = [](std::string_view bytes) {
        return test::kind(refusal(bytes).response.value_or("SIP/2.0 ---"));
    };
    CHECK(status(invite({}, "INVITE sip:h SIP/7.0")) == "505");
    CHECK(status(invite("Via: SIP/7.0/UDP h;branch=z9hG4bK1", "INVITE sip:h SIP/7.0")) == "505");
    CHECK(status(invite("Subject: " + std::string(20'000, 'x'))) == "513");
    CHECK(status(invite("Subject: x\nno colon")) == "400");
    CHECK(status(invite("To: \"open <sip:x@y>")) == "400");
    CHECK(status(invite("Via: SIP/2.0/UDP h;;")) == "---");
    CHECK(status(invite("CSeq: 1 BYE", "ACK sip:h SIP/2.0")) == "---");
    CHECK(status(invite("CSeq: x", "SIP/2.0 200 OK")) == "---");
    CHECK(status(invite({}, "GET / HTTP/1.1")) == "---");
}

TEST_CASE("an error response cannot be made to carry another header") {
    const auto error = refusal(invite("To: <sip:x@y>\r\n ;x=\"\r\n\tX-Evil: 1\"\nCSeq: 1 BYE"));
    REQUIRE(error.response.has_value());
    CHECK(error.response->find("\nX-Evil") == std::string::npos);
    CHECK(error.response->find("\n\t") == std::string::npos);
}

TEST_CASE("copies of a message share what was read, and each keeps it alive") {
    auto original = std::make_unique<Message>(message(invite("From: \"A, B\" <sip:alice@example.com>;tag=a")));
    const Message copy = *original;
    const std::string_view tag = original->from_tag();
    CHECK(copy.text().data() == original->text().data());
    original.reset();
    CHECK(tag == "a");
    CHECK(tag.data() == copy.from_tag().data());
    CHECK(copy.from().display_name() == "A, B");
    CHECK(Message().field_count() == 0);
}

TEST_CASE("every bare CR and stray NUL of a header is found, wherever it stands") {
    for (std::size_t at = 0; at < 48; ++at) {
        std::string value(49, 'x');
        CHECK(parses(invite("X-Pad: " + value)));
        value[at] = '\r';
        INFO(at);
        CHECK(refusal(invite("X-Pad: " + value)).detail == "a bare CR in a header field");
        value[at] = '\0';
        CHECK(refusal(invite("X-Pad: " + value)).detail == "a NUL outside a quoted pair");
    }
}

TEST_CASE("the first value of a list is found behind empty ones and in a later field") {
    const Message m = message(invite("Contact: ,  ,\nContact: \"a,b\" <sip:a@b>;q=1, <sip:c@d>"));
    CHECK(m.first_value(HeaderName::contact) == std::optional<std::string_view>("\"a,b\" <sip:a@b>;q=1"));
    CHECK(m.first_value(HeaderName::call_id) == std::optional<std::string_view>("c1@example.com"));
    CHECK_FALSE(m.first_value(HeaderName::route).has_value());
}

TEST_CASE("the start line has no bare CR and no NUL either, and its URI no parameter twice") {
    const std::string ok =
        "Via: SIP/2.0/UDP a;branch=z9hG4bK1\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 INVITE\n";
    CHECK(parses(wire("SIP/2.0 200 O K\n" + ok)));
    CHECK_FALSE(parses(wire("SIP/2.0 200 O\rK\n" + ok)));
    CHECK_FALSE(parses(wire(std::string("SIP/2.0 200 O\0K\n", 17) + ok)));
    CHECK(refusal(invite({}, "INVITE sip:a@b;x=1;X=2 SIP/2.0")).detail == "Request-URI: bad URI parameter");
}

TEST_CASE("what is cut off behind the body is not kept") {
    const std::string bytes = invite("Content-Length: 0") + std::string(60'000, 'x');
    const Message m = *Parser::parse(bytes);
    CHECK(m.text().size() < 500);
    CHECK(m.body().empty());
    CHECK(malloc_usable_size(const_cast<char*>(m.text().data())) < 1'000);
}
