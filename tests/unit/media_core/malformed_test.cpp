// Rows 13 to 18 of the advisories that became tests: what others crashed, bled or hung up on.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {
const Endpoint rtcp_a = at("203.0.113.5:4001");
}

TEST_CASE("What is neither RTP nor RTCP is dropped with its own reason") {
    MediaBench bench;
    Call call(bench);
    CHECK(call.from_a({}).drop == Drop::not_rtp);  // an empty keep-alive, RFC 6263
    CHECK(call.from_a({0x00, 0x01, 0, 0}).drop == Drop::stun);
    CHECK(call.from_a(Bytes(100, 22)).drop == Drop::dtls);     // a ClientHello from nowhere
    CHECK(call.from_a(Bytes(100, 16)).drop == Drop::not_rtp);  // ZRTP
    CHECK(call.from_a(Bytes(100, 0xff)).drop == Drop::not_rtp);
    CHECK(call.from_a({0x80}).drop == Drop::truncated);
    CHECK(call.from_a(rtcp_packet()).drop == Drop::not_rtp);  // multiplexed, which nobody negotiated
    CHECK(call.rtcp_from_a(rtp_packet(), rtcp_a).drop == Drop::not_rtp);
    CHECK(call.statistics(Side::a).packets_received == 0);
    CHECK_FALSE(call.statistics(Side::a).latched);
}

TEST_CASE(
    "[reliability 18] Header bits that lie about the length: X with 0xFFFF words, CC 15 in 20 bytes, P beyond the "
    "payload") {
    MediaBench bench;
    Call call(bench);
    Bytes extension = rtp_packet();
    extension[0] = 0x90;
    extension[14] = extension[15] = 0xff;
    CHECK(call.from_a(extension).drop == Drop::truncated);
    Bytes sources = rtp_packet({.payload_bytes = 8});
    sources[0] = 0x8f;
    CHECK(call.from_a(sources).drop == Drop::truncated);
    Bytes padding = rtp_packet({.payload_bytes = 8});
    padding[0] = 0xa0;
    padding.back() = 9;
    CHECK(call.from_a(padding).drop == Drop::truncated);
    for (std::size_t size = 1; size < 12; ++size) CHECK(call.from_a(Bytes(size, 0x80)).drop == Drop::truncated);
    CHECK(call.from_a(rtp_packet()).drop == Drop::none);
}

TEST_CASE("[reliability 17] RTCP of 1 to 12 bytes, and counts beyond its length") {
    MediaBench bench;
    Call call(bench);
    for (std::size_t size = 1; size <= 12; ++size) {
        Bytes report = rtcp_packet();
        report.resize(size);
        CHECK(call.rtcp_from_a(report, rtcp_a).drop == Drop::truncated);
    }
    Bytes blocks = rtcp_packet();
    blocks[0] = 0x9f;
    CHECK(call.rtcp_from_a(blocks, rtcp_a).drop == Drop::truncated);
    CHECK(call.rtcp_from_a(rtcp_packet(), rtcp_a).drop == Drop::none);
}

TEST_CASE(
    "[reliability 15] A million packets with bad tags from the peer's own address keep the call, cost it no packet, "
    "are "
    "counted, and told once a second") {
    MediaBench bench;
    const Bytes peer_key(30, 1), our_key(30, 2);
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    Call call(bench, {a});
    SrtpPeer peer(a.keys->suite, peer_key, our_key);
    REQUIRE(call.from_a(peer.protect(rtp_packet({.sequence = 1}))).drop == Drop::none);
    bench.tick();
    std::uint64_t failures = 0, reported = 0, reports = 0, genuine = 0;
    std::uint16_t sequence = 1;
    Bytes forged = rtp_packet();
    for (int i = 0; i < 1'000'000; ++i) {  // 10,000 a second, which show the stream's own SSRC; and 50 of the peer's
        store_be16(&forged[2], static_cast<std::uint16_t>(sequence + 100));
        failures += call.from_a(forged).drop == Drop::auth_failed;
        if (i % 200 == 0) genuine += call.from_a(peer.protect(rtp_packet({.sequence = ++sequence}))).drop == Drop::none;
        if (i % 10 != 0) continue;
        bench.wait(1ms);
        for (const Event& event : bench.tick()) {
            if (event.kind != EventKind::srtp_auth_failures) continue;
            ++reports;
            reported += event.count;
        }
    }
    CHECK(genuine == 5'000);
    CHECK(failures == 1'000'000);
    CHECK(call.statistics(Side::a).srtp_auth_failures == failures);
    CHECK(bench.pipeline.statistics().srtp_auth_failures.read() == failures);
    CHECK(reports >= 100);
    CHECK(reports <= 101);
    CHECK(reported <= failures);
    bench.wait(2s);
    CHECK(call.from_a(peer.protect(rtp_packet({.sequence = ++sequence}))).drop == Drop::none);
}

TEST_CASE(
    "A flood beyond what a cipher may be asked for is cut; of other SSRCs, and of SRTCP, it takes nothing from the "
    "stream") {
    MediaBench bench;
    const Bytes peer_key(30, 1), our_key(30, 2);
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
    Call call(bench, {a});
    SrtpPeer peer(a.keys->suite, peer_key, our_key);
    REQUIRE(call.from_a(peer.protect(rtp_packet({.sequence = 1}))).drop == Drop::none);
    std::uint64_t failures = 0, limited = 0;
    std::uint16_t sequence = 1;
    for (std::uint32_t i = 0; i < 200'000; ++i) {  // 100,000 a second
        const Drop drop = i % 2 == 0 ? call.from_a(rtp_packet({.ssrc = 1'000'000 + i})).drop
                                     : call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop;
        failures += drop == Drop::auth_failed;
        limited += drop == Drop::rate;
        if (i % 2'000 == 0) CHECK(call.from_a(peer.protect(rtp_packet({.sequence = ++sequence}))).drop == Drop::none);
        if (i % 100 == 0) bench.wait(1ms);
    }
    CHECK(failures + limited == 200'000);
    CHECK(failures < 45'000);
    // What is authentic has the stream's own rate.
    limited = 0;
    for (int i = 0; i < 1'000; ++i)
        limited += call.from_a(peer.protect(rtp_packet({.sequence = ++sequence}))).drop == Drop::rate;
    CHECK(limited >= 400);
}

TEST_CASE(
    "[reliability 16] A DTLS ClientHello or Alert in a call, from the peer's address or another, changes nothing") {
    const Bytes client_hello = from_hex("16feff000000000000000000360100002a000000000000002afefd").value(),
                alert = from_hex("15fefd00000000000000000002022800").value();
    for (const bool secure : {false, true}) {
        MediaBench bench;
        const Bytes peer_key(30, 1), our_key(30, 2);
        LegChange a = leg(Side::a, at("203.0.113.5:4000"));
        if (secure) a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key};
        Call call(bench, {a});
        SrtpPeer peer(srtp::Suite::aes_cm_128_hmac_sha1_80, peer_key, our_key);
        std::uint16_t sequence = 0;
        const auto talk = [&] {
            Bytes packet = rtp_packet({.sequence = ++sequence});
            CHECK(call.from_a(secure ? peer.protect(packet) : packet).drop == Drop::none);
            const Relayed back = call.from_b(rtp_packet({.sequence = sequence}));
            CHECK(back.drop == Drop::none);
            CHECK(back.to == call.peer_a);
            bench.wait(20ms);
        };
        for (int round = 0; round < 3; ++round) {  // before and after the latch
            for (const Bytes& bogus : {client_hello, alert})
                for (const Endpoint& source : {call.peer_a, at("192.0.2.66:666")}) {
                    CHECK(call.from_a(bogus, source).drop == Drop::dtls);
                    CHECK(call.rtcp_from_a(bogus, source).drop == Drop::dtls);
                }
            talk();
        }
        CHECK(bench.drops(Drop::dtls) == 24);
        for (const Event& event : bench.tick()) CHECK(event.kind != EventKind::srtp_auth_failures);
    }
}

TEST_CASE("[reliability 14] SRTP between two SRTP peers is verified, never passed on unread") {
    MediaBench bench;
    const Bytes a_sends(30, 1), a_receives(30, 2), b_sends(30, 3), b_receives(30, 4);
    LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, a_sends, a_receives};
    b.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, b_sends, b_receives};
    Call call(bench, {a, b});
    SrtpPeer peer_a(a.keys->suite, a_sends, a_receives), stranger(a.keys->suite, Bytes(30, 9), a_receives);
    CHECK(call.from_a(stranger.protect(rtp_packet())).drop == Drop::auth_failed);
    CHECK(call.from_a(rtp_packet()).drop == Drop::auth_failed);
    CHECK(call.from_a(peer_a.protect(rtp_packet())).drop == Drop::none);
}

namespace {

// A third address sprays both media ports' sockets of a call; nothing gets in and nothing goes out to it.
void spray(MediaBench& bench, Call& call) {
    const Endpoint attacker = at("192.0.2.66:666");
    for (std::uint16_t i = 0; i < 40; ++i) {
        for (const Endpoint& source : {attacker, Endpoint{attacker.address, static_cast<std::uint16_t>(1000 + i)}}) {
            REQUIRE(call.from_a(rtp_packet({.sequence = i, .ssrc = 666}), source).drop != Drop::none);
            REQUIRE(call.from_b(rtp_packet({.sequence = i, .ssrc = 666}), source).drop != Drop::none);
            REQUIRE(call.rtcp_from_a(rtcp_packet(666), source).drop != Drop::none);
            REQUIRE(call.rtcp_from_b(rtcp_packet(666), source).drop != Drop::none);
        }
    }
    bench.wait(5ms);
}

}  // namespace

TEST_CASE(
    "[reliability 13] RTP bleed: a third address that sprays before, during and after the latch gets nothing in and "
    "nothing out") {
    const Bytes a_sends(30, 1), a_receives(30, 2), b_sends(30, 3), b_receives(30, 4);
    const auto suite = srtp::Suite::aes_cm_128_hmac_sha1_80;
    for (const bool secure : {false, true})
        for (const Latching mode : {Latching::off, Latching::signalled_address, Latching::any_address}) {
            INFO("mode " << static_cast<int>(mode) << " secure " << secure);
            MediaBench bench;
            LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
            a.latching = b.latching = mode;
            if (secure) {
                a.keys = Keys{suite, a_sends, a_receives};
                b.keys = Keys{suite, b_sends, b_receives};
            }
            Call call(bench, {a, b});
            SrtpPeer peer_a(suite, a_sends, a_receives), peer_b(suite, b_sends, b_receives);
            const auto wire = [&](SrtpPeer& peer, Bytes packet) { return secure ? peer.protect(packet) : packet; };
            std::uint16_t sequence = 1;
            const auto talk = [&] {
                const Relayed to_b = call.from_a(wire(peer_a, rtp_packet({.sequence = sequence})));
                const Relayed to_a = call.from_b(wire(peer_b, rtp_packet({.sequence = sequence})));
                ++sequence;
                bench.wait(20ms);
                CHECK(to_b.drop == Drop::none);
                CHECK(to_b.to == call.peer_b);
                CHECK(to_a.drop == Drop::none);
                CHECK(to_a.to == call.peer_a);
            };
            spray(bench, call);
            for (int i = 0; i < 20; ++i) {
                talk();
                if (i % 4 == 0) spray(bench, call);
            }
            spray(bench, call);
            talk();
        }
}
