// A leg whose peer is sent nothing although the other side talks: told, whatever the reason, and when it is over.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

constexpr auto suite = srtp::Suite::aes_cm_128_hmac_sha1_80;

struct Talk {
    explicit Talk(std::vector<LegChange> legs = {}) : call(bench, std::move(legs)) {}
    // Side b talks; what is to leave to side a is dropped as `why`, all but every `passes`th packet.
    void run(Duration time, Drop why = Drop::none, int passes = 0) {
        for (const TimePoint end = bench.now + time; bench.now < end; bench.wait(20ms)) {
            for (auto& event : bench.tick())
                if (event.kind == EventKind::not_sent || event.kind == EventKind::sent_again)
                    events.push_back({bench.now, std::move(event)});
            ++sequence;
            if (silent) continue;
            Bytes payload = rtp_packet({.sequence = sequence, .timestamp = sequence * 160u});
            Packet packet = bench.describe(1, call.peer_b, call.local_b.port, payload);
            const bool lost = why != Drop::none && (passes == 0 || sequence % passes != 0);
            if (lost && why == Drop::protect_failed) packet.capacity = packet.length;  // no room for a tag
            bench.pipeline.process({&packet, 1}, bench.now);
            if (lost && why != Drop::protect_failed) bench.pipeline.not_sent(0, call.local_a.port, packet.length, why);
        }
    }
    struct Seen {
        TimePoint at;
        Event event;
    };
    MediaBench bench;
    Call call;
    bool silent = false;
    std::uint16_t sequence = 0;
    std::vector<Seen> events;
};

}  // namespace

TEST_CASE("A leg that nothing leaves on is told within four seconds, with the reason, once, and when it is over") {
    for (const Drop why : {Drop::no_next_hop, Drop::too_big, Drop::protect_failed}) {
        LegChange a = leg(Side::a, at("203.0.113.5:4000"));
        if (why == Drop::protect_failed) a.keys = Keys{suite, Bytes(30, 1), Bytes(30, 2)};
        Talk talk({a});
        talk.run(5s);
        CHECK(talk.events.empty());
        const TimePoint since = talk.bench.now;
        talk.run(20s, why);
        REQUIRE(talk.events.size() == 1);
        const Event& told = talk.events[0].event;
        CHECK(told.kind == EventKind::not_sent);
        CHECK(told.side == Side::a);
        CHECK(told.drop == why);
        CHECK(told.count >= 50);
        CHECK(talk.events[0].at - since >= 2s);
        CHECK(talk.events[0].at - since <= 4s);
        CHECK(talk.bench.pipeline.statistics().not_sent.read() == 1);
        talk.run(3s);
        REQUIRE(talk.events.size() == 2);
        CHECK(talk.events[1].event.kind == EventKind::sent_again);
        CHECK(talk.events[1].event.count >= 19'000);
        CHECK(talk.events[1].event.count <= 22'000);
    }
}

TEST_CASE("Loss on the way out, a short interruption, hold, and a side that says nothing are not told as that") {
    Talk talk;
    talk.run(3s);
    SECTION("half is lost") { talk.run(20s, Drop::tx_full, 2); }
    SECTION("a second") { talk.run(900ms, Drop::no_next_hop); }
    SECTION("a second of it, and then nothing is to be sent") {
        talk.run(900ms, Drop::no_next_hop);
        talk.silent = true;
    }
    SECTION("hold") {
        LegChange hold = leg(Side::a);
        hold.direction = Direction::sendonly;
        REQUIRE(talk.call.modify({hold}).code == Code::ok);
    }
    talk.run(10s);
    CHECK(talk.events.empty());
}
