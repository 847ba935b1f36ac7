// Framing of streams: E-30 and the Content-Length advisories.
#include "signaling/sip/framer.h"

#include <catch2/catch.hpp>
#include <string>

#include "signaling/sip/limits.h"
#include "signaling/sip/parser.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

const std::string options = "OPTIONS sip:h SIP/2.0\r\nl: 4\r\n\r\nabcd";
const std::string bye = "BYE sip:h SIP/2.0\r\nContent-Length  :\r\n  0\r\n\r\n";

// Everything the framer has to say, in short.
std::string drain(Framer& framer) {
    std::string log;
    for (;;) {
        const auto event = framer.next();
        if (const auto* m = std::get_if<Framer::Message>(&event))
            log += "[" + std::string(m->bytes.substr(0, 3)) + std::to_string(m->bytes.size()) + "]";
        else if (std::holds_alternative<Framer::Ping>(event))
            log += "ping ";
        else if (const auto* broken = std::get_if<Framer::Broken>(&event))
            return log + std::string(to_string(broken->code)) + (broken->head.empty() ? "" : " +head");
        else
            return log;
    }
}
std::string all(std::string_view bytes) {
    Framer framer;
    framer.append(bytes);
    return drain(framer);
}
std::string with_length(std::string_view lines) { return "INVITE sip:h SIP/2.0\r\n" + std::string(lines) + "\r\n\r\n"; }

}  // namespace

TEST_CASE("several messages in one segment, and one message in many segments, come out the same") {
    const std::string stream = options + bye + "\r\n" + options;
    CHECK(all(stream) == "[OPT35][BYE45][OPT35]");
    Framer framer;
    std::string log;
    for (const char c : stream) {
        framer.append({&c, 1});
        log += drain(framer);
    }
    CHECK(log == "[OPT35][BYE45][OPT35]");
    CHECK(framer.buffered() == 0);
}

TEST_CASE("a double CRLF is a ping, a single one is nothing, and neither corrupts the next message") {
    CHECK(all("\r\n\r\n" + options) == "ping [OPT35]");
    CHECK(all("\r\n" + options + "\r\n\r\n" + bye + "\r\n") == "[OPT35]ping [BYE45]");
    CHECK(all("\r\n\r\n\r\n\r\n") == "ping ping ");
    CHECK(all("\n\n" + options) == "[OPT35]");
    Framer framer;
    framer.append("\r\n");
    CHECK(drain(framer).empty());
    framer.append("\r\n");
    CHECK(drain(framer) == "ping ");
}

TEST_CASE("bare LF ends lines here as in the parser") {
    CHECK(all("OPTIONS sip:h SIP/2.0\nContent-Length: 2\n\nxy") == "[OPT43]");
}

TEST_CASE("without a Content-Length there is no next message, only an error") {
    CHECK(all("OPTIONS sip:h SIP/2.0\r\nTo: x\r\n\r\n" + bye) == "no_content_length +head");
    Framer framer;
    framer.append("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(drain(framer) == "no_content_length +head");
    framer.append(options);
    CHECK(drain(framer) == "no_content_length");  // stays broken, and gives the head once
}

TEST_CASE("a Content-Length that two readers could read differently breaks the stream (request smuggling)") {
    for (const auto value :
         {"-1", "+5", "5 5", "five", "", "0x5", "5,5", "5.", "2147483609", "4294967297", "99999999999999999999999999"})
        CHECK(all(with_length("Content-Length: " + std::string(value))) == "bad_content_length +head");
    CHECK(all(with_length("Content-Length: 0\r\nl: 10")) == "bad_content_length +head");
    CHECK(all(with_length("Content-Length: 0\r\nl: 0")) == "[INV49]");
    CHECK(all(with_length("Content-Length: 70000")) == "message_too_large +head");
    CHECK(all(with_length("Content-Length: 999999999")) == "message_too_large +head");
    // What stands in a folded line of another header is no Content-Length.
    CHECK(all(with_length("Subject: x\r\n Content-Length: 10\r\nContent-Length: 0")) == "[INV76]");
}

TEST_CASE("an endless header is cut off at the limit, in linear time") {
    Framer framer;
    const std::string chunk(64, 'a');
    std::string log;
    for (std::size_t sent = 0; sent <= limits::message_bytes && log.empty(); sent += chunk.size()) {
        framer.append(chunk);
        log = drain(framer);
    }
    CHECK(log == "header_too_large +head");
    CHECK(all(with_length("X: " + std::string(limits::message_bytes, 'a') + "\r\nContent-Length: 0")) ==
          "header_too_large +head");
}

TEST_CASE("the framer and the parser agree about every message") {
    for (const auto& text : {options, bye}) {
        Framer framer;
        framer.append(text);
        const auto event = framer.next();
        REQUIRE(std::holds_alternative<Framer::Message>(event));
        const auto parsed = Parser::parse(std::get<Framer::Message>(event).bytes, Framing::stream);
        REQUIRE(parsed.has_error());  // they lack every mandatory header, but not their framing
        CHECK(parsed.error().code == ParseErrc::missing_header);
    }
}

TEST_CASE("line ends that wait for their other half are no message that has begun") {
    Framer framer;
    for (const std::string_view piece : {"\r", "\n", "\r"}) {
        framer.append(piece);
        CHECK(drain(framer).empty());
        CHECK_FALSE(framer.in_message());
    }
    framer.append("O");
    CHECK(drain(framer).empty());
    CHECK(framer.in_message());
}

TEST_CASE("memory of consumed messages is given back") {
    Framer framer;
    for (int i = 0; i < 10'000; ++i) {
        framer.append(options);
        CHECK(drain(framer) == "[OPT35]");
    }
    CHECK(framer.buffered() == 0);
}
