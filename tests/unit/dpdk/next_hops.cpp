// The bounded table of next hops.
#include "media-plane/dpdk/next_hops.h"

#include <catch2/catch.hpp>

#include "link_bench.h"

using namespace sallyport;
using namespace sallyport::media::dpdk;
using test::ip;
using test::mac;

namespace {

IpAddress numbered(unsigned n) {
    return IpAddress::v4(10, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
                         static_cast<std::uint8_t>(n));
}
const auto silent = [](const NextHop&) { return true; };

}  // namespace

TEST_CASE("a full table keeps who is in use and lets the longest unused go") {
    NextHops hops(8);
    TimePoint now{};
    for (unsigned i = 0; i < 8; ++i) {
        NextHop* hop = hops.obtain(numbered(i), now);
        REQUIRE(hop);
        hop->wanted = true;
        hops.learn(*hop, mac("02:00:00:00:00:01"), now);
    }
    CHECK(hops.obtain(numbered(8), now) == nullptr);
    now += 31s;
    for (unsigned i = 1; i < 8; ++i) hops.find(numbered(i))->used = now;
    REQUIRE(hops.obtain(numbered(8), now));
    CHECK(hops.find(numbered(0)) == nullptr);
    CHECK(hops.find(numbered(7)));
    CHECK(hops.size() == 8);
}

TEST_CASE("a scan of the subnet cannot push out neighbours that calls use") {
    NextHops hops(64);
    TimePoint now{};
    NextHop* used = hops.obtain(numbered(1), now);
    hops.learn(*used, mac("02:00:00:00:00:01"), now);
    for (unsigned i = 0; i < 100'000; ++i) {
        now += 1ms;
        hops.find(numbered(1))->used = now;
        hops.obtain(numbered(1000 + i), now);
        if (i % 100 == 0) hops.tick(now, silent);
    }
    REQUIRE(hops.find(numbered(1)));
    CHECK(hops.size() <= 64);
}

TEST_CASE("who has only introduced itself gives way at once to whom somebody sends to") {
    NextHops hops(4);
    TimePoint now{};
    for (unsigned i = 0; i < 4; ++i) {
        now += 1ms;
        hops.learn(*hops.obtain(numbered(i), now), mac("02:00:00:00:00:01"), now);
    }
    hops.find(numbered(0))->wanted = true;
    REQUIRE(hops.obtain(numbered(9), now));
    CHECK(hops.find(numbered(0)));
    CHECK(hops.find(numbered(1)) == nullptr);
    CHECK(hops.find(numbered(2)));
}

TEST_CASE("a gateway is never pushed out") {
    NextHops hops(2);
    TimePoint now{};
    hops.obtain(numbered(1), now)->permanent = true;
    for (unsigned i = 2; i < 50; ++i) {
        now += 2s;
        REQUIRE(hops.obtain(numbered(i), now));
    }
    CHECK(hops.find(numbered(1)));
}

TEST_CASE("what is unused is forgotten after ten minutes, and its place is free again") {
    NextHops hops(4);
    TimePoint now{};
    hops.learn(*hops.obtain(numbered(1), now), mac("02:00:00:00:00:01"), now);
    for (; now < TimePoint{} + 599s; now += 1s) hops.tick(now, silent);
    CHECK(hops.size() == 1);
    for (; now < TimePoint{} + 605s; now += 1s) hops.tick(now, silent);
    CHECK(hops.size() == 0);
    for (unsigned i = 0; i < 4; ++i) CHECK(hops.obtain(numbered(i), now));
}

TEST_CASE("chains survive any order of coming and going") {
    NextHops hops(256);
    TimePoint now{};
    for (int round = 0; round < 20; ++round) {
        for (unsigned i = 0; i < 256; ++i) REQUIRE(hops.obtain(numbered(i * 7 + static_cast<unsigned>(round)), now));
        for (unsigned i = 0; i < 256; ++i) REQUIRE(hops.find(numbered(i * 7 + static_cast<unsigned>(round))));
        now += 11min;
        hops.tick(now, silent);
        CHECK(hops.size() == 0);
    }
}
