// Who may connect: totals, per source, speed.
#include "signaling/io/connection_limits.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::io;

namespace {
const IpAddress a = IpAddress::v4(192, 0, 2, 1), b = IpAddress::v4(192, 0, 2, 2);
const TimePoint start{1'000'000s};
constexpr RealmIndex access_realm = 0, core_realm = 1;
}  // namespace

TEST_CASE("one source cannot take all connections, and gives back what it closes") {
    ConnectionLimits limits({.total = 10, .per_source = 3, .rate_per_source = 100});
    for (int i = 0; i < 3; ++i) CHECK(limits.admit(access_realm, a, start) == Admission::granted);
    CHECK(limits.admit(access_realm, a, start) == Admission::too_many_of_source);
    CHECK(limits.admit(access_realm, b, start) == Admission::granted);
    limits.release(a);
    CHECK(limits.admit(access_realm, a, start) == Admission::granted);
    CHECK(limits.open() == 4);
}

TEST_CASE("the total holds for all sources together") {
    ConnectionLimits limits({.total = 2, .per_source = 3, .rate_per_source = 100});
    CHECK(limits.admit(access_realm, a, start) == Admission::granted);
    CHECK(limits.admit(access_realm, b, start) == Admission::granted);
    CHECK(limits.admit(access_realm, a, start) == Admission::too_many);
}

TEST_CASE("strangers cannot take the last eighth of the total, and who is known is so for an hour after he came last") {
    ConnectionLimits limits({.total = 32, .per_source = 28, .rate_per_source = 100});
    const IpAddress c = IpAddress::v4(192, 0, 2, 3);
    CHECK(limits.admit(access_realm, b, start) == Admission::granted);
    CHECK_FALSE(limits.is_known(access_realm, b));
    limits.vouch(b);
    CHECK(limits.is_known(access_realm, b));
    limits.release(b);
    for (int i = 0; i < 28; ++i) CHECK(limits.admit(access_realm, a, start + 59min) == Admission::granted);
    CHECK(limits.admit(access_realm, a, start + 59min) == Admission::on_trial);
    CHECK(limits.admit(access_realm, c, start + 59min) == Admission::too_many);
    CHECK(limits.admit(access_realm, b, start + 59min) == Admission::granted);
    CHECK(limits.admit(access_realm, b, start + 59min) == Admission::granted);
    CHECK(limits.admit(access_realm, b, start + 59min) == Admission::on_trial);
    CHECK(limits.admit(access_realm, b, start + 59min) == Admission::too_many);  // all of it
    CHECK(limits.open() == 32);
    limits.release(b);
    limits.release(b);
    limits.release(b, true);
    CHECK(limits.admit(access_realm, c, start + 2h) == Admission::too_many);
    CHECK_FALSE(limits.is_known(access_realm, b));
}

TEST_CASE("whose address is provisioned is known before anybody has come from there, in that realm alone") {
    ConnectionLimits limits({.total = 16, .per_source = 16, .rate_per_source = 100});
    limits.provision([](RealmIndex realm, const IpAddress& source) { return realm == core_realm && source == b; });
    for (int i = 0; i < 14; ++i) CHECK(limits.admit(access_realm, a, start) == Admission::granted);
    CHECK(limits.admit(access_realm, b, start) == Admission::too_many);
    CHECK_FALSE(limits.is_known(access_realm, b));
    CHECK(limits.is_known(core_realm, b));
    CHECK(limits.admit(core_realm, b, start) == Admission::granted);
    limits.provision({});
    CHECK_FALSE(limits.is_known(core_realm, b));
}

TEST_CASE("a sixteenth of all connections is for calls for help, half of it for strangers, of one source a share") {
    constexpr std::size_t all = 160, strangers = 140, known = 150;
    ConnectionLimits limits({.total = all, .per_source = 48, .rate_per_source = 1'000});
    const auto from = [](std::uint8_t last) { return IpAddress::v4(192, 0, 2, last); };
    const auto take = [&](std::uint8_t last, std::size_t n, Admission as) {
        for (std::size_t i = 0; i < n; ++i) CHECK(limits.admit(access_realm, from(last), start) == as);
    };
    for (const std::uint8_t friendly : {40, 41, 42, 43}) {
        take(friendly, 1, Admission::granted);
        limits.vouch(from(friendly));
    }
    take(1, 48, Admission::granted);
    take(1, 3, Admission::on_trial);  // a sixteenth of what it has
    take(1, 1, Admission::too_many_of_source);
    take(2, 48, Admission::granted);
    take(3, strangers - 100, Admission::granted);
    take(4, 2, Admission::on_trial);
    take(4, 1, Admission::too_many);  // that was half of it
    take(40, known - strangers, Admission::granted);
    take(41, 3, Admission::on_trial);
    take(42, 2, Admission::on_trial);
    take(43, 1, Admission::too_many);
    CHECK(limits.open() == all);
    limits.release(from(41), true);  // what is given back is for calls for help again
    take(43, 1, Admission::on_trial);
    limits.release(from(3));
    limits.release(from(40));
    take(44, 1, Admission::too_many);
    take(41, 1, Admission::granted);
}

TEST_CASE("who connects too fast is tried at a sixteenth of that speed") {
    ConnectionLimits limits({.total = 1'600, .per_source = 1'600, .rate_per_source = 32});
    for (int i = 0; i < 32; ++i) CHECK(limits.admit(access_realm, a, start) == Admission::granted);
    for (int i = 0; i < 4; ++i) CHECK(limits.admit(access_realm, a, start) == Admission::on_trial);
    CHECK(limits.admit(access_realm, a, start) == Admission::too_fast);
    const TimePoint later = start + 1s;  // a second's worth of each
    for (int i = 0; i < 32; ++i) CHECK(limits.admit(access_realm, a, later) == Admission::granted);
    for (int i = 0; i < 2; ++i) CHECK(limits.admit(access_realm, a, later) == Admission::on_trial);
    CHECK(limits.admit(access_realm, a, later) == Admission::too_fast);
}

TEST_CASE("a source that connects too fast waits until its bucket has refilled") {
    ConnectionLimits limits({.total = 100, .per_source = 15, .rate_per_source = 5});
    for (int i = 0; i < 5; ++i) CHECK(limits.admit(access_realm, a, start) == Admission::granted);
    CHECK(limits.admit(access_realm, a, start) == Admission::too_fast);
    CHECK(limits.admit(access_realm, b, start) == Admission::granted);
    CHECK(limits.admit(access_realm, a, start + 100ms) == Admission::too_fast);
    CHECK(limits.admit(access_realm, a, start + 300ms) == Admission::granted);
}

TEST_CASE("addresses of one IPv6 /64 are one source") {
    ConnectionLimits limits({.total = 100, .per_source = 1, .rate_per_source = 100});
    CHECK(limits.admit(access_realm, *IpAddress::parse("2001:db8::1"), start) == Admission::granted);
    CHECK(limits.admit(access_realm, *IpAddress::parse("2001:db8::2"), start) == Admission::too_many_of_source);
    CHECK(limits.admit(access_realm, *IpAddress::parse("2001:db8:0:1::2"), start) == Admission::granted);
}

TEST_CASE("a million sources that come and go leave no memory behind and keep nobody out") {
    ConnectionLimits limits({.total = 10, .per_source = 10, .rate_per_source = 10});
    TimePoint now = start;
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        const auto source = IpAddress::v4(10, static_cast<std::uint8_t>(i >> 16), static_cast<std::uint8_t>(i >> 8),
                                          static_cast<std::uint8_t>(i));
        now += 100us;
        REQUIRE(limits.admit(access_realm, source, now) == Admission::granted);
        limits.release(source);
    }
    CHECK(limits.open() == 0);
}
