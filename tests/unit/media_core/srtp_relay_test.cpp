#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using srtp::Suite;

namespace {

Bytes key(Suite suite, std::uint8_t fill) { return Bytes(srtp::key_material_bytes(suite), fill); }
Keys keys(Suite suite, std::uint8_t receive = 1, std::uint8_t send = 2) {
    return {suite, key(suite, receive), key(suite, send)};
}
const Endpoint rtcp_a = at("203.0.113.5:4001"), rtcp_b = at("203.0.113.99:6001");

// SRTP on side a, plain RTP on side b: a PBX and the core.
struct SecureCall {
    explicit SecureCall(Suite s = Suite::aes_cm_128_hmac_sha1_80, srtp::EngineChoice engine = {})
        : bench(with(engine)), suite(s), call(bench, {changed(keys(s))}), peer(s, key(s, 1), key(s, 2)) {
        REQUIRE(call.reply.code == Code::ok);
    }
    static PipelineConfig with(srtp::EngineChoice engine) {
        PipelineConfig config = two_ports();
        config.srtp_engine = engine;
        return config;
    }
    static LegChange changed(Keys keys, std::optional<Endpoint> remote = at("203.0.113.5:4000")) {
        LegChange change = leg(Side::a, remote);
        change.keys = std::move(keys);
        return change;
    }
    Drop inbound(std::uint16_t sequence) {
        const Bytes plain = rtp_packet({.sequence = sequence});
        const Relayed relayed = call.from_a(peer.protect(plain));
        if (relayed.drop == Drop::none) CHECK(relayed.payload == plain);
        bench.wait(2ms);
        return relayed.drop;
    }
    bool outbound(std::uint16_t sequence) {
        const Bytes plain = rtp_packet({.sequence = sequence});
        const Relayed relayed = call.from_b(plain);
        bench.wait(2ms);
        return relayed.drop == Drop::none && relayed.payload != plain &&
               same_but_numbers(peer.unprotect(relayed.payload), plain);
    }
    MediaBench bench;
    Suite suite;
    Call call;
    SrtpPeer peer;
};

}  // namespace

TEST_CASE("SRTP to RTP and back, with every suite, RTCP too") {
    for (const Suite suite : {Suite::aes_cm_128_hmac_sha1_80, Suite::aes_cm_128_hmac_sha1_32, Suite::aead_aes_128_gcm,
                              Suite::aead_aes_256_gcm, Suite::aes_256_cm_hmac_sha1_80}) {
        INFO(srtp::facts(suite).sdes_name);
        SecureCall c(suite);
        CHECK(c.inbound(1) == Drop::none);
        CHECK(c.outbound(1));
        CHECK(c.call.rtcp_from_a(c.peer.protect(rtcp_packet(), true), rtcp_a).payload == rtcp_packet());
        CHECK(c.peer.unprotect(c.call.rtcp_from_b(rtcp_packet(), rtcp_b).payload, true) == rtcp_packet());
        CHECK(c.call.statistics(Side::a).suite == suite);
        CHECK(c.call.statistics(Side::a).bytes_received == 172);
        CHECK(c.call.statistics(Side::a).bytes_sent == 172);
    }
}

TEST_CASE("70,000 packets each way: the rollover counter follows on both legs") {
    SecureCall c;
    std::size_t in = 0, out = 0;
    for (std::uint32_t i = 0; i < 70'000; ++i) {
        in += c.inbound(static_cast<std::uint16_t>(i)) == Drop::none;
        out += c.outbound(static_cast<std::uint16_t>(i));
    }
    CHECK(in == 70'000);
    CHECK(out == 70'000);
    CHECK(c.call.statistics(Side::a).lost == 0);
}

TEST_CASE("SRTP on both sides, each with its own suite and keys") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
    a.keys = keys(Suite::aes_cm_128_hmac_sha1_32, 1, 2);
    b.keys = keys(Suite::aead_aes_256_gcm, 3, 4);
    Call call(bench, {a, b});
    SrtpPeer peer_a(a.keys->suite, a.keys->receive, a.keys->send), peer_b(b.keys->suite, b.keys->receive, b.keys->send);
    for (std::uint16_t i = 1; i < 20; ++i) {
        const Bytes plain = rtp_packet({.sequence = i});
        CHECK(peer_b.unprotect(call.from_a(peer_a.protect(plain)).payload) == plain);
        CHECK(peer_a.unprotect(call.from_b(peer_b.protect(plain)).payload) == plain);
    }
}

TEST_CASE("Payload types are mapped inside SRTP") {
    SecureCall c;
    LegChange change = leg(Side::a);
    change.payload_map = std::vector<PayloadMap>{{8, 0}};
    LegChange back = leg(Side::b);
    back.payload_map = std::vector<PayloadMap>{{0, 8}};
    REQUIRE(c.call.modify({change, back}).code == Code::ok);
    CHECK(c.call.from_a(c.peer.protect(rtp_packet())).payload == rtp_packet({.payload_type = 0}));
    CHECK(c.peer.unprotect(c.call.from_b(rtp_packet({.payload_type = 0})).payload) == rtp_packet());
}

TEST_CASE("The same keys again are no change: the rollover counter and the replay window go on") {
    SecureCall c;
    for (const std::uint16_t sequence : {40'000, 60'000, 5'000}) {
        REQUIRE(c.inbound(sequence) == Drop::none);
        REQUIRE(c.outbound(sequence));
    }
    const Bytes last = c.peer.protect(rtp_packet({.sequence = 5'001}));
    REQUIRE(c.call.from_a(last).drop == Drop::none);
    REQUIRE(c.call.modify({SecureCall::changed(keys(c.suite))}).code == Code::ok);
    CHECK(c.call.from_a(last).drop == Drop::replayed);
    CHECK(c.inbound(5'002) == Drop::none);
    CHECK(c.outbound(5'002));
    CHECK(c.call.statistics(Side::a).srtp_replays == 1);
}

TEST_CASE(
    "New keys work at once; the one before is good for three seconds more, for what is new under it [SC-14.4-06]") {
    for (const Suite before : {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_256_gcm}) {
        for (const Suite after : {Suite::aes_cm_128_hmac_sha1_80, Suite::aes_cm_128_hmac_sha1_32}) {
            SecureCall c(before);
            REQUIRE(c.inbound(1) == Drop::none);
            const Bytes known = c.peer.protect(rtp_packet({.sequence = 2}));
            REQUIRE(c.call.from_a(known).drop == Drop::none);
            REQUIRE(c.call.modify({SecureCall::changed(keys(after, 5, 6))}).code == Code::ok);
            CHECK_FALSE(c.outbound(1));  // what we send is under the new key alone
            SrtpPeer fresh(after, key(after, 5), key(after, 6));
            for (const std::uint16_t sequence : {4, 6, 8}) {
                CHECK(c.inbound(static_cast<std::uint16_t>(sequence - 1)) == Drop::none);
                CHECK(c.call.from_a(fresh.protect(rtp_packet({.sequence = sequence}))).payload ==
                      rtp_packet({.sequence = sequence}));
            }
            CHECK(c.call.rtcp_from_a(c.peer.protect(rtcp_packet(), true), rtcp_a).payload == rtcp_packet());
            CHECK(c.call.rtcp_from_a(fresh.protect(rtcp_packet(), true), rtcp_a).payload == rtcp_packet());
            CHECK(c.call.from_a(known).drop == Drop::replayed);
            SrtpPeer nobody(after, key(after, 7), key(after, 8));
            CHECK(c.call.from_a(nobody.protect(rtp_packet({.sequence = 9}))).drop == Drop::auth_failed);
            CHECK(c.call.statistics(Side::a).srtp_auth_failures == 1);
            c.bench.wait(2900ms);
            c.bench.tick();
            CHECK(c.inbound(10) == Drop::none);
            c.bench.wait(200ms);
            c.bench.tick();
            CHECK(c.inbound(11) == Drop::auth_failed);
            CHECK(c.call.from_a(fresh.protect(rtp_packet({.sequence = 12}))).drop == Drop::none);
            // One key before, not all of them; and none beside no SRTP at all.
            REQUIRE(c.call.modify({SecureCall::changed(keys(after, 7, 8))}).code == Code::ok);
            CHECK(c.inbound(13) == Drop::auth_failed);
            REQUIRE(c.call.modify({SecureCall::changed(Keys{})}).code == Code::ok);
            CHECK(c.call.from_a(rtp_packet({.sequence = 14})).payload == rtp_packet({.sequence = 14}));
        }
    }
}

TEST_CASE("A report under the old key is taken once, before the change of keys or after it") {
    for (const auto choice : {srtp::EngineChoice::fastest, srtp::EngineChoice::libsrtp}) {
        SecureCall c(Suite::aes_cm_128_hmac_sha1_80, choice);
        const Bytes before = c.peer.protect(rtcp_packet(), true), late = c.peer.protect(rtcp_packet(), true);
        REQUIRE(c.call.rtcp_from_a(before, rtcp_a).drop == Drop::none);
        REQUIRE(c.call.modify({SecureCall::changed(keys(c.suite, 5, 6))}).code == Code::ok);
        CHECK(c.call.rtcp_from_a(before, rtcp_a).drop == Drop::replayed);
        CHECK(c.call.rtcp_from_a(late, rtcp_a).drop == Drop::none);
        CHECK(c.call.rtcp_from_a(late, rtcp_a).drop == Drop::replayed);
        SrtpPeer fresh(c.suite, key(c.suite, 5), key(c.suite, 6));
        CHECK(c.call.rtcp_from_a(fresh.protect(rtcp_packet(), true), rtcp_a).drop == Drop::none);
    }
}

TEST_CASE("New keys at the same address go on counting; at another address the count starts at zero (RFC 4568 7.1.4)") {
    for (const bool moves : {false, true}) {
        SecureCall c;
        for (std::uint32_t index = 40'000; index <= 140'000; index += 2'500)  // no jump, but loss
            REQUIRE(c.outbound(static_cast<std::uint16_t>(index)));
        const Endpoint remote = moves ? at("203.0.113.6:4000") : c.call.peer_a;
        REQUIRE(c.call.modify({SecureCall::changed(keys(c.suite, 5, 6), remote)}).code == Code::ok);
        SrtpPeer from_zero(c.suite, key(c.suite, 5), key(c.suite, 6));
        const Relayed relayed = c.call.from_b(rtp_packet({.sequence = 140'001 & 0xffff}));
        REQUIRE(relayed.drop == Drop::none);
        CHECK(relayed.to == remote);
        CHECK(from_zero.unprotect(relayed.payload).has_value() == moves);
    }
}

TEST_CASE("A suite without the peer's key drops what comes, and without ours sends nothing") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = keys(Suite::aes_cm_128_hmac_sha1_80);
    const srtp::SecretBytes peer_key = std::exchange(a.keys->receive, {});
    Call call(bench, {a});
    CHECK(call.from_a(rtp_packet()).drop == Drop::no_keys);
    CHECK(call.from_b(rtp_packet()).drop == Drop::none);
    LegChange later = leg(Side::a);
    later.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, peer_key, {}};
    REQUIRE(call.modify({later}).code == Code::ok);
    CHECK(call.from_b(rtp_packet({.sequence = 2})).drop == Drop::no_keys);
    CHECK(call.rtcp_from_b(rtcp_packet(), rtcp_b).drop == Drop::no_keys);
    SrtpPeer peer(a.keys->suite, peer_key, a.keys->send);
    CHECK(call.from_a(peer.protect(rtp_packet())).drop == Drop::none);
}

TEST_CASE("A long packet under the old key is understood during the changeover too") {
    for (const Suite suite : {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_128_gcm}) {
        SecureCall c(suite);
        REQUIRE(c.inbound(1) == Drop::none);
        REQUIRE(c.call.modify({SecureCall::changed(keys(suite, 5, 6))}).code == Code::ok);
        for (const std::size_t bytes : {2'036u, 2'037u, 4'000u, 8'900u}) {
            const Bytes plain = rtp_packet({.sequence = static_cast<std::uint16_t>(bytes), .payload_bytes = bytes});
            CHECK(c.call.from_a(c.peer.protect(plain)).payload == plain);
        }
    }
}

TEST_CASE("From SRTP back to RTP when signaling says so") {
    SecureCall c;
    REQUIRE(c.call.modify({SecureCall::changed(Keys{})}).code == Code::ok);
    CHECK(c.call.from_a(rtp_packet()).payload == rtp_packet());
    CHECK(c.call.from_b(rtp_packet()).payload == rtp_packet());
}

TEST_CASE("A plain packet repeated by the network is not encrypted twice") {
    SecureCall c;
    CHECK(c.call.from_b(rtp_packet()).drop == Drop::none);
    CHECK(c.call.from_b(rtp_packet()).drop == Drop::replayed);
    CHECK(c.call.statistics(Side::a).packets_sent == 1);
}

TEST_CASE("A buffer without room for the tag costs the packet, not the memory behind it") {
    SecureCall c;
    Bytes payload = rtp_packet();
    Packet packet = c.bench.describe(1, c.call.peer_b, c.call.local_b.port, payload);
    packet.capacity = static_cast<std::uint16_t>(packet.length + 9);
    c.bench.pipeline.process({&packet, 1}, c.bench.now);
    CHECK(packet.drop == Drop::protect_failed);
}

TEST_CASE("What is wrong inside a decrypted packet is found too") {
    SecureCall c;
    Bytes padded = rtp_packet();
    padded[0] = 0xa0;
    padded.back() = 200;
    CHECK(c.call.from_a(c.peer.protect(padded)).drop == Drop::truncated);
    Bytes report = rtcp_packet();
    report[0] = 0x9f;
    CHECK(c.call.rtcp_from_a(c.peer.protect(report, true), rtcp_a).drop == Drop::truncated);
}

TEST_CASE("Packets of one call are unprotected in the order of the burst") {
    SecureCall c;
    std::vector<Bytes> payloads;
    for (std::uint16_t i = 0; i < 64; ++i)
        payloads.push_back(c.peer.protect(rtp_packet({.sequence = static_cast<std::uint16_t>(65'500 + i)})));
    std::vector<Packet> burst;
    for (Bytes& payload : payloads) burst.push_back(c.bench.describe(0, c.call.peer_a, c.call.local_a.port, payload));
    c.bench.pipeline.process(burst, c.bench.now);
    CHECK(std::all_of(burst.begin(), burst.end(), [](const Packet& p) { return p.drop == Drop::none; }));
}
