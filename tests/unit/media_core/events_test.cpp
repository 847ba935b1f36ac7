#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

std::vector<EventKind> kinds(const std::vector<Event>& events) {
    std::vector<EventKind> all;
    for (const Event& event : events) all.push_back(event.kind);
    return all;
}
using Kinds = std::vector<EventKind>;

// Ticks ten times a second, for as long as given, and says what was reported when.
std::vector<std::pair<Duration, Event>> watch(MediaBench& bench, Duration how_long) {
    std::vector<std::pair<Duration, Event>> all;
    const TimePoint start = bench.now;
    while (bench.now - start < how_long) {
        bench.wait(100ms);
        for (Event& event : bench.tick()) all.emplace_back(bench.now - start, std::move(event));
    }
    return all;
}

}  // namespace

TEST_CASE("The first packet of a leg and its latch are told once") {
    MediaBench bench;
    Call call(bench);
    CHECK(bench.tick().empty());
    const Endpoint real = at("203.0.113.5:49152");
    call.from_a(rtp_packet(), real);
    call.from_a(rtp_packet({.sequence = 2}), real);
    const auto events = bench.tick();
    CHECK(kinds(events) == Kinds{EventKind::first_packet, EventKind::latched});
    for (const Event& event : events) {
        CHECK(event.key == call.key);
        CHECK(event.side == Side::a);
        CHECK(event.endpoint == real);
    }
    call.from_a(rtp_packet({.sequence = 3}), real);
    CHECK(bench.tick().empty());
    SECTION("and the latch again when signaling had it learn anew") {
        LegChange change = leg(Side::a);
        change.relearn = true;
        call.modify({change});
        call.from_a(rtp_packet({.sequence = 4}), at("203.0.113.5:50000"));
        CHECK(kinds(bench.tick()) == Kinds{EventKind::latched});
    }
}

TEST_CASE("Events of a session that is gone are not told") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet());
    call.from_b(rtp_packet());
    call.release();
    CHECK(bench.tick().empty());
}

TEST_CASE("Authentication failures are told once a second a leg, with their number, to the last one") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), Bytes(30, 2)};
    Call call(bench, {a});
    call.from_a(rtp_packet());
    auto events = bench.tick();
    REQUIRE(kinds(events) == Kinds{EventKind::srtp_auth_failures});
    CHECK(events[0].count == 1);
    for (int i = 0; i < 7; ++i) call.from_a(rtp_packet());
    bench.wait(900ms);
    CHECK(bench.tick().empty());
    bench.wait(100ms);
    events = bench.tick();
    REQUIRE(kinds(events) == Kinds{EventKind::srtp_auth_failures});
    CHECK(events[0].count == 7);
    bench.wait(10s);
    CHECK(bench.tick().empty());
}

TEST_CASE("A side that falls silent is told once, and again only after it has spoken") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet());
    call.from_b(rtp_packet());
    bench.tick();
    auto seen = watch(bench, 29s);
    CHECK(seen.empty());
    call.from_b(rtp_packet({.sequence = 2}));
    seen = watch(bench, 20s);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].second.kind == EventKind::inactivity);
    CHECK(seen[0].second.side == Side::a);
    call.from_a(rtp_packet({.sequence = 2}));
    call.from_b(rtp_packet({.sequence = 3}));
    seen = watch(bench, 60s);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].first >= 30s);
    CHECK(seen[0].first < 32s);
    CHECK(seen[0].second.side != seen[1].second.side);
}

TEST_CASE("RTCP alone is a sign of life, packets of strangers are not") {
    MediaBench bench;
    Call call(bench);
    for (int i = 0; i < 10; ++i) {
        call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001"));
        call.from_b(rtp_packet(), at("192.0.2.66:666"));
        auto seen = watch(bench, 10s);
        std::erase_if(seen, [](const auto& one) { return one.second.kind == EventKind::latched; });
        for (const auto& [when, event] : seen) CHECK(event.side == Side::b);
        CHECK(seen.size() == (i == 2 || (i == 3 && seen.size() == 1) ? 1 : 0));
    }
}

TEST_CASE("Nobody is expected to speak while the other side has not answered, or on hold") {
    MediaBench bench;
    Call call(bench, {leg(Side::b)});
    CHECK(watch(bench, 120s).empty());
    LegChange answer = leg(Side::b, call.peer_b);
    answer.direction = Direction::recvonly;
    REQUIRE(call.modify({answer}).code == Code::ok);
    const auto seen = watch(bench, 120s);  // a should speak, b need not
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].second.side == Side::a);
    CHECK(seen[0].first >= 30s);
    LegChange resumed = leg(Side::b);
    resumed.direction = Direction::sendrecv;
    call.modify({resumed});
    const auto after = watch(bench, 120s);
    REQUIRE(after.size() == 1);
    CHECK(after[0].second.side == Side::b);
    CHECK(after[0].first >= 30s);
    LegChange held = leg(Side::b, at("0.0.0.0:6000"));
    call.modify({held});
    CHECK(watch(bench, 120s).empty());
}

TEST_CASE("A session without the wish is never told silent") {
    MediaBench bench;
    Allocate command;
    command.key = {"shard-0", "quiet"};
    command.port_a = "access";
    command.port_b = "core";
    command.legs = {leg(Side::a, at("203.0.113.5:4000")), leg(Side::b, at("203.0.113.99:6000"))};
    bench.pipeline.allocate(command, bench.now);
    CHECK(watch(bench, 200s).empty());
}

TEST_CASE("Among many sessions each silent one is found within about a second") {
    MediaBench bench;
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 300; ++i)
        calls.push_back(std::make_unique<Call>(bench, std::vector<LegChange>{}, std::to_string(i)));
    const auto seen = watch(bench, 32s);
    CHECK(seen.size() == 600);
    for (const auto& [when, event] : seen) CHECK((when >= 30s && when <= 31'200ms));
}

TEST_CASE("A session whose lease ended is told with its statistics") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet());
    CHECK(bench.pipeline.release({call.key, true}, bench.now).code == Code::ok);
    const auto events = bench.tick();
    REQUIRE(kinds(events) == Kinds{EventKind::released});
    CHECK(events[0].key == call.key);
    REQUIRE(events[0].statistics.has_value());
    CHECK(events[0].statistics->legs.at(0).packets_received == 1);
    CHECK(bench.tick().empty());
}

TEST_CASE(
    "That a call is answered is heard from an Allocate of a session that lives, as after a restart of signaling") {
    MediaBench bench;
    Allocate command;
    command.key = {"shard-0", "early"};
    command.port_a = "access";
    command.port_b = "core";
    command.legs = {leg(Side::a, at("203.0.113.5:4000")), leg(Side::b, at("203.0.113.99:6000"))};
    const Reply first = bench.pipeline.allocate(command, bench.now);
    REQUIRE(first.code == Code::ok);
    CHECK(watch(bench, 30s).empty());
    command.answered = true;
    const Reply again = bench.pipeline.allocate(command, bench.now);
    REQUIRE(again.code == Code::ok);
    CHECK(again.local.front().rtp == first.local.front().rtp);
    const auto seen = watch(bench, 5s);
    CHECK(std::count_if(seen.begin(), seen.end(),
                        [](const auto& one) { return one.second.kind == EventKind::silence; }) == 2);
}
