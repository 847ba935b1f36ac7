#include "media-plane/core/port_pool.h"

#include <catch2/catch.hpp>
#include <set>

#include "media-plane/core/leg.h"
#include "media-plane/core/leg_table.h"

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("Every pair is handed out once, even ports only, until none is left") {
    SeededRandom random(1);
    PortPool pool(16384, 16583, random);
    CHECK(pool.total() == 100);
    std::set<std::uint16_t> seen;
    while (const auto port = pool.take()) {
        CHECK(*port % 2 == 0);
        CHECK(*port >= 16384);
        CHECK(*port < 16583);
        CHECK(seen.insert(*port).second);
    }
    CHECK(seen.size() == 100);
    CHECK(pool.free() == 0);
    for (const auto port : seen) pool.give_back(port);
    CHECK(pool.free() == 100);
}

TEST_CASE("The order is not the same for another seed, and the next port is not the neighbour") {
    SeededRandom one(1), two(2);
    PortPool a(16384, 32767, one), b(16384, 32767, two);
    int same = 0, neighbours = 0;
    std::uint16_t last = 0;
    for (int i = 0; i < 1000; ++i) {
        const auto x = *a.take(), y = *b.take();
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
        const auto port = *pool.take();
        pool.give_back(port);
        for (int i = 0; i < 499; ++i) REQUIRE(*pool.take() != port);
    }
}

TEST_CASE("A given pair can be had if it is free, ours and even") {
    SeededRandom random(4);
    PortPool pool(16384, 16483, random);
    CHECK(pool.take(16400));
    CHECK_FALSE(pool.take(16400));
    CHECK_FALSE(pool.take(16401));
    CHECK_FALSE(pool.take(16382));
    CHECK_FALSE(pool.take(16484));
    CHECK_FALSE(pool.take(0));
    for (int i = 0; i < 49; ++i) CHECK(*pool.take() != 16400);
    CHECK_FALSE(pool.take().has_value());
    pool.give_back(16400);
    CHECK(*pool.take() == 16400);
}

TEST_CASE("The highest block of ports works up to 65535") {
    SeededRandom random(5);
    PortPool pool(65532, 65535, random);
    CHECK(pool.total() == 2);
    CHECK(pool.take(65534));
    CHECK(*pool.take() == 65532);
}

TEST_CASE("Random takes and returns keep the pool whole") {
    SeededRandom random(6);
    PortPool pool(20000, 20199, random);
    std::vector<std::uint16_t> out;
    for (int i = 0; i < 100'000; ++i) {
        if (random.below(2) && !out.empty()) {
            std::swap(out[random.below(static_cast<std::uint32_t>(out.size()))], out.back());
            pool.give_back(out.back());
            out.pop_back();
        } else if (const auto port = pool.take()) {
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
