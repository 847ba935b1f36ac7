#include "control/config/password.h"

#include <catch2/catch.hpp>

using sallyport::config::weakness_of;

TEST_CASE("passwords that scanners try are refused with a reason and a way out [SC-16.6.1-09]") {
    for (const std::string weak :
         {"short", "123456789", "password123", "P4ssw0rd!2024", "Sommer2026!!", "administrator", "0123456789",
          "qwertyuiop", "aaaaaaaaaaaa", "abcabcabcabc", "acme-hq-2026", "ACME-HQ!!!", "asterisk1234", "$iptrunk99"}) {
        INFO(weak);
        const auto why = weakness_of(weak, "acme-hq");
        REQUIRE(why.has_value());
        CHECK(why->find("generate: true") != std::string::npos);
    }
}

TEST_CASE("a passphrase and what a machine draws will do") {
    for (const std::string good : {"correct-horse", "a test password", "7kq2m9xwzt5r", "rather hard to guess",
                                   "password of the seven old phones"}) {
        INFO(good);
        CHECK_FALSE(weakness_of(good, "acme-hq"));
    }
}
