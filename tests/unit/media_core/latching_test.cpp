#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

const Endpoint real_a = at("203.0.113.5:49152");  // the signalled host, another port: a NAT in between
const Endpoint stranger = at("192.0.2.66:666");

LegChange with_mode(Latching mode) {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.latching = mode;
    return a;
}

// Twenty milliseconds apart, as many as a stranger's proof takes and more.
Drop talk_from(MediaBench& bench, Call& call, const Endpoint& source, int packets, std::uint16_t first = 1) {
    Drop last = Drop::none;
    for (int i = 0; i < packets; ++i) {
        last = call.from_a(rtp_packet({.sequence = static_cast<std::uint16_t>(first + i)}), source).drop;
        bench.wait(20ms);
    }
    return last;
}

}  // namespace

TEST_CASE("Symmetric RTP: the signalled address is sent to until a packet from that host shows the real port") {
    MediaBench bench;
    Call call(bench);
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);
    CHECK(call.from_a(rtp_packet(), real_a).drop == Drop::none);
    CHECK(call.from_b(rtp_packet()).to == real_a);
    CHECK(call.statistics(Side::a).latched);
    CHECK(call.statistics(Side::a).remote == real_a);
    SECTION("after that every other source is a stranger, the signalled one too") {
        CHECK(call.from_a(rtp_packet()).drop == Drop::wrong_source);
        CHECK(call.from_a(rtp_packet(), stranger).drop == Drop::wrong_source);
        CHECK(call.from_b(rtp_packet()).to == real_a);
    }
    SECTION("signaling can have it learn anew") {
        LegChange change = leg(Side::a);
        change.relearn = true;
        REQUIRE(call.modify({change}).code == Code::ok);
        CHECK(call.from_b(rtp_packet()).to == call.peer_a);
        CHECK(call.from_a(rtp_packet(), at("203.0.113.5:50000")).drop == Drop::none);
        CHECK(call.from_b(rtp_packet()).to == at("203.0.113.5:50000"));
    }
    SECTION("the same address signalled again keeps the latch") {
        REQUIRE(call.modify({leg(Side::a, call.peer_a)}).code == Code::ok);
        CHECK(call.from_b(rtp_packet()).to == real_a);
        CHECK(call.from_a(rtp_packet(), at("203.0.113.5:50000")).drop == Drop::wrong_source);
    }
    SECTION("another signalled address is sent to at once, and the old peer is a stranger") {
        const Endpoint moved = at("203.0.113.6:4000");
        REQUIRE(call.modify({leg(Side::a, moved)}).code == Code::ok);
        CHECK(call.from_b(rtp_packet()).to == moved);
        CHECK(call.from_a(rtp_packet(), real_a).drop == Drop::wrong_source);
        CHECK(call.from_a(rtp_packet(), moved).drop == Drop::none);
    }
}

TEST_CASE("A stream that has fallen silent may come back from another port of its host, and from nowhere else [E-40]") {
    MediaBench bench;
    const auto mode = GENERATE(Latching::signalled_address, Latching::any_address, Latching::off);
    Call call(bench, {with_mode(mode)});
    const Endpoint first = mode == Latching::any_address ? at("198.18.0.7:31000") : call.peer_a;
    const Endpoint moved{first.address, 50'000};
    talk_from(bench, call, first, 5);
    REQUIRE(call.rtcp_from_a(rtcp_packet(), {first.address, static_cast<std::uint16_t>(first.port + 1)}).drop ==
            Drop::none);
    const auto look = [&](Duration after) {
        bench.wait(after);
        bench.tick();
    };
    // Looked at every second; what has been seen in between counts.
    look(1s);
    CHECK(talk_from(bench, call, moved, 20, 6) == Drop::wrong_source);
    look(1s);
    if (mode == Latching::off) {
        look(10s);
        CHECK(talk_from(bench, call, moved, 20, 30) == Drop::wrong_source);
        return;
    }
    SECTION("with the SSRC that it had, after as many packets as a phone's proof takes; RTCP finds its own way again") {
        CHECK(talk_from(bench, call, moved, 10, 20) == Drop::wrong_source);  // noticed, and no memory taken for it
        bench.wait(800ms);
        bench.tick();
        CHECK(talk_from(bench, call, moved, 4, 30) == Drop::wrong_source);
        CHECK(call.from_b(rtp_packet()).to == first);
        CHECK(talk_from(bench, call, moved, 1, 34) == Drop::none);
        CHECK(call.from_b(rtp_packet()).to == moved);
        const auto events = bench.tick();
        CHECK(std::any_of(events.begin(), events.end(),
                          [&](const Event& e) { return e.kind == EventKind::latched && e.endpoint == moved; }));
        CHECK(call.from_a(rtp_packet({.sequence = 40}), first).drop == Drop::wrong_source);
        CHECK(call.rtcp_from_a(rtcp_packet(), {first.address, 50'001}).drop == Drop::none);
        look(1s);
        CHECK(talk_from(bench, call, first, 20, 50) == Drop::wrong_source);  // it is not silent again yet
    }
    SECTION("not with another SSRC, nor from another host, nor with what nobody has agreed upon") {
        for (int i = 0; i < 20; ++i) {
            const auto sequence = static_cast<std::uint16_t>(30 + i);
            CHECK(call.from_a(rtp_packet({.sequence = sequence, .ssrc = 0x55667788}), moved).drop ==
                  Drop::wrong_source);
            CHECK(call.from_a(rtp_packet({.sequence = sequence}), stranger).drop == Drop::wrong_source);
            bench.wait(20ms);
        }
        LegChange only_pcmu = leg(Side::a);
        only_pcmu.payload_map = {{0, 0}};
        only_pcmu.drop_unmapped = true;
        REQUIRE(call.modify({only_pcmu}).code == Code::ok);
        CHECK(talk_from(bench, call, moved, 20, 60) == Drop::wrong_source);
        CHECK(call.from_b(rtp_packet()).to == first);
    }
    SECTION("not when the stream flows again, whatever was seen at the last look") {
        CHECK(talk_from(bench, call, first, 1, 30) == Drop::none);
        CHECK(talk_from(bench, call, moved, 20, 31) == Drop::wrong_source);
        CHECK(call.from_b(rtp_packet()).to == first);
    }
    SECTION("what signaling changes meanwhile changes nothing of that") {
        REQUIRE(call.modify({leg(Side::a, call.peer_a)}).code == Code::ok);
        CHECK(talk_from(bench, call, moved, 1, 29) == Drop::wrong_source);
        look(1s);
        CHECK(talk_from(bench, call, moved, 5, 30) == Drop::none);
    }
}

TEST_CASE(
    "A silent SRTP stream comes back from elsewhere with its first authentic packet, and forged ones do nothing "
    "[E-40]") {
    MediaBench bench;
    const Bytes peer_key(30, 1), our_key(30, 2);
    const auto mode = GENERATE(Latching::signalled_address, Latching::any_address);
    LegChange a = with_mode(mode);
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    Call call(bench, {a});
    SrtpPeer peer(a.keys->suite, peer_key, our_key);
    const Endpoint moved = mode == Latching::any_address ? at("198.18.0.7:31000") : real_a;
    const Bytes early = peer.protect(rtp_packet());
    REQUIRE(call.from_a(early).drop == Drop::none);
    CHECK(call.from_a(peer.protect(rtp_packet({.sequence = 2})), moved).drop == Drop::wrong_source);
    bench.wait(2s);
    bench.tick();
    CHECK(call.from_a(rtp_packet({.sequence = 3}), moved).drop == Drop::auth_failed);
    CHECK(call.from_a(early, moved).drop == Drop::replayed);
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);
    CHECK(call.from_a(peer.protect(rtp_packet({.sequence = 4})), moved).drop == Drop::none);
    CHECK(call.from_b(rtp_packet({.sequence = 2})).to == moved);
}

TEST_CASE("A second source in the same burst as the first does not get in") {
    MediaBench bench;
    Call call(bench);
    Bytes first = rtp_packet(), second = rtp_packet({.sequence = 2});
    Packet burst[] = {bench.describe(0, real_a, call.local_a.port, first),
                      bench.describe(0, at("203.0.113.5:50000"), call.local_a.port, second)};
    bench.pipeline.process(burst, bench.now);
    CHECK(burst[0].drop == Drop::none);
    CHECK(burst[1].drop == Drop::wrong_source);
}

TEST_CASE("Latching off: the signalled address and port, nothing else") {
    MediaBench bench;
    Call call(bench, {with_mode(Latching::off)});
    CHECK(call.from_a(rtp_packet(), real_a).drop == Drop::wrong_source);
    CHECK(call.from_a(rtp_packet()).drop == Drop::none);
    CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4009")).drop == Drop::wrong_source);
    CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop == Drop::none);
}

TEST_CASE("Far-end NAT: a source from elsewhere is believed after it has talked like a phone") {
    MediaBench bench;
    Call call(bench, {with_mode(Latching::any_address)});
    const Endpoint nat = at("198.18.0.7:31000");
    CHECK(talk_from(bench, call, nat, 4) == Drop::wrong_source);
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);  // and nothing goes there before
    CHECK(talk_from(bench, call, nat, 1, 5) == Drop::none);
    CHECK(call.from_b(rtp_packet()).to == nat);
    CHECK(talk_from(bench, call, stranger, 20) == Drop::wrong_source);
    CHECK(call.from_b(rtp_packet()).to == nat);
}

TEST_CASE("Far-end NAT: while it learns, a packet from the signalled host wins at once over whoever came first") {
    MediaBench bench;
    Call call(bench, {with_mode(Latching::any_address)});
    CHECK(talk_from(bench, call, stranger, 4) == Drop::wrong_source);
    CHECK(call.from_a(rtp_packet(), real_a).drop == Drop::none);
    CHECK(talk_from(bench, call, stranger, 10, 5) == Drop::wrong_source);
    CHECK(call.from_b(rtp_packet()).to == real_a);
}

TEST_CASE("Far-end NAT: plain RTCP is believed from where RTP was seen") {
    MediaBench bench;
    Call call(bench, {with_mode(Latching::any_address)});
    const Endpoint nat = at("198.18.0.7:31000"), nat_rtcp = at("198.18.0.7:31055");
    CHECK(call.rtcp_from_a(rtcp_packet(), nat_rtcp).drop == Drop::wrong_source);
    talk_from(bench, call, nat, 5);
    CHECK(call.rtcp_from_a(rtcp_packet(), nat_rtcp).drop == Drop::none);
    CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).to == nat_rtcp);
    CHECK(call.rtcp_from_a(rtcp_packet(), at("198.18.0.7:31056")).drop == Drop::wrong_source);
}

TEST_CASE("SRTP: only an authentic packet takes the leg, however many forged ones come first") {
    MediaBench bench;
    const Bytes peer_key(30, 1), our_key(30, 2);
    LegChange a = with_mode(Latching::any_address);
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    Call call(bench, {a});
    SrtpPeer peer(a.keys->suite, peer_key, our_key);
    CHECK(talk_from(bench, call, stranger, 50) == Drop::auth_failed);
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);
    const Endpoint nat = at("198.18.0.7:31000");
    CHECK(call.from_a(peer.protect(rtp_packet({.sequence = 1})), nat).drop == Drop::none);
    CHECK(call.from_b(rtp_packet({.sequence = 2})).to == nat);
    CHECK(call.from_a(peer.protect(rtp_packet({.sequence = 2})), stranger).drop == Drop::wrong_source);
    SECTION("RTCP finds its own way, authenticated as well") {
        CHECK(call.rtcp_from_a(rtcp_packet(), stranger).drop == Drop::auth_failed);
        CHECK(call.rtcp_from_a(peer.protect(rtcp_packet(), true), at("198.18.0.7:31001")).drop == Drop::none);
        CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).to == at("198.18.0.7:31001"));
    }
}

TEST_CASE("A flood of forged packets from elsewhere does not starve the peer that signaling named") {
    MediaBench bench;
    const Bytes peer_key(30, 1), our_key(30, 2);
    LegChange a = with_mode(Latching::any_address);
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    Call call(bench, {a});
    SrtpPeer peer(a.keys->suite, peer_key, our_key);
    std::size_t limited = 0;
    for (int i = 0; i < 20'000; ++i) limited += call.from_a(rtp_packet(), stranger).drop == Drop::rate;
    CHECK(limited == 7'500);  // what may be looked at in a second, 25 times the stream's rate
    CHECK(call.from_a(peer.protect(rtp_packet())).drop == Drop::none);
    for (int i = 0; i < 2000; ++i) REQUIRE(call.from_a(rtp_packet(), stranger).drop == Drop::wrong_source);
    CHECK(call.from_a(peer.protect(rtp_packet({.sequence = 2}))).drop == Drop::none);
}

TEST_CASE("A change of mode keeps a latch that the new mode would have learnt too, and no other") {
    MediaBench bench;
    Call call(bench, {with_mode(Latching::any_address)});
    const auto set = [&](Latching mode) {
        LegChange change = leg(Side::a);
        change.latching = mode;
        REQUIRE(call.modify({change}).code == Code::ok);
    };
    SECTION("learnt elsewhere") {
        talk_from(bench, call, stranger, 5);
        REQUIRE(call.from_b(rtp_packet()).to == stranger);
        set(Latching::signalled_address);
        CHECK(call.from_b(rtp_packet()).to == call.peer_a);
        CHECK(call.from_a(rtp_packet(), stranger).drop == Drop::wrong_source);
    }
    SECTION("learnt at the signalled host") {
        REQUIRE(call.from_a(rtp_packet(), real_a).drop == Drop::none);
        set(Latching::signalled_address);
        CHECK(call.from_b(rtp_packet()).to == real_a);
        set(Latching::off);
        CHECK(call.from_b(rtp_packet()).to == call.peer_a);
    }
}

TEST_CASE("What a plain leg believed counts no more once it has keys") {
    MediaBench bench;
    Call call(bench);
    REQUIRE(call.from_a(rtp_packet(), real_a).drop == Drop::none);
    LegChange change = leg(Side::a);
    const Bytes peer_key(30, 1), our_key(30, 2);
    change.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    REQUIRE(call.modify({change}).code == Code::ok);
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);
    SrtpPeer peer(change.keys->suite, peer_key, our_key);
    CHECK(call.from_a(peer.protect(rtp_packet()), at("203.0.113.5:50000")).drop == Drop::none);
}

namespace {

// A media plane that is gone, and the one in its place: told of side a what the first one reported.
struct AfterRestart {
    AfterRestart(LegChange a, std::optional<Latched> reported) : call(bench, {with(std::move(a), reported)}) {
        REQUIRE(call.reply.code == Code::ok);
    }
    static LegChange with(LegChange a, std::optional<Latched> reported) {
        a.latched = reported;
        return a;
    }
    MediaBench bench;
    Call call;
};

std::optional<Latched> reported_of_a(MediaBench& bench) {
    std::optional<Latched> last;
    for (const Event& event : bench.tick())
        if (event.kind == EventKind::latched && event.side == Side::a) last = event.latched;
    return last;
}

}  // namespace

TEST_CASE("After a restart a far-end NAT's leg is where it was: RTP, RTCP, and nobody else takes it") {
    MediaBench bench;
    Call call(bench, {with_mode(Latching::any_address)});
    const Endpoint nat = at("198.18.0.7:31000"), nat_rtcp = at("198.18.0.7:31055");
    talk_from(bench, call, nat, 5);
    auto reported = reported_of_a(bench);
    REQUIRE(reported);
    CHECK(reported->rtp == nat);
    CHECK(reported->rtcp.empty());
    call.rtcp_from_a(rtcp_packet(), nat_rtcp);
    reported = reported_of_a(bench);
    REQUIRE(reported);
    CHECK(reported->rtcp == nat_rtcp);
    CHECK_FALSE(reported->authenticated);
    REQUIRE(bench.pipeline.allocate({.key = call.key}, bench.now).latched.size() == 1);

    AfterRestart fresh(with_mode(Latching::any_address), reported);
    CHECK(fresh.call.statistics(Side::a).latched);
    CHECK(fresh.call.from_b(rtp_packet()).to == nat);
    CHECK(fresh.call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).to == nat_rtcp);
    CHECK(talk_from(fresh.bench, fresh.call, stranger, 20) == Drop::wrong_source);
    CHECK(fresh.call.from_a(rtp_packet(), real_a).drop == Drop::wrong_source);
    CHECK(fresh.call.from_a(rtp_packet(), nat).drop == Drop::none);
    CHECK(fresh.call.rtcp_from_a(rtcp_packet(), nat_rtcp).drop == Drop::none);
    SECTION("until signaling has it learn anew") {
        LegChange change = leg(Side::a);
        change.relearn = true;
        change.latched = reported;
        REQUIRE(fresh.call.modify({change}).code == Code::ok);
        CHECK(fresh.call.from_b(rtp_packet()).to == fresh.call.peer_a);
    }
    SECTION("or the peer is signalled elsewhere") {
        LegChange change = leg(Side::a, at("203.0.113.6:4000"));
        change.latched = reported;
        REQUIRE(fresh.call.modify({change}).code == Code::ok);
        CHECK(fresh.call.from_b(rtp_packet()).to == at("203.0.113.6:4000"));
    }
}

TEST_CASE("After a restart a replayed SRTP packet from elsewhere takes no leg that had latched") {
    const Bytes peer_key(30, 1), our_key(30, 2);
    LegChange secure = with_mode(Latching::any_address);
    secure.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    SrtpPeer peer(srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key);
    MediaBench bench;
    Call call(bench, {secure});
    const Endpoint nat = at("198.18.0.7:31000");
    REQUIRE(call.from_a(peer.protect(rtp_packet()), nat).drop == Drop::none);
    const auto reported = reported_of_a(bench);
    REQUIRE(reported);
    CHECK(reported->authenticated);
    const Bytes recorded = peer.protect(rtp_packet({.sequence = 2}));  // newer than what was reported of the keys

    AfterRestart fresh(secure, reported);
    CHECK(fresh.call.from_a(recorded, stranger).drop == Drop::wrong_source);
    CHECK(fresh.call.from_b(rtp_packet()).to == nat);
    CHECK(fresh.call.from_a(peer.protect(rtp_packet({.sequence = 3})), nat).drop == Drop::none);
}

TEST_CASE("What a plain leg believed, or what its mode could not have learnt, is not taken up after a restart") {
    const Endpoint nat = at("198.18.0.7:31000"), signalled = at("203.0.113.5:4000");
    const auto goes_to = [](const LegChange& a, const Latched& latched) {
        return AfterRestart(a, latched).call.from_b(rtp_packet());
    };
    LegChange secure = with_mode(Latching::any_address);
    secure.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), Bytes(30, 2)};
    CHECK(goes_to(secure, {nat, {}, signalled, false}).to == signalled);
    CHECK(goes_to(secure, {nat, {}, signalled, true}).to == nat);
    CHECK(goes_to(with_mode(Latching::signalled_address), {nat, {}, signalled, true}).to == signalled);
    CHECK(goes_to(with_mode(Latching::signalled_address), {real_a, {}, signalled, false}).to == real_a);
    CHECK(goes_to(with_mode(Latching::off), {real_a, {}, signalled, true}).to == signalled);
    CHECK(goes_to(with_mode(Latching::any_address), {nat, {}, at("203.0.113.5:4002"), true}).to == signalled);
    CHECK(goes_to(with_mode(Latching::any_address), {at("[2001:db8::9]:4000"), {}, signalled, true}).to == signalled);
}

TEST_CASE(
    "What a peer that moves sends from its old port until it knows is heard, and keeps nothing from the new one") {
    MediaBench bench;
    Call call(bench);
    std::uint16_t sequence = 0;
    const auto from = [&](const Endpoint& source) {
        bench.wait(20ms);
        return call.from_a(rtp_packet({.sequence = ++sequence}), source).drop;
    };
    REQUIRE(from(call.peer_a) == Drop::none);
    REQUIRE(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop == Drop::none);
    const Endpoint moved = at("203.0.113.5:4100");
    REQUIRE(call.modify({leg(Side::a, moved)}).code == Code::ok);
    for (int i = 0; i < 20; ++i) CHECK(from(call.peer_a) == Drop::none);
    CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop == Drop::none);
    CHECK(call.from_b(rtp_packet()).to == moved);
    CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).to == at("203.0.113.5:4101"));
    CHECK(from(moved) == Drop::none);
    CHECK(from(call.peer_a) == Drop::wrong_source);
    CHECK(call.from_b(rtp_packet({.sequence = 2})).to == moved);
}
