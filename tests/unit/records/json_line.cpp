// JSON written without a tree: the same text as the library's, whatever a peer has put into it.
#include "control/records/json_line.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <limits>

using sallyport::records::JsonLine;
using Json = nlohmann::ordered_json;

namespace {

std::string written(std::string_view value) {
    JsonLine line;
    line.put("x", value);
    return std::move(line).finish();
}
std::string written_by_library(std::string_view value) {
    return Json{{"x", value}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

TEST_CASE("members of every kind stand in the order they were told") {
    JsonLine line;
    line.put("text", "a b");
    line.put("none", std::vector<std::string>{});
    line.put("two", std::vector<std::string>{"one", "t\"wo"});
    line.put("yes", true);
    line.put("most", std::numeric_limits<std::uint64_t>::max());
    line.put("least", std::numeric_limits<std::int64_t>::min());
    line.put("half", 0.5);
    line.put("whole", 20.0);
    line.put("nothing", std::numeric_limits<double>::quiet_NaN());
    line.put_objects("objects", std::vector<int>{1, 2}, [](JsonLine& to, int n) {
        to.put("n", n);
        to.put("twice", 2 * n);
    });
    line.put_objects("empty", std::vector<int>{}, [](JsonLine&, int) {});
    CHECK(std::move(line).finish() ==
          R"({"text":"a b","none":[],"two":["one","t\"wo"],"yes":true,"most":18446744073709551615,)"
          R"("least":-9223372036854775808,"half":0.5,"whole":20.0,"nothing":null,)"
          R"("objects":[{"n":1,"twice":2},{"n":2,"twice":4}],"empty":[]})");
}

TEST_CASE("every octet, alone and in a word, is written as the library writes it") {
    for (int c = 0; c < 256; ++c)
        for (const std::string around : {"", "word"}) {
            const std::string value = around + static_cast<char>(c) + around;
            INFO(c);
            CHECK(written(value) == written_by_library(value));
        }
    for (const std::string value : {"", "J\xc3\xbcrgen", "\xe2\x82", "\xf0\x9f\x98\x80", "a\xff\"b"})
        CHECK(written(value) == written_by_library(value));
}
