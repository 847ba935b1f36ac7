#include "signaling/sip/content.h"

#include <catch2/catch.hpp>

#include "tests/support/carrying.h"

namespace sallyport::sip {
namespace {

constexpr std::string_view sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

using test::carrying;

std::string parts(std::string_view first, std::string_view second, std::string_view end = "\r\n") {
    std::string out = "a preamble for nobody";
    for (const auto part : {first, second}) out.append(end).append("--x y").append(end).append(part);
    return out.append(end).append("--x y--").append(end).append("an epilogue");
}
constexpr std::string_view mixed = "multipart/mixed; boundary=\"x y\"";

ContentErrc error_of(std::string_view type, std::string_view body) {
    const auto message = carrying(type, body);
    const auto content = read_content(message);
    REQUIRE_FALSE(content.has_value());
    CHECK(session_description(message).empty());
    return content.error();
}

}  // namespace

TEST_CASE("A session description alone, beside other parts, or none at all") {
    CHECK(session_description(carrying("application/sdp", sdp)) == sdp);
    CHECK(session_description(carrying("Application/SDP ; charset=utf-8", sdp)) == sdp);
    CHECK(session_description(carrying("text/plain", sdp)).empty());
    CHECK(session_description(carrying("", "")).empty());
    CHECK(read_content(carrying("", ""))->parts.empty());
    for (const std::string_view end : {"\r\n"}) {
        const std::string blank = std::string(end) + std::string(end);
        const auto message = carrying(
            mixed, parts("content-type: application/sdp" + blank + std::string(sdp),
                         "Content-Type: application/pidf+xml" + std::string(end) + "Content-Disposition: render" +
                             std::string(end) + " ;handling=optional" + blank + "<x/>",
                         end));
        CHECK(session_description(message) == sdp);
        const auto content = read_content(message);
        REQUIRE(content->parts.size() == 2);
        CHECK(content->multipart);
        CHECK(content->parts[0].is_required());
        CHECK_FALSE(content->parts[1].is_required());
        CHECK(content->parts[1].is("application/pidf+xml"));
        CHECK(content->parts[1].body == "<x/>");
    }
}

TEST_CASE("A part may have no header, no body, or neither; without a type it is plain text and required") {
    const auto message = carrying(mixed, parts("\r\nwords", "Content-Type: text/html\r\n"));
    const auto content = read_content(message);
    REQUIRE(content->parts.size() == 2);
    CHECK(content->parts[0].body == "words");
    CHECK(content->parts[0].is_required());
    CHECK(content->parts[1].body.empty());
    CHECK(read_content(carrying(mixed, "--x y\r\n--x y--"))->parts.size() == 1);
    CHECK(read_content(carrying(mixed, "--x y--"))->parts.empty());
}

TEST_CASE("Only the session description changes when another one is put in its place") {
    const std::string other =
        "Content-Type: application/pidf+xml\r\nContent-ID: <loc@pbx>\r\n\r\n<a>\r\n --x y\r\n</a>";
    const std::string head = "Content-Type: application/sdp\r\nContent-Length: 31\r\nX-Own: 1\r\n\r\n";
    const std::string body = parts(head + std::string(sdp), other);
    const auto message = carrying(mixed, body);
    std::string expected = body;
    expected.replace(expected.find(sdp), sdp.size(), "v=0\r\n");
    expected.replace(expected.find("Length: 31") + 8, 2, "5");
    expected.erase(0, expected.find("--x y"));
    expected.erase(expected.find("an epilogue"));
    CHECK(with_description(message, *read_content(message), "v=0\r\n") == expected);
    const auto none = carrying(mixed, parts(other, "\r\nwords"));
    std::string whole(none.body());
    whole.erase(0, whole.find("--x y"));
    whole.erase(whole.find("an epilogue"));
    CHECK(with_description(none, *read_content(none), "v=0\r\n") == whole);
}

TEST_CASE("Bodies that could be read in two ways are not read") {
    const std::string description = "Content-Type: application/sdp\r\n\r\n" + std::string(sdp);
    CHECK(error_of("multipart/mixed", parts(description, "\r\nx")) == ContentErrc::no_boundary);
    CHECK(error_of("multipart/mixed;boundary=" + std::string(71, 'b'), "--b") == ContentErrc::no_boundary);
    CHECK(error_of(mixed, parts(description, description)) == ContentErrc::two_descriptions);
    CHECK(error_of(mixed, "--x y\r\n" + description) == ContentErrc::not_closed);
    CHECK(error_of(mixed, "--x yz\r\n--x y z--") == ContentErrc::ambiguous_delimiter);
    CHECK(error_of(mixed, parts(description, "\r\nx", "\n")) == ContentErrc::ambiguous_delimiter);
    CHECK(error_of(mixed, parts(description, "\r\ntext\r\n--x yX\r\n\r\nraw")) == ContentErrc::ambiguous_delimiter);
    CHECK(error_of(mixed, parts(description, "\r\ntext\n--x y\r\n\r\nraw")) == ContentErrc::ambiguous_delimiter);
    CHECK(error_of(mixed, parts(description, "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\nx")) ==
          ContentErrc::bad_part_header);
    // Others cut the space from the end of a boundary, stop at its slash, or put it together (RFC 2231).
    for (const std::string_view boundary :
         {"boundary=\"b \"", "boundary=a/b", "boundary*0=b;boundary=b", "boundary=\"b]\""})
        CHECK(error_of("multipart/mixed;" + std::string(boundary), parts(description, "\r\nx")) ==
              ContentErrc::no_boundary);
    // A line end that is one for some of them only.
    for (const std::string_view head :
         {"X-A: 1\rContent-Type: application/sdp\r\n\r\n", "X-A: 1\nX-B: 2\r\n\r\n",
          "X-A: 1\r\n\nContent-Type: application/sdp\r\n\r\n", "Content-Length: x\r\n\r\n"})
        CHECK(error_of(mixed, parts(description, std::string(head) + "raw")) == ContentErrc::bad_part_header);
    CHECK(session_description(carrying(mixed, parts("Content-Description:\r\n" + description, "\r\nx"))) == sdp);
    for (const std::string_view type : {"multipart/alternative;boundary=c", "message/sip", "nothing"})
        CHECK(error_of(mixed, parts(description, "Content-Type: " + std::string(type) + "\r\n\r\nx")) ==
              ContentErrc::nested);
    for (const std::string_view kind : {"Content-Disposition: early-session", "Content-Transfer-Encoding: base64"})
        CHECK(error_of(mixed, parts(std::string(kind) + "\r\n" + description, "\r\nx")) ==
              ContentErrc::other_description);
    for (const std::string_view type : {"multipart/alternative;boundary=c", "message/sip", "application/sdp;", ""})
        CHECK(error_of(type, sdp) == ContentErrc::unreadable_type);
    CHECK(error_of(mixed, "no delimiter") == ContentErrc::not_closed);
    CHECK(error_of(mixed, parts("no header\r\n\r\nx", "\r\nx")) == ContentErrc::bad_part_header);
    CHECK(error_of(mixed, parts("Content-Type: text/plain", "\r\nx")) == ContentErrc::bad_part_header);
    std::string many;
    for (int i = 0; i < 17; ++i) many += "--x y\r\n\r\npart\r\n";
    CHECK(error_of(mixed, many + "--x y--") == ContentErrc::too_many_parts);
    for (const auto e : {ContentErrc::no_boundary, ContentErrc::not_closed, ContentErrc::bad_part_header,
                         ContentErrc::too_many_parts, ContentErrc::two_descriptions})
        CHECK_FALSE(to_string(e).empty());
}

}  // namespace sallyport::sip
