// Who may connect: totals, per source, speed.
#include "signaling/io/connection_limits.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::io;

namespace {
const IpAddress a = IpAddress::v4(192, 0, 2, 1), b = IpAddress::v4(192, 0, 2, 2);
const TimePoint start{1'000'000s};
}  // namespace

TEST_CASE("one source cannot take all connections, and gives back what it closes") {
    ConnectionLimits limits({.total = 10, .per_source = 3, .rate_per_source = 100});
    for (int i = 0; i < 3; ++i) CHECK(limits.admit(a, start) == Admission::granted);
    CHECK(limits.admit(a, start) == Admission::too_many_of_source);
    CHECK(limits.admit(b, start) == Admission::granted);
    limits.release(a);
    CHECK(limits.admit(a, start) == Admission::granted);
    CHECK(limits.open() == 4);
}

TEST_CASE("the total holds for all sources together") {
    ConnectionLimits limits({.total = 2, .per_source = 3, .rate_per_source = 100});
    CHECK(limits.admit(a, start) == Admission::granted);
    CHECK(limits.admit(b, start) == Admission::granted);
    CHECK(limits.admit(a, start) == Admission::too_many);
}

TEST_CASE("strangers cannot take the last eighth of the total, and who is known is so for an hour after he came last") {
    ConnectionLimits limits({.total = 16, .per_source = 14, .rate_per_source = 100});
    const IpAddress c = IpAddress::v4(192, 0, 2, 3);
    CHECK(limits.admit(b, start) == Admission::granted);
    CHECK_FALSE(limits.is_known(b));
    limits.vouch(b);
    CHECK(limits.is_known(b));
    limits.release(b);
    for (int i = 0; i < 14; ++i) CHECK(limits.admit(a, start + 59min) == Admission::granted);
    CHECK(limits.admit(a, start + 59min) == Admission::too_many);
    CHECK(limits.admit(c, start + 59min) == Admission::too_many);
    CHECK(limits.admit(b, start + 59min) == Admission::granted);
    CHECK(limits.admit(b, start + 59min) == Admission::granted);
    CHECK(limits.admit(b, start + 59min) == Admission::too_many);  // all of it
    limits.release(b);
    limits.release(b);
    CHECK(limits.admit(c, start + 2h) == Admission::too_many);
    CHECK_FALSE(limits.is_known(b));
}

TEST_CASE("a source that connects too fast waits until its bucket has refilled") {
    ConnectionLimits limits({.total = 100, .per_source = 100, .rate_per_source = 5});
    for (int i = 0; i < 5; ++i) CHECK(limits.admit(a, start) == Admission::granted);
    CHECK(limits.admit(a, start) == Admission::too_fast);
    CHECK(limits.admit(b, start) == Admission::granted);
    CHECK(limits.admit(a, start + 100ms) == Admission::too_fast);
    CHECK(limits.admit(a, start + 300ms) == Admission::granted);
}

TEST_CASE("addresses of one IPv6 /64 are one source") {
    ConnectionLimits limits({.total = 100, .per_source = 1, .rate_per_source = 100});
    CHECK(limits.admit(*IpAddress::parse("2001:db8::1"), start) == Admission::granted);
    CHECK(limits.admit(*IpAddress::parse("2001:db8::2"), start) == Admission::too_many_of_source);
    CHECK(limits.admit(*IpAddress::parse("2001:db8:0:1::2"), start) == Admission::granted);
}

TEST_CASE("a million sources that come and go leave no memory behind and keep nobody out") {
    ConnectionLimits limits({.total = 10, .per_source = 10, .rate_per_source = 10});
    TimePoint now = start;
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        const auto source = IpAddress::v4(10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                                          static_cast<std::uint8_t>(i));
        now += 100us;
        REQUIRE(limits.admit(source, now) == Admission::granted);
        limits.release(source);
    }
    CHECK(limits.open() == 0);
}
