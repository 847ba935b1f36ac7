// Bodies of many parts that have hurt other stacks: too many, unclosed, nested, without end. What is wrong with each is
// told, and in time that grows with the bytes alone.
#include <catch2/catch.hpp>

#include "signaling/sip/content.h"
#include "signaling/sip/limits.h"
#include "tests/support/carrying.h"
#include "tests/support/fastest.h"
#include "tests/support/message_text.h"

namespace sallyport::sip {
namespace {

using test::carrying;

constexpr std::size_t room = 65'000;  // what a message has left for its body
constexpr std::string_view mixed = "multipart/mixed;boundary=b";
const std::string description = "Content-Type: application/sdp\r\n\r\nv=0\r\n";

std::string times(std::size_t n, std::string_view one) {
    std::string out;
    out.reserve(n * one.size());
    for (std::size_t i = 0; i < n; ++i) out += one;
    return out;
}
std::string filled(std::string_view one, std::size_t bytes = room) { return times(bytes / one.size(), one); }

// What is wrong with it, after it was read in time; none: nothing is.
std::optional<ContentErrc> problem(std::string_view type, const std::string& body) {
    const auto message = carrying(type, body);
    INFO(type << "\n" << body.substr(0, 200));
    CHECK(test::fastest([&] { (void)read_content(message); }) < SALLYPORT_TIME_BOUND);
    CHECK(test::fastest([&] { (void)session_description(message); }) < SALLYPORT_TIME_BOUND);
    const auto content = read_content(message);
    return content.has_value() ? std::nullopt : std::optional(content.error());
}

}  // namespace

TEST_CASE(
    "ten thousand body parts are no message, and as many as one has room for too many (CVE-2022-21723) [reliability "
    "2]") {
    const std::string part = "--b\r\n\r\n";  // no header, no content
    const auto message = [&](std::size_t parts) {
        const std::string body = times(parts, part) + "--b--";
        return "INVITE sip:112@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\n"
               "To: <sip:112@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Type: " +
               std::string(mixed) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    const auto whole = Parser::parse(message(10'000));
    REQUIRE(whole.has_error());
    CHECK(whole.error().code == ParseErrc::too_large);
    CHECK(test::kind(whole.error().response.value_or("")) == "513");
    for (const std::size_t parts : {17u, 1'000u, 9'000u})
        CHECK(problem(mixed, times(parts, part) + "--b--") == ContentErrc::too_many_parts);
    CHECK(problem(mixed, times(16, part) + "--b--") == std::nullopt);
    CHECK(problem(mixed, times(9'000, part)) == ContentErrc::too_many_parts);  // and never closed
}

TEST_CASE(
    "multipart without a boundary, with an empty or a truncated one ends, and soon (Kamailio 8f7b0b049a) [reliability "
    "2]") {
    for (const std::string_view type : {"multipart/mixed", "multipart/mixed;boundary", "multipart/mixed;boundary=",
                                        "multipart/mixed;boundary=\"\"", "multipart/mixed;boundary=\" \""})
        for (const std::string& body : {filled("--\r\n\r\n"), filled("-"), "--\r\n" + description + "\r\n----"}) {
            INFO(type);
            CHECK(problem(type, body) == ContentErrc::no_boundary);
        }
    const std::string longest(70, 'b');
    const std::string type = "multipart/mixed;boundary=" + longest;
    CHECK(problem(type, filled("\r\n--" + longest.substr(1))) == ContentErrc::not_closed);  // all but its last letter
    CHECK(problem(type, filled("-")) == ContentErrc::not_closed);
    CHECK(problem(type, filled("b")) == ContentErrc::not_closed);
    CHECK(problem(type, filled(" --" + longest)) == ContentErrc::not_closed);  // never at the beginning of a line
    CHECK(problem(mixed, "--b\r\n" + description + filled("\r\n--")) == ContentErrc::not_closed);
    for (std::size_t cut = 1; cut < 8; ++cut) {
        std::string body = "--b\r\n" + description + "\r\n--b--";
        body.resize(body.size() - cut);
        INFO(cut);
        CHECK(problem(mixed, body) != std::nullopt);
    }
}

TEST_CASE(
    "line ends of LF alone, parts within parts and headers without end are refused in time (CVE-2022-21723) "
    "[reliability 2]") {
    CHECK(problem(mixed, filled("--b\n\n")) == ContentErrc::ambiguous_delimiter);
    CHECK(problem(mixed, "--b\r\n" + filled("x\n") + "\r\n--b--") == ContentErrc::bad_part_header);
    CHECK(problem(mixed, "--b\r\n\r\n" + filled("x\n") + "\r\n--b--") == std::nullopt);  // content may have them
    std::string nested;
    for (int depth = 0; nested.size() < room - 200; ++depth) {
        const auto outer = depth == 0 ? "b" : "inner" + std::to_string(depth - 1);
        nested +=
            "--" + outer + "\r\nContent-Type: multipart/mixed;boundary=inner" + std::to_string(depth) + "\r\n\r\n";
    }
    CHECK(problem(mixed, nested + "\r\n--b--") == ContentErrc::nested);
    CHECK(problem(mixed, "--b\r\n" + filled("X: y\r\n") + "\r\n--b--") == std::nullopt);
    CHECK(problem(mixed, "--b\r\nX: x" + filled(" \r\n ") + "y\r\n\r\n--b--") == ContentErrc::bad_part_header);
    CHECK(problem(mixed, "--b\r\nContent-Type: a/b" + filled(";x=y", 16'000) + "\r\n\r\n--b--") == ContentErrc::nested);
    CHECK(problem(mixed, "--b\r\nContent-Length: " + filled("9", 16'000) + "\r\n\r\n\r\n--b--") == std::nullopt);
    CHECK(problem("multipart/mixed;boundary=b" + filled(";x=y", 16'000), "--b--") == ContentErrc::unreadable_type);
}

}  // namespace sallyport::sip
