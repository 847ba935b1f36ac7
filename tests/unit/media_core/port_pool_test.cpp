#include "media-plane/core/port_pool.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <vector>

#include "media-plane/core/leg.h"
#include "media-plane/core/leg_table.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

TimePoint now{std::chrono::hours{1}};
// And all of its rest passes.
void give_back(PortPool& pool, std::uint16_t port) {
    pool.give_back(port, now);
    now += PortPool::rest;
}

}  // namespace

TEST_CASE("Every pair is handed out once, even ports only, until none is left") {
    SeededRandom random(1);
    PortPool pool(16384, 16583, random);
    CHECK(pool.total() == 100);
    std::set<std::uint16_t> seen;
    while (const auto port = pool.take(now)) {
        CHECK(*port % 2 == 0);
        CHECK(*port >= 16384);
        CHECK(*port < 16583);
        CHECK(seen.insert(*port).second);
    }
    CHECK(seen.size() == 100);
    CHECK(pool.free() == 0);
    for (const auto port : seen) give_back(pool, port);
    CHECK(pool.free() == 100);
}

TEST_CASE("The order is not the same for another seed, and the next port is not the neighbour") {
    SeededRandom one(1), two(2);
    PortPool a(16384, 32767, one), b(16384, 32767, two);
    int same = 0, neighbours = 0;
    std::uint16_t last = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto x = *a.take(now), y = *b.take(now);
        same += x == y;
        neighbours += x == last + 2;
        last = x;
    }
    CHECK(same < 10);
    CHECK(neighbours < 10);
}

TEST_CASE("A pair given back rests while half of the others are used") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SeededRandom random(seed);
        PortPool pool(16384, 18383, random);  // 1,000 pairs
        const auto port = *pool.take(now);
        give_back(pool, port);
        for (int i = 0; i < 499; ++i) REQUIRE(*pool.take(now) != port);
    }
}

TEST_CASE("A given pair can be had if it is free, ours and even") {
    SeededRandom random(4);
    PortPool pool(16384, 16483, random);
    CHECK(pool.take(16400, now));
    CHECK_FALSE(pool.take(16400, now));
    CHECK_FALSE(pool.take(16401, now));
    CHECK_FALSE(pool.take(16382, now));
    CHECK_FALSE(pool.take(16484, now));
    CHECK_FALSE(pool.take(0, now));
    for (int i = 0; i < 49; ++i) CHECK(*pool.take(now) != 16400);
    CHECK_FALSE(pool.take(now).has_value());
    give_back(pool, 16400);
    CHECK(*pool.take(now) == 16400);
}

TEST_CASE("The highest block of ports works up to 65535") {
    SeededRandom random(5);
    PortPool pool(65532, 65535, random);
    CHECK(pool.total() == 2);
    CHECK(pool.take(65534, now));
    CHECK(*pool.take(now) == 65532);
}

TEST_CASE("Random takes and returns keep the pool whole") {
    SeededRandom random(6);
    PortPool pool(20000, 20199, random);
    std::vector<std::uint16_t> out;
    for (int i = 0; i < 100'000; ++i) {
        if (random.below(2) && !out.empty()) {
            std::swap(out[random.below(static_cast<std::uint32_t>(out.size()))], out.back());
            give_back(pool, out.back());
            out.pop_back();
        } else if (const auto port = pool.take(now)) {
            out.push_back(*port);
        }
        REQUIRE(pool.free() + out.size() == 100);
    }
    CHECK(std::set<std::uint16_t>(out.begin(), out.end()).size() == out.size());
}

TEST_CASE("The leg table knows the ports of its block and no others") {
    LegTable table(20000, 20099);
    Stream stream;
    table.open(20010, stream.leg(Side::a));
    CHECK(table.find(20010) == &stream.leg(Side::a));
    CHECK(table.find(20011) == &stream.leg(Side::a));
    for (const int port : {0, 19999, 20000, 20009, 20012, 20099, 20100, 65535})
        CHECK(table.find(static_cast<std::uint16_t>(port)) == nullptr);
}

TEST_CASE("A pair that was given back rests for five seconds while others are free") {
    SeededRandom random(7);
    PortPool pool(20000, 20199, random);
    std::vector<std::uint16_t> out;
    for (int i = 0; i < 50; ++i) out.push_back(*pool.take(now));
    for (const std::uint16_t port : out) pool.give_back(port, now);
    CHECK(pool.free() == 100);
    CHECK(pool.resting(now) == 50);
    for (int i = 0; i < 50; ++i) {
        const auto fresh = pool.take(now + 4999ms);
        REQUIRE(fresh);
        CHECK(std::find(out.begin(), out.end(), *fresh) == out.end());
    }
    CHECK(pool.resting(now + 4999ms) == 50);
    CHECK(pool.resting(now + 5s) == 0);
}

TEST_CASE("Where all that are free rest, the one that has longest is taken after a second, and none before") {
    SeededRandom random(8);
    PortPool pool(20000, 20005, random);
    std::vector<std::uint16_t> out;
    while (const auto port = pool.take(now)) out.push_back(*port);
    REQUIRE(out.size() == 3);
    for (std::size_t i = 0; i < out.size(); ++i) pool.give_back(out[i], now + i * 100ms);
    const TimePoint after = now + 200ms;
    CHECK_FALSE(pool.take(after));
    CHECK(pool.free() == 3);
    CHECK(pool.take(out[1], after));  // a session that is programmed anew has its own
    CHECK_FALSE(pool.take(now + 999ms));
    CHECK(pool.take(now + 1s) == out[0]);
    CHECK_FALSE(pool.take(now + 1s));
    CHECK(pool.take(now + 1200ms) == out[2]);
    CHECK(pool.free() == 0);
}

TEST_CASE("Whatever is taken and given back, and when, no pair is given out twice or too early") {
    SeededRandom random(9);
    PortPool pool(20000, 20199, random);
    std::map<std::uint16_t, TimePoint> returned;
    std::set<std::uint16_t> out;
    TimePoint t = now;
    for (int i = 0; i < 100'000; ++i) {
        t += std::chrono::milliseconds{random.below(50)};
        if (random.below(2) && !out.empty()) {
            const auto any = std::next(out.begin(), random.below(static_cast<std::uint32_t>(out.size())));
            pool.give_back(*any, t);
            returned[*any] = t;
            out.erase(any);
            continue;
        }
        const auto wish = static_cast<std::uint16_t>(20000 + 2 * random.below(100));
        if (random.below(20) == 0) {
            CHECK(pool.take(wish, t) == out.insert(wish).second);
        } else if (const auto port = pool.take(t)) {
            CHECK(out.insert(*port).second);
            if (returned.contains(*port)) REQUIRE(t - returned[*port] >= PortPool::least_rest);
        }
        std::size_t resting = 0;
        for (const auto& [port, at] : returned) resting += !out.contains(port) && t - at < PortPool::rest;
        REQUIRE(pool.resting(t) == resting);
    }
}
