#include "media-plane/core/latch.h"

#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

struct Learning {
    bool packet(const Endpoint& from, std::uint16_t sequence, std::uint32_t ssrc = 1) {
        return learner.offer(from, ssrc, sequence, now);
    }
    SourceLearner learner;
    TimePoint now{std::chrono::hours{1}};
    Endpoint phone = at("203.0.113.5:4000"), attacker = at("192.0.2.66:666");
};

}  // namespace

TEST_CASE("A source that sends like a phone is believed with its fifth packet") {
    Learning l;
    for (std::uint16_t i = 1; i <= 4; ++i, l.now += 20ms) CHECK_FALSE(l.packet(l.phone, i));
    CHECK(l.packet(l.phone, 5));
}

TEST_CASE("A rush of packets in one moment proves nothing") {
    Learning l;
    for (std::uint16_t i = 1; i <= 50; ++i) CHECK_FALSE(l.packet(l.attacker, i));
}

TEST_CASE("Repeated numbers, wild numbers and changing SSRCs prove nothing") {
    Learning l;
    for (std::uint16_t i = 1; i <= 50; ++i, l.now += 20ms) {
        CHECK_FALSE(l.packet(l.attacker, 1));
        CHECK_FALSE(l.packet(at("192.0.2.66:667"), static_cast<std::uint16_t>(i * 1000)));
        CHECK_FALSE(l.packet(at("192.0.2.66:668"), i, i));
    }
}

TEST_CASE("A phone is found among sources that spray single packets") {
    Learning l;
    bool found = false;
    for (std::uint16_t i = 1; i <= 10 && !found; ++i, l.now += 20ms) {
        found = l.packet(l.phone, i);
        for (std::uint16_t port = 1000; port < 1003; ++port)  // three new sources in every 20 ms
            CHECK_FALSE(l.packet({ip("192.0.2.66"), static_cast<std::uint16_t>(port + i * 10)}, 1));
    }
    CHECK(found);
}

TEST_CASE("The same signalled address again keeps the latch, another forgets it") {
    Latch latch;
    CHECK(latch.signal(at("203.0.113.5:4000")));
    CHECK(latch.remote() == at("203.0.113.5:4000"));
    latch.latch(at("203.0.113.5:4444"));
    CHECK_FALSE(latch.signal(at("203.0.113.5:4000")));
    CHECK(latch.latched());
    CHECK(latch.remote() == at("203.0.113.5:4444"));
    CHECK(latch.signal(at("203.0.113.5:4002")));
    CHECK_FALSE(latch.latched());
    CHECK(latch.remote() == at("203.0.113.5:4002"));
}
