#include "media-plane/core/reception.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;

namespace {

constexpr std::uint32_t rate = 8000;

struct Stream {
    void packet(std::uint16_t sequence, std::uint32_t timestamp, Duration arrival, std::uint32_t ssrc = 1) {
        reception.on_packet(ssrc, sequence, timestamp, in_clock_units(start + arrival, rate), rate);
    }
    void run(std::uint32_t first, std::uint32_t count, std::uint32_t ssrc = 1) {  // 20 ms packets, none lost
        for (std::uint32_t i = first; i < first + count; ++i)
            packet(static_cast<std::uint16_t>(i), i * 160, i * 20ms, ssrc);
    }
    TimePoint start{std::chrono::hours{24 * 365 * 55}};
    Arrivals arrivals;
    Reception reception{arrivals};
};

}  // namespace

TEST_CASE("Loss is what is missing between first and highest, across the turn of the sequence number") {
    Stream s;
    s.run(65'500, 10);
    s.run(65'520, 50);  // ten missing
    CHECK(s.reception.lost() == 10);
    s.run(65'510, 5);  // five of them late
    CHECK(s.reception.lost() == 5);
}

TEST_CASE("Duplicates never make the loss negative") {
    Stream s;
    for (int i = 0; i < 50; ++i) s.packet(7, 0, 0ms);
    CHECK(s.reception.lost() == 0);
}

TEST_CASE("A stream that begins late in the sequence has lost nothing before") {
    Stream s;
    s.run(40'000, 1);
    CHECK(s.reception.lost() == 0);
}

TEST_CASE("A new SSRC starts a new count, and the old losses stay in the sum") {
    Stream s;
    s.run(1, 1);
    s.run(4, 1);
    CHECK(s.reception.lost() == 2);
    s.run(30'000, 10, 2);
    CHECK(s.reception.lost() == 2);
    s.run(30'012, 1, 2);
    CHECK(s.reception.lost() == 4);
}

TEST_CASE("One wild sequence number is ignored; two in a row are a restart, not 20,000 losses") {
    Stream s;
    s.run(1, 10);
    s.run(20'000, 1);
    CHECK(s.reception.lost() == 0);
    s.run(11, 5);
    CHECK(s.reception.lost() == 0);
    s.run(20'000, 10);
    CHECK(s.reception.lost() == 0);
    s.run(20'012, 1);
    CHECK(s.reception.lost() == 2);
    s.run(65'535 + 40'000, 10);  // and again, the restart just before the turn
    CHECK(s.reception.lost() == 2);
}

TEST_CASE("Jitter is that of RFC 3550 A.8") {
    Stream s;
    s.run(1, 100);
    CHECK(s.reception.jitter_seconds(rate) == 0);
    // Every packet 5 ms early or late in turn: |D| is 10 ms, and the estimate converges to it.
    for (std::uint32_t i = 101; i < 600; ++i)
        s.packet(static_cast<std::uint16_t>(i), i * 160, i * 20ms + (i % 2 ? 5ms : -5ms));
    CHECK(s.reception.jitter_seconds(rate) == Approx(0.010).margin(0.001));
}

TEST_CASE("Packets that repeat a timestamp do not count as jitter (RFC 4733 events)") {
    Stream s;
    s.run(1, 10);
    for (std::uint32_t i = 11; i < 21; ++i) s.packet(static_cast<std::uint16_t>(i), 11 * 160, i * 20ms);
    s.packet(21, 21 * 160, 21 * 20ms);
    CHECK(s.reception.jitter_seconds(rate) == 0);
}

TEST_CASE("A sender that sets its clock anew, as after hold, is not seconds of jitter") {
    Stream s;
    s.run(1, 10);
    s.packet(11, 4'000'000'000u, 11 * 20ms);
    for (std::uint32_t i = 12; i < 20; ++i)
        s.packet(static_cast<std::uint16_t>(i), 4'000'000'000u + (i - 11) * 160, i * 20ms);
    CHECK(s.reception.jitter_seconds(rate) == 0);
}

TEST_CASE("Jitter and loss hold after 200 days and with any clock rate") {
    for (const std::uint32_t clock : {8000u, 48'000u, 90'000u, 1'000'000u}) {
        Arrivals arrivals;
        Reception r(arrivals);
        TimePoint now = TimePoint{} + std::chrono::hours{24 * (365 * 57 + 200)};
        for (std::uint32_t i = 0; i < 200'000; ++i, now += 20ms)
            r.on_packet(1, static_cast<std::uint16_t>(i), i * (clock / 50), in_clock_units(now, clock), clock);
        CHECK(r.lost() == 0);
        CHECK(r.jitter_seconds(clock) < 2.0 / clock);
    }
}
