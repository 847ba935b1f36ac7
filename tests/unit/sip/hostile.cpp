// Inputs that have hurt other stacks (advisories by number), at sizes that hurt: bounded outcome, linear time.
#include <catch2/catch.hpp>

#include "signaling/sip/compose.h"
#include "signaling/sip/framer.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parser.h"
#include "tests/support/fastest.h"
#include "tests/support/message_text.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

std::string request_with(std::string_view lines) {
    return "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=a\r\n"
           "To: <sip:bob@example.com>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
           std::string(lines) + "\r\n";
}
std::string replaced(std::string text, std::string_view what, std::string_view by) {
    const auto at = text.find(what);
    REQUIRE(at != text.npos);
    return text.replace(at, what.size(), by);
}
using test::fastest;

}  // namespace

TEST_CASE("a token of 64 KiB in any place is refused, or kept within the limits (CVE-2017-9372) [reliability 1]") {
    const std::string base = request_with("Contact: <sip:a@h>\r\nAllow: INVITE\r\nX-Any: value\r\n");
    REQUIRE(Parser::parse(base).has_value());
    for (const std::size_t size : {16'000u, 17'000u, 64'000u, 65'535u, 70'000u}) {
        const std::string blob(size, 'X');
        for (const auto what : {"INVITE sip", "bob@example", "SIP/2.0/UDP", "h;branch", "z9hG4bK1", "a@b", "tag=a",
                                "Call-ID: c", "1 INVITE\r\nContact", "Contact", "Allow", "value"}) {
            INFO(what << " " << size);
            std::string by(what);
            by.insert(by.find_first_of(":;@ /") == by.npos ? 0 : by.find_first_of(":;@ /") + 1, blob);
            const auto parsed = Parser::parse(replaced(base, what, by));
            if (parsed.has_error() && parsed.error().response)
                CHECK(parsed.error().response->size() <= 2 * limits::field_bytes);
            if (size > 17'000) CHECK(parsed.has_error());
        }
    }
}

TEST_CASE("ten thousand repeats of any list header end in a refusal (CVE-2018-7284) [reliability 4]") {
    const std::string_view names[] = {
#define X(name, text, compact, list) (list) ? std::string_view(*(compact) ? (compact) : (text)) : std::string_view(),
        SALLYPORT_SIP_HEADERS(X)
#undef X
    };
    for (const std::string_view name : names) {
        if (name.empty()) continue;
        std::string fields, values(name);
        values += ": a";
        for (int i = 0; i < 10'000; ++i) {
            fields.append(name).append(":a\r\n");
            values.append(",a");
        }
        INFO(name);
        CHECK(Parser::parse(request_with(fields).substr(0, limits::message_bytes)).has_error());
        CHECK(Parser::parse(request_with(values + "\r\n")).has_error());
    }
}

TEST_CASE("list values are counted exactly up to their limit") {
    const auto allow = [](std::size_t n, std::string_view value) {
        std::string line = "Allow: ";
        for (std::size_t i = 0; i < n; ++i) line.append(i == 0 ? "" : ",").append(value);
        return Parser::parse(request_with(line + "\r\n"));
    };
    CHECK(allow(limits::list_values, "A").has_value());
    CHECK(allow(limits::list_values + 1, "A").error().code == ParseErrc::too_many_fields);
    CHECK(allow(limits::list_values, "\"a,b\"").has_value());  // commas in quotes count for nothing
}

TEST_CASE("header fields are counted exactly up to their limit") {
    const auto with = [](std::size_t n) {
        std::string lines;
        for (std::size_t i = 5; i < n; ++i) lines += "X: y\r\n";
        return Parser::parse(request_with(lines));
    };
    CHECK(with(limits::header_fields).has_value());
    const auto above = with(limits::header_fields + 1);
    REQUIRE(above.has_error());
    CHECK(above.error().code == ParseErrc::too_many_fields);
    CHECK(test::kind(above.error().response.value_or("")) == "400");
}

TEST_CASE(
    "lengths of branch, tags and Call-ID from 0 to 300 survive parsing and answering (CVE-2018-8828) [reliability 6]") {
    for (std::size_t n = 0; n <= 300; ++n) {
        const std::string x(n, 'x');
        auto text = replaced(request_with(""), "z9hG4bK1", "z9hG4bK" + x);
        text = replaced(text, "tag=a", "tag=" + x + "a");
        text = replaced(text, "Call-ID: c", "Call-ID: c" + x);
        const auto m = Parser::parse(text);
        REQUIRE(m.has_value());
        const auto response = Parser::parse(respond(*m, 486, "t" + x).finish());
        REQUIRE(response.has_value());
        CHECK(response->top_via().branch == "z9hG4bK" + x);
        CHECK(response->from_tag() == x + "a");
        CHECK(response->to_tag() == "t" + x);
        CHECK(response->call_id() == "c" + x);
    }
}

TEST_CASE("what was smuggled into a message does not come out again (CVE-2020-28361) [reliability 8]") {
    for (const auto line : {"P-Asserted-Identity : <sip:x@y>\r\n", "p-asserted-identity\t\t: <sip:x@y>\r\n"}) {
        const auto m = Parser::parse(request_with(line));
        REQUIRE(m.has_value());
        CHECK(m->has(HeaderName::p_asserted_identity));  // seen under its own name, so that it can be stripped
    }
    for (const auto line : {"P-Asserted-Identity\x0b: <sip:x@y>\r\n", "P-Asserted-Identity\xc2\xa0: <sip:x@y>\r\n",
                            "P-Asserted-Identity\r : <sip:x@y>\r\n"})
        CHECK(Parser::parse(request_with(line)).has_error());
    const auto m = Parser::parse(request_with("i: c\r\n"));  // a compact Call-ID beside the long one
    REQUIRE(m.has_value());
    CHECK(m->call_id() == "c");
    CHECK(Parser::parse(request_with("i: d\r\n")).has_error());
}

TEST_CASE("Identity without parameters or of any length never crashes (GHSA-mrq5) [reliability 24]") {
    CHECK(Parser::parse(request_with("Identity: abc\r\n")).has_value());
    CHECK(Parser::parse(request_with("y: " + std::string(16'000, 'a') + ";info=<https://h>;alg=none\r\n")).has_value());
}

TEST_CASE("parsing time is linear: a worst case of 64 KiB stays below a millisecond") {
    const std::size_t room = 60'000;
    const auto many = [&](std::string_view one) {
        std::string out;
        while (out.size() + one.size() < room) out += one;
        return out;
    };
    const auto parse = [](const std::string& text) { return [&text] { (void)Parser::parse(text); }; };
    const auto check = [&](const std::string& text) {
        INFO(text.substr(0, 300));
        CHECK(fastest(parse(text)) < SALLYPORT_TIME_BOUND);
    };
    check(request_with(many("X: y\r\n")));
    check(request_with("Subject: " + many(" \r\n ") + "x\r\n"));
    check(request_with("Accept: " + many(",")));
    check(request_with("Accept: " + many("\"")));
    check(request_with("From: " + many("\\\"") + "\r\n"));
    check(replaced(request_with(""), ";branch=z9hG4bK1", many(";a=b")));
    check(replaced(request_with(""), "tag=a", "tag=a" + many(";x")));
    check(replaced(request_with(""), "sip:bob@example.com SIP", "sip:bob@example.com" + many(";a") + " SIP"));
    std::string alike;  // names that differ in their last letters alone
    for (char c = 'a'; c <= 'z'; ++c)
        for (const char d : {'0', '1'}) alike += ';' + std::string(300, 'a') + c + d;
    check(replaced(replaced(replaced(request_with(""), ";branch=z9hG4bK1", alike), "tag=a", "tag=a" + alike),
                   "sip:bob@example.com SIP", "sip:bob@example.com" + alike + " SIP"));
    check(request_with(many("\r\n")));
    check(many("\r\n") + "INVITE");
    check(many("INVITE "));
}

TEST_CASE("a header that arrives byte by byte is scanned once, not again with every byte") {
    const std::string line = "OPTIONS sip:h SIP/2.0\r\nX: " + std::string(60'000, 'x');
    const auto dribble = [&] {
        Framer framer;
        for (const char c : line) {
            framer.append({&c, 1});
            (void)framer.next();
        }
    };
    CHECK(fastest(dribble) < 12 * SALLYPORT_TIME_BOUND);
}
