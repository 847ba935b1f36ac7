#include "media-plane/core/policer.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;

namespace {
int taken(Policer& p, TimePoint now, Duration interval, int offered) {
    int n = 0;
    for (int i = 0; i < offered; ++i) n += p.take(now, interval);
    return n;
}
}  // namespace

TEST_CASE("A full bucket holds one second's packets and refills at the rate") {
    Policer p;
    TimePoint now{std::chrono::hours{1}};
    CHECK(taken(p, now, 2ms, 10'000) == 500);
    now += 100ms;
    CHECK(taken(p, now, 2ms, 10'000) == 50);
    now += std::chrono::hours{1};
    CHECK(taken(p, now, 2ms, 10'000) == 500);
}

TEST_CASE("A stream at its permitted rate is never cut") {
    Policer p;
    TimePoint now{std::chrono::hours{1}};
    for (int i = 0; i < 100'000; ++i, now += 2ms) REQUIRE(p.take(now, 2ms));
}

TEST_CASE("Interval zero permits everything") {
    Policer p;
    CHECK(taken(p, TimePoint{}, Duration::zero(), 100'000) == 100'000);
}
