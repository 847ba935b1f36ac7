// What a log line looks like, and what can never be in one.
#include "control/observe/log_line.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "control/base/utf8.h"

using namespace sallyport;
using namespace sallyport::observe;

namespace {

const TimePoint noon{std::chrono::seconds(1'795'264'200)};

std::string pairs(std::string_view text, std::initializer_list<Field> fields) {
    return format_line(LogFormat::key_value, noon, Level::info, "sallyport-test", text, fields);
}
std::string json(std::string_view text, std::initializer_list<Field> fields) {
    return format_line(LogFormat::json, noon, Level::warning, "sallyport-test", text, fields);
}

}  // namespace

TEST_CASE("a key=value line: time, level, daemon, text, then the fields in their order") {
    CHECK(pairs("call answered", {{"call", "c-1"}, {"trunk", "acme-hq"}, {"ms", 12}, {"ratio", 0.5}, {"ok", true}}) ==
          "ts=2026-11-21T12:30:00.000Z level=info daemon=sallyport-test msg=\"call answered\" call=c-1 trunk=acme-hq "
          "ms=12 ratio=0.5 ok=true");
}

TEST_CASE("a JSON line: numbers and truth values stay what they are") {
    CHECK(json("call answered", {{"call", "c-1"}, {"ms", 12}, {"ok", false}}) ==
          "{\"ts\":\"2026-11-21T12:30:00.000Z\",\"level\":\"warning\",\"daemon\":\"sallyport-test\","
          "\"msg\":\"call answered\",\"call\":\"c-1\",\"ms\":12,\"ok\":false}");
}

TEST_CASE("a value from a peer can neither start a new line nor reach the terminal") {
    const auto line = pairs("refused", {{"user_agent", "x\r\nlevel=error msg=\"forged\" \x1b[31m\x7f"}});
    CHECK(line.ends_with(R"(user_agent="x\r\nlevel=error msg=\"forged\" \x1b[31m\x7f")"));
    CHECK(json("refused", {{"user_agent", "\xff\n"}}).find('\n') == std::string::npos);
}

TEST_CASE("eight-bit controls and what is no UTF-8 are escaped, names in any language are not") {
    CHECK(pairs("x", {{"user_agent",
                       "\xc2\x9b"
                       "31m"}})
              .ends_with(R"(user_agent="\xc2\x9b31m")"));
    CHECK(pairs("x", {{"user_agent",
                       "\x9b"
                       "31m\xff"}})
              .ends_with(R"(user_agent="\x9b31m\xff")"));
    CHECK(pairs("x", {{"name", "J\xc3\xbcrgen"}}).ends_with("name=J\xc3\xbcrgen"));
    CHECK(pairs("x", {{"name", "J\xc3\xbcrgen\n"}}).ends_with("name=\"J\xc3\xbcrgen\\n\""));
    CHECK(json("x", {{"name", "J\xc3\xbcrgen\xc2\x9b\x7f"}})
              .ends_with(R"("name":"J)"
                         "\xc3\xbc"
                         R"(rgen\u009b\u007f"})"));
}

TEST_CASE("a request line longer than any buffer is one line, whatever it is made of [reliability 26]") {
    for (const std::string_view one : {"a", "\"", "\x01", "\xff", "\xe2\x82\xac", "\xc2\x9b", "\r\n"})
        for (const std::size_t size : {1'023u, 1'024u, 1'025u, 2'047u, 2'048u, 2'049u, 70'000u}) {
            std::string value;
            while (value.size() < size) value += one;
            for (const auto& line : {pairs(value, {{"request", value}}), json(value, {{"request", value}})}) {
                CHECK(line.size() < 26'000);
                CHECK(is_utf8(line));
                CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c < 0 || (c >= 0x20 && c != 0x7f); }));
            }
        }
}

TEST_CASE("secrets are masked whatever the caller passes") {
    for (const auto* key : {"password", "ha1_md5", "authorization", "tls_private_key", "client_secret", "srtp_keys"}) {
        CHECK(pairs("x", {{key, "geheim"}}).find("geheim") == std::string::npos);
        CHECK(json("x", {{key, "geheim"}}).find("geheim") == std::string::npos);
    }
}

TEST_CASE("a long value is cut") {
    CHECK(pairs("x", {{"value", std::string(1'000'000, 'a')}}).size() < 3'000);
    CHECK(json(std::string(1'000'000, 'a'), {}).size() < 3'000);
}

TEST_CASE("an empty value and one with an equals sign are quoted") {
    CHECK(pairs("x", {{"a", ""}, {"b", "c=d"}}).ends_with("msg=x a=\"\" b=\"c=d\""));
}

TEST_CASE("levels by name") {
    CHECK(parse_level("warning") == Level::warning);
    CHECK(!parse_level("WARNING"));
    CHECK(!parse_level("loud"));
}
