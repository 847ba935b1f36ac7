// What is told of a stream without any help of its peers' RTCP: silence, one way, loss and MOS of the last seconds; and
// the round trip, with it.
#include <catch2/catch.hpp>

#include "media_bench.h"
#include "reports_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

// A call whose peers send every 20 ms, as they are told to; the pipeline ticks every 10.
class Talk {
public:
    explicit Talk(std::vector<LegChange> legs = {}) : call(bench, std::move(legs)) {
        bench.pipeline.modify({call.key, {}, 0, true}, bench.now);
    }
    void run(Duration time) {
        for (const TimePoint end = bench.now + time; bench.now < end; bench.wait(10ms), ++round_) {
            for (auto& event : bench.tick())
                if (event.kind == EventKind::silence || event.kind == EventKind::heard_again)
                    events.push_back({bench.now, std::move(event)});
            if (round_ % 2 != 0) continue;
            ++sequence_;
            if (a && !lost()) call.from_a(packet(ssrc_a));
            if (b) call.from_b(packet(ssrc_b));
        }
    }
    Bytes packet(std::uint32_t ssrc) {
        return rtp_packet({.sequence = sequence_,
                           .payload_type = type,
                           .timestamp = sequence_ * 160u,
                           .ssrc = ssrc,
                           .payload_bytes = size});
    }
    bool lost() { return lose_every != 0 && sequence_ % lose_every == 0; }

    struct Seen {
        TimePoint at;
        Event event;
    };
    MediaBench bench;
    Call call;
    bool a = true, b = true;
    std::uint8_t type = 8;
    std::size_t size = 160;
    std::uint16_t lose_every = 0;
    std::vector<Seen> events;

private:
    std::uint16_t sequence_ = 0;
    int round_ = 0;
};

}  // namespace

TEST_CASE("A stream that stops is told within two seconds, on its leg, as one-way while the other one flows") {
    Talk talk;
    talk.run(5s);
    REQUIRE(talk.events.empty());
    const Side side = GENERATE(Side::a, Side::b);
    (side == Side::a ? talk.a : talk.b) = false;
    const TimePoint stopped = talk.bench.now;
    talk.run(3s);
    REQUIRE(talk.events.size() == 1);
    const auto& [at, event] = talk.events.front();
    CHECK(event.kind == EventKind::silence);
    CHECK(event.side == side);
    CHECK(event.one_way);
    CHECK(at - stopped <= 2s);
    CHECK(event.count >= 800);
    CHECK(event.count <= 2'000);
    LegStatistics leg = talk.call.statistics(side);
    CHECK(leg.is_silent);
    CHECK(leg.silences == 1);
    CHECK_FALSE(talk.call.statistics(other(side)).is_silent);

    talk.a = talk.b = true;
    talk.run(3s);
    REQUIRE(talk.events.size() == 2);
    CHECK(talk.events[1].event.kind == EventKind::heard_again);
    leg = talk.call.statistics(side);
    CHECK_FALSE(leg.is_silent);
    CHECK(leg.silent > 2s);
    CHECK(leg.silent < 3'100ms);
    CHECK(leg.one_way == leg.silent);
    CHECK(talk.call.statistics(other(side)).one_way == 0s);
    CHECK(talk.bench.pipeline.statistics().one_way.read() == 1);
}

TEST_CASE("Who was never heard is silent from the answer on, and not before") {
    MediaBench bench;
    Call call(bench);
    const auto silences = [&](Duration time) {
        std::size_t count = 0;
        for (const TimePoint end = bench.now + time; bench.now < end; bench.wait(10ms)) {
            call.from_b(rtp_packet({.sequence = static_cast<std::uint16_t>(bench.now.time_since_epoch() / 20ms)}));
            for (const auto& event : bench.tick()) count += event.kind == EventKind::silence && event.side == Side::a;
        }
        return count;
    };
    CHECK(silences(10s) == 0);
    bench.pipeline.modify({call.key, {}, 0, true}, bench.now);
    CHECK(silences(2s) == 1);
    CHECK(call.statistics(Side::a).is_silent);
}

TEST_CASE("Both sides silent is no one-way call; on hold, and behind comfort noise, nobody is silent at all") {
    Talk talk;
    talk.run(2s);
    SECTION("both") {
        talk.a = talk.b = false;
        talk.run(3s);
        REQUIRE(talk.events.size() == 2);
        CHECK_FALSE(talk.events[0].event.one_way);
        CHECK_FALSE(talk.events[1].event.one_way);
        CHECK(talk.call.statistics(Side::a).silent > 1s);
        CHECK(talk.call.statistics(Side::a).one_way == 0s);
    }
    SECTION("hold") {
        LegChange hold = leg(Side::a);
        hold.direction = Direction::inactive;
        talk.call.modify({hold});
        talk.a = talk.b = false;
        talk.run(5s);
        CHECK(talk.events.empty());
    }
    SECTION("comfort noise of RFC 3389") {
        talk.type = 13;
        talk.size = 1;
        talk.run(40ms);
        talk.a = talk.b = false;
        talk.run(5s);
        CHECK(talk.events.empty());
        talk.run(24s);
        CHECK(talk.events.empty());
        talk.run(4s);  // nobody pauses for more than half a minute
        CHECK(talk.events.size() == 2);
    }
    SECTION("a silence descriptor of G.729 Annex B") {
        talk.type = 18;
        talk.size = 2;
        talk.run(40ms);
        talk.a = talk.b = false;
        talk.run(5s);
        CHECK(talk.events.empty());
    }
}

TEST_CASE("Telephone events of another clock say nothing about jitter, and are no silence") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 101}};
    a.telephone_events = {{101, 48'000, 48'000}};
    Call call(bench, {a});
    for (std::uint16_t i = 1; i <= 500; ++i, bench.wait(20ms)) {
        const bool event = i % 50 >= 40;
        const std::uint32_t timestamp = event ? i / 50 * 50 * 960u : i * 160u;
        Bytes packet = rtp_packet({.sequence = i,
                                   .payload_type = std::uint8_t(event ? 101 : 8),
                                   .timestamp = timestamp,
                                   .payload_bytes = event ? 4u : 160u});
        REQUIRE(call.from_a(std::move(packet)).drop == Drop::none);
    }
    CHECK(call.statistics(Side::a).jitter_seconds < 0.0001);
    CHECK(call.statistics(Side::a).lost == 0);
    CHECK(call.statistics(Side::a).silences == 0);
}

TEST_CASE("A digit that is held down repeats its timestamp, and is no silence") {
    Talk talk;
    talk.run(2s);
    talk.a = false;
    for (int i = 0; i < 200; ++i) {
        talk.call.from_a(rtp_packet({.sequence = static_cast<std::uint16_t>(1'000 + i),
                                     .payload_type = 101,
                                     .timestamp = 999'999,
                                     .ssrc = ssrc_a,
                                     .payload_bytes = 4}));
        talk.run(20ms);
    }
    CHECK(talk.events.empty());
}

TEST_CASE("Who pauses again and again is told less and less often, and counted every time") {
    Talk talk;
    for (int i = 0; i < 60; ++i) {
        talk.a = true;
        talk.run(3s);
        talk.a = false;
        talk.run(3s);
    }
    CHECK(talk.call.statistics(Side::a).silences == 60);
    CHECK(talk.events.size() <= 12);
    CHECK(talk.events.size() >= 8);
}

TEST_CASE("Loss and MOS are of the last five seconds and of the whole, and the worst is kept") {
    Talk talk;
    talk.run(10s);
    CHECK(talk.call.statistics(Side::a).recent_loss == 0);
    CHECK(talk.call.statistics(Side::a).recent_mos == Approx(4.41).margin(0.01));
    CHECK(talk.call.statistics(Side::a).codec == "PCMA");
    talk.lose_every = 10;
    talk.run(11s);
    LegStatistics leg = talk.call.statistics(Side::a);
    CHECK(leg.recent_loss == Approx(0.1).margin(0.01));
    // R = 93.2 - 95 * 10 / 35.1 = 66.1
    CHECK(leg.recent_mos == Approx(3.41).margin(0.07));
    CHECK(leg.packets_per_second == Approx(45).margin(1.5));
    talk.lose_every = 0;
    talk.run(11s);
    leg = talk.call.statistics(Side::a);
    CHECK(leg.recent_loss == 0);
    CHECK(leg.recent_mos > 4.4);
    CHECK(leg.worst_mos == Approx(3.41).margin(0.07));
    CHECK(leg.mos > leg.worst_mos);
    CHECK(leg.mos < 4.3);
    CHECK(talk.call.statistics(Side::b).worst_mos > 4.4);
}

TEST_CASE("A dynamic payload type is judged by the codec that signaling names, and by none where it names none") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
    a.codec = "G729";
    Talk talk({a, b});
    talk.type = 96;
    talk.run(10s);
    CHECK(talk.call.statistics(Side::a).mos == Approx(4.10).margin(0.02));  // R = 82.2
    CHECK(talk.call.statistics(Side::b).mos == 0);
    CHECK(talk.call.statistics(Side::b).codec.empty());
}

TEST_CASE("Packets that come after a later one are counted as reordered, and not as lost") {
    MediaBench bench;
    Call call(bench);
    for (const std::uint16_t sequence : {1, 2, 4, 3, 5, 8, 6, 7, 9, 9})
        call.from_a(rtp_packet({.sequence = sequence, .timestamp = sequence * 160u}));
    CHECK(call.statistics(Side::a).reordered == 3);
    CHECK(call.statistics(Side::a).lost == 0);
}

namespace {

Bytes receiver_report(std::uint32_t from, std::uint32_t about, std::uint32_t last_report, std::uint32_t kept) {
    Bytes packet(32);
    packet[0] = 0x81;
    packet[1] = 201;
    store_be16(&packet[2], 7);
    store_be32(&packet[4], from);
    store_be32(&packet[8], about);
    store_be32(&packet[24], last_report);
    store_be32(&packet[28], kept);
    return packet;
}

}  // namespace

TEST_CASE("The round trip is told by who answers a sender report that was relayed to him") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet({.ssrc = ssrc_a}));
    call.from_b(rtp_packet({.ssrc = ssrc_b}));
    call.rtcp_from_a(rtcp_packet(ssrc_a), rtcp_a);  // middle of its NTP time: 03040506
    bench.wait(1'080ms);
    call.rtcp_from_b(receiver_report(ssrc_b, ssrc_a, 0x03040506, 65'536), rtcp_b);  // kept for a second
    REQUIRE(call.statistics(Side::b).round_trip);
    CHECK(std::chrono::duration<double>(*call.statistics(Side::b).round_trip).count() == Approx(0.08).margin(1e-4));
    CHECK_FALSE(call.statistics(Side::a).round_trip);
    // One that answers something else, and one that says that it kept it for longer than it was under way, tell
    // nothing.
    call.rtcp_from_b(receiver_report(ssrc_b, ssrc_a, 0x11111111, 0), rtcp_b);
    call.rtcp_from_b(receiver_report(ssrc_b, ssrc_a, 0x03040506, 65'536 * 5), rtcp_b);
    CHECK(std::chrono::duration<double>(*call.statistics(Side::b).round_trip).count() == Approx(0.08).margin(1e-4));
}

TEST_CASE("The round trip is told by who answers a sender report of ours") {
    MediaBench bench;
    Call call(bench);
    std::uint16_t sequence = 0;
    std::optional<Report> ours;
    for (int i = 0; i < 1'300 && !(ours && ours->type == 200); ++i, bench.wait(20ms)) {
        call.from_a(rtp_packet({.sequence = ++sequence, .timestamp = sequence * 160u, .ssrc = ssrc_a}));
        call.from_b(rtp_packet({.sequence = sequence, .timestamp = sequence * 160u, .ssrc = ssrc_b}));
        bench.tick();
        for (const auto& relayed : bench.reports())
            if (relayed.to == rtcp_b) ours = read(relayed, bench.now);
    }
    REQUIRE(ours);
    REQUIRE(ours->type == 200);
    const auto middle = static_cast<std::uint32_t>(ours->ntp >> 16);
    const Duration since = bench.now - ours->at;
    bench.wait(550ms - since);
    call.rtcp_from_b(receiver_report(ssrc_b, ssrc_a, middle, 32'768), rtcp_b);  // kept for half a second
    REQUIRE(call.statistics(Side::b).round_trip);
    CHECK(std::chrono::duration<double>(*call.statistics(Side::b).round_trip).count() == Approx(0.05).margin(1e-4));
}

TEST_CASE("Streams are in the histograms when their session has ended") {
    Talk talk;
    talk.run(10s);
    const auto& statistics = talk.bench.pipeline.statistics();
    const auto sum = [](const auto& histogram) {
        std::uint64_t count = 0;
        for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) count += histogram.bucket(i);
        return count;
    };
    CHECK(sum(statistics.mos) == 0);
    talk.call.release();
    CHECK(sum(statistics.mos) == 2);
    CHECK(statistics.mos.bucket(8) == 2);         // above 4.34
    CHECK(statistics.loss_ratio.bucket(0) == 2);  // none
    CHECK(sum(statistics.round_trip_seconds) == 0);
}

TEST_CASE("Another clock rate after a long call is no silence since its beginning") {
    Talk talk;
    talk.run(60s);
    talk.events.clear();
    LegChange faster = leg(Side::a);
    faster.clock_rate = 16'000;
    REQUIRE(talk.call.modify({faster}).code == Code::ok);
    talk.a = false;
    talk.run(2s);
    REQUIRE(talk.events.size() == 1);
    CHECK(talk.events.front().event.count <= 2'000);
    talk.a = true;
    talk.run(2s);
    CHECK(talk.call.statistics(Side::a).silent < 3s);
}
