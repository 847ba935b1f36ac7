#include "signaling/registrar/lockouts.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using registrar::Lockouts;

namespace {

const IpAddress here = IpAddress::v4(192, 0, 2, 7), there = IpAddress::v4(192, 0, 2, 8);
constexpr TimePoint start = TimePoint{} + 1'000'000s;

}  // namespace

TEST_CASE(
    "a source is locked out with its name after so many failures, nobody else, and not for ever [SC-16.4.1.4-02]") {
    Lockouts lockouts({.failures = 3, .window = 60s, .lasts = 100s});
    CHECK_FALSE(lockouts.failed(here, "user acme", start));
    CHECK_FALSE(lockouts.failed(here, "user acme", start + 1s));
    CHECK_FALSE(lockouts.is_locked(here, "user acme", start + 1s));
    CHECK(lockouts.failed(here, "user acme", start + 2s));
    CHECK(lockouts.is_locked(here, "user acme", start + 3s));
    CHECK_FALSE(lockouts.is_locked(here, "user other", start + 3s));
    CHECK_FALSE(lockouts.is_locked(there, "user acme", start + 3s));
    CHECK_FALSE(lockouts.failed(here, "user acme", start + 100s));  // does not prolong it
    CHECK(lockouts.is_locked(here, "user acme", start + 101s));
    CHECK_FALSE(lockouts.is_locked(here, "user acme", start + 102s));
    CHECK_FALSE(lockouts.failed(here, "user acme", start + 103s));  // counting begins anew
}

TEST_CASE("failures that are far apart, or end in a success, come to nothing") {
    Lockouts lockouts({.failures = 3, .window = 60s, .lasts = 100s});
    for (int i = 0; i < 10; ++i) CHECK_FALSE(lockouts.failed(here, "user acme", start + i * 40s));
    for (int i = 0; i < 10; ++i) {
        CHECK_FALSE(lockouts.failed(there, "user acme", start));
        if (i % 2 == 1) lockouts.succeeded(there, "user acme");
    }
}

TEST_CASE("an operator sees them and releases them by source or name") {
    Lockouts lockouts({.failures = 1, .window = 60s, .lasts = 100s});
    for (const auto* name : {"user a", "aor a@b"})
        for (const auto& source : {here, there}) CHECK(lockouts.failed(source, name, start));
    REQUIRE(lockouts.locked(start).size() == 4);
    CHECK(lockouts.locked(start)[0].source == here);
    CHECK(lockouts.release([](const IpAddress& source, std::string_view) { return source == there; }, start) == 2);
    CHECK(lockouts.release([](const IpAddress&, std::string_view name) { return name == "user a"; }, start) == 1);
    CHECK(lockouts.locked(start).size() == 1);
    CHECK(lockouts.locked(start + 100s).empty());
    CHECK_FALSE(lockouts.is_locked(there, "user a", start));
}

TEST_CASE("whoever has a /64 of IPv6 has one try less than he thinks; zero failures means never") {
    Lockouts lockouts({.failures = 2, .window = 60s, .lasts = 100s});
    const auto address = [](const char* text) { return *IpAddress::parse(text); };
    CHECK_FALSE(lockouts.failed(address("2001:db8::1"), "user a", start));
    CHECK(lockouts.failed(address("2001:db8::ffff:2"), "user a", start));
    CHECK(lockouts.is_locked(address("2001:db8::3"), "user a", start));
    CHECK_FALSE(lockouts.is_locked(address("2001:db8:0:1::3"), "user a", start));
    Lockouts never({.failures = 0});
    for (int i = 0; i < 100; ++i) CHECK_FALSE(never.failed(here, "user a", start));
    CHECK(never.size() == 0);
}

TEST_CASE("the table is bounded, and what goes is what matters least") {
    Lockouts lockouts({.failures = 1, .window = 60s, .lasts = 100s}, 100);
    for (int i = 0; i < 1'000; ++i) lockouts.failed(here, "user " + std::to_string(i), start + i * 1ms);
    CHECK(lockouts.size() == 100);
    CHECK(lockouts.is_locked(here, "user 999", start + 1s));
    CHECK_FALSE(lockouts.is_locked(here, "user 0", start + 1s));
}
