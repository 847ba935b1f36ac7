// Code points by number and by the names of RFC 2474, 2597 and 3246.
#include "control/yaml/dscp.h"

#include <catch2/catch.hpp>

using namespace sallyport::yaml;

TEST_CASE("code points are read by number and by name") {
    CHECK(parse_dscp("0") == 0);
    CHECK(parse_dscp("63") == 63);
    CHECK(parse_dscp("EF") == 46);
    CHECK(parse_dscp("ef") == 46);
    CHECK(parse_dscp("CS0") == 0);
    CHECK(parse_dscp("CS3") == 24);
    CHECK(parse_dscp("cs7") == 56);
    CHECK(parse_dscp("AF11") == 10);
    CHECK(parse_dscp("AF31") == 26);
    CHECK(parse_dscp("AF43") == 38);
}

TEST_CASE("what is no code point is none") {
    for (const char* text : {"", "64", "-1", "+1", "46 ", "0x2e", "4.6", "999999999999", "CS8", "CS", "CS33", "AF01",
                             "AF51", "AF10", "AF14", "AF1", "AF111", "EF1", "VA"}) {
        INFO(text);
        CHECK_FALSE(parse_dscp(text));
    }
}
