// Copies of one session's packets, as on the wire or in clear, which cost the others nothing.
#include <catch2/catch.hpp>

#include "media-plane/core/captures.h"
#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

using srtp::Suite;

srtp::SecretBytes key(std::uint8_t seed) {
    Bytes bytes(30);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(seed * 31 + i);
    return srtp::SecretBytes(bytes);
}

// Side a speaks SRTP.
struct SecureTalk {
    SecureTalk() : call(bench, {secure()}), peer(Suite::aes_cm_128_hmac_sha1_80, key(1), key(2)) {}
    static LegChange secure() {
        LegChange a = leg(Side::a, at("203.0.113.5:4000"));
        a.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, key(1), key(2), {}};
        return a;
    }
    std::shared_ptr<CaptureRing> capture(bool decrypted, std::uint64_t packets = 1'000, Duration time = 60s,
                                         std::size_t places = 256) {
        auto ring = std::make_shared<CaptureRing>(places);
        REQUIRE(bench.pipeline.start_capture({call.key, decrypted, packets, time, ring}, bench.now).code == Code::ok);
        return ring;
    }
    MediaBench bench;
    Call call;
    SrtpPeer peer;
};

std::vector<CapturedPacket> take(CaptureRing& ring) {
    std::vector<CapturedPacket> all;
    while (const auto* packet = ring.front()) {
        all.push_back(*packet);
        ring.pop();
    }
    return all;
}
Bytes bytes_of(const CapturedPacket& packet) { return {packet.bytes.begin(), packet.bytes.begin() + packet.kept}; }

}  // namespace

TEST_CASE("As on the wire: SRTP stays encrypted, each leg with its own addresses, received and sent") {
    SecureTalk talk;
    const auto ring = talk.capture(false);
    const Bytes plain = rtp_packet({.sequence = 7});
    const Bytes wire = talk.peer.protect(plain);
    REQUIRE(talk.call.from_a(wire).drop == Drop::none);
    const Relayed back = talk.call.from_b(rtp_packet({.sequence = 9}));
    REQUIRE(back.drop == Drop::none);
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 4);
    CHECK(bytes_of(packets[0]) == wire);
    CHECK(packets[0].from == talk.call.peer_a);
    CHECK(packets[0].to == talk.call.local_a);
    CHECK(packets[0].side == Side::a);
    CHECK_FALSE(packets[0].sent);
    CHECK_FALSE(packets[0].decrypted);
    CHECK(packets[0].at == talk.bench.now);
    CHECK(bytes_of(packets[1]) == Bytes(plain.begin(), plain.begin() + 12));  // what SRTP leaves in clear as well
    CHECK(packets[1].withheld);
    CHECK(packets[1].length == plain.size());
    CHECK_FALSE(packets[0].withheld);
    CHECK(packets[1].from == talk.call.local_b);
    CHECK(packets[1].to == talk.call.peer_b);
    CHECK(packets[1].side == Side::b);
    CHECK(packets[1].sent);
    const Bytes from_b = rtp_packet({.sequence = 9});
    CHECK(bytes_of(packets[2]) == Bytes(from_b.begin(), from_b.begin() + 12));
    CHECK(bytes_of(packets[3]) == back.payload);
    CHECK(packets[3].length == 172 + 10);
    CHECK(ring->withheld() == 2);
    CHECK(ring->ended() == CaptureEnd::running);
}

TEST_CASE("Decrypted: what SRTP hides is there in clear, both ways, and says so") {
    SecureTalk talk;
    const auto ring = talk.capture(true);
    const Bytes plain = rtp_packet({.sequence = 7});
    REQUIRE(talk.call.from_a(talk.peer.protect(plain)).drop == Drop::none);
    const Relayed back = talk.call.from_b(rtp_packet({.sequence = 9}));
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 4);
    CHECK(bytes_of(packets[0]) == plain);
    CHECK(packets[0].decrypted);
    CHECK(bytes_of(packets[1]) == plain);
    CHECK_FALSE(packets[1].decrypted);  // that leg has no SRTP
    CHECK(bytes_of(packets[3]) == rtp_packet({.sequence = 9}));
    CHECK(packets[3].decrypted);
    CHECK(talk.peer.unprotect(back.payload) == rtp_packet({.sequence = 9}));  // the peer's copy is protected
}

TEST_CASE("What SRTP hides on one leg is not shown on the other one either, RTCP and what is dropped included") {
    SecureTalk talk;
    const auto ring = talk.capture(false);
    REQUIRE(talk.call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).drop == Drop::none);
    CHECK(talk.call.from_b(rtp_packet(), at("192.0.2.66:666")).drop == Drop::wrong_source);
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 3);
    for (const auto& packet : packets) CHECK(packet.withheld == (packet.side == Side::b));
    CHECK(packets[0].kept == 8);
    CHECK(packets[0].length == rtcp_packet().size());
    CHECK(packets[2].kept == 12);
    CHECK(ring->withheld() == 2);
}

TEST_CASE("A call without SRTP is in clear on the wire, and all of it is shown") {
    MediaBench bench;
    Call call(bench);
    auto ring = std::make_shared<CaptureRing>(16);
    REQUIRE(bench.pipeline.start_capture({call.key, false, 100, 60s, ring}, bench.now).code == Code::ok);
    REQUIRE(call.from_a(rtp_packet()).drop == Drop::none);
    for (const auto& packet : take(*ring)) CHECK(bytes_of(packet) == rtp_packet());
    CHECK(ring->withheld() == 0);
}

TEST_CASE("What is dropped is captured with its reason") {
    SecureTalk talk;
    const bool decrypted = GENERATE(false, true);
    const auto ring = talk.capture(decrypted);
    CHECK(talk.call.from_a(rtp_packet()).drop == Drop::auth_failed);
    CHECK(talk.call.from_b(rtp_packet(), at("192.0.2.66:666")).drop == Drop::wrong_source);
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 2);
    CHECK(packets[0].drop == Drop::auth_failed);
    CHECK_FALSE(packets[0].decrypted);
    CHECK(packets[1].drop == Drop::wrong_source);
    CHECK(packets[1].from == at("192.0.2.66:666"));
}

TEST_CASE("Reports of our own are captured, protected or in clear") {
    SecureTalk talk;
    const bool decrypted = GENERATE(false, true);
    const auto ring = talk.capture(decrypted);
    talk.call.from_a(talk.peer.protect(rtp_packet()));
    take(*ring);
    std::vector<Relayed> sent;
    for (int i = 0; i < 100 && sent.empty(); ++i) {
        talk.bench.wait(100ms);
        talk.bench.tick();
        for (auto& report : talk.bench.reports())
            if (report.to == at("203.0.113.5:4001")) sent.push_back(std::move(report));
    }
    REQUIRE(sent.size() == 1);
    std::vector<CapturedPacket> to_a;
    for (auto& packet : take(*ring))
        if (packet.to == at("203.0.113.5:4001")) to_a.push_back(packet);
    REQUIRE(to_a.size() == 1);
    CHECK(to_a[0].rtcp);
    CHECK(to_a[0].sent);
    CHECK(to_a[0].decrypted == decrypted);
    CHECK((bytes_of(to_a[0]) == sent[0].payload) == !decrypted);
    if (decrypted) CHECK(talk.peer.unprotect(sent[0].payload, true) == bytes_of(to_a[0]));
}

TEST_CASE("Another session's packets are not captured, and an asker that does not take them loses them, counted") {
    SecureTalk talk;
    Call other(talk.bench, {}, "other");
    const auto ring = talk.capture(false, 1'000, 60s, 8);
    other.from_a(rtp_packet());
    CHECK(take(*ring).empty());
    for (std::uint16_t i = 0; i < 10; ++i)
        CHECK(talk.call.from_b(rtp_packet({.sequence = i})).drop == Drop::none);  // relayed all the same
    CHECK(ring->missed() == 12);
    CHECK(take(*ring).size() == 8);
    talk.call.from_b(rtp_packet({.sequence = 11}));
    CHECK(take(*ring).size() == 2);
    CHECK(ring->missed() == 12);
}

TEST_CASE("Only the captured call goes the long way, and it the short one again when the capture is over") {
    MediaBench bench;
    Call captured(bench), other(bench, {}, "other");
    const auto took_the_short_way = [&](Call& call, std::uint16_t sequence) {
        Bytes payload = rtp_packet({.sequence = sequence, .timestamp = sequence * 160u});
        Packet packet = bench.describe(0, call.peer_a, call.local_a.port, payload);
        bench.pipeline.process({&packet, 1}, bench.now);
        CHECK(packet.drop == Drop::none);
        return packet.relayed;
    };
    for (Call* call : {&captured, &other}) {
        for (const std::uint16_t sequence : {1, 2}) took_the_short_way(*call, sequence);
        CHECK(took_the_short_way(*call, 3));
    }
    auto ring = std::make_shared<CaptureRing>(64);
    REQUIRE(bench.pipeline.start_capture({captured.key, false, 1'000, 60s, ring}, bench.now).code == Code::ok);
    CHECK(took_the_short_way(other, 4));
    CHECK_FALSE(took_the_short_way(captured, 4));
    CHECK(took_the_short_way(other, 5));
    CHECK(take(*ring).size() == 2);
    bench.pipeline.stop_capture({ring});
    CHECK_FALSE(took_the_short_way(captured, 5));  // its type is looked up once more
    CHECK(took_the_short_way(captured, 6));
}

TEST_CASE("A capture ends with its packets, its time, its session, and when it is told to") {
    SecureTalk talk;
    SECTION("packets") {
        const auto ring = talk.capture(false, 3);
        for (std::uint16_t i = 0; i < 5; ++i) talk.call.from_b(rtp_packet({.sequence = i}));
        CHECK(take(*ring).size() == 3);
        CHECK(ring->ended() == CaptureEnd::packets);
    }
    SECTION("time") {
        const auto ring = talk.capture(false, 1'000, 10s);
        talk.bench.wait(9'900ms);
        talk.bench.tick();
        CHECK(ring->ended() == CaptureEnd::running);
        talk.bench.wait(100ms);
        talk.bench.tick();
        CHECK(ring->ended() == CaptureEnd::seconds);
        talk.call.from_b(rtp_packet());
        CHECK(take(*ring).empty());
    }
    SECTION("session") {
        const auto ring = talk.capture(false);
        talk.call.release();
        CHECK(ring->ended() == CaptureEnd::session);
        CHECK(ring.use_count() == 1);
    }
    SECTION("word") {
        const auto ring = talk.capture(false);
        talk.bench.pipeline.stop_capture({ring});
        CHECK(ring->ended() == CaptureEnd::stopped);
        CHECK(ring.use_count() == 1);
    }
}

TEST_CASE("Four at a time, of one session too; an unknown session has none") {
    SecureTalk talk;
    auto ring = std::make_shared<CaptureRing>(4);
    CHECK(talk.bench.pipeline.start_capture({{"shard-0", "nobody"}, false, 1, 1s, ring}, talk.bench.now).code ==
          Code::no_session);
    for (int i = 0; i < 4; ++i) talk.capture(i % 2 != 0);
    CHECK(talk.bench.pipeline.start_capture({talk.call.key, false, 1, 1s, ring}, talk.bench.now).code ==
          Code::overloaded);
}

TEST_CASE("A datagram longer than a place is kept in part, with its whole length") {
    MediaBench bench;
    Call call(bench);
    auto ring = std::make_shared<CaptureRing>(4);
    REQUIRE(bench.pipeline.start_capture({call.key, false, 10, 1s, ring}, bench.now).code == Code::ok);
    call.from_a(rtp_packet({.payload_bytes = 4'000}));
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 2);
    CHECK(packets[0].length == 4'012);
    CHECK(packets[0].kept == CapturedPacket::most_bytes);
}

TEST_CASE(
    "A capture that nobody reads on ends by itself, and its place is free, whatever became of the command to stop it") {
    SecureTalk talk;
    std::vector<std::shared_ptr<CaptureRing>> rings;
    for (std::size_t i = 0; i < Captures::most; ++i) rings.push_back(talk.capture(false, 1'000, 3600s));
    const StartCapture another{talk.call.key, false, 10, 3600s, std::make_shared<CaptureRing>(16)};
    CHECK(talk.bench.pipeline.start_capture(another, talk.bench.now).code == Code::overloaded);
    rings[2]->abandon();
    std::vector<Event> events;
    talk.bench.pipeline.tick(talk.bench.now, events);
    CHECK(rings[2]->ended() == CaptureEnd::stopped);
    CHECK(rings[1]->ended() == CaptureEnd::running);
    CHECK(talk.bench.pipeline.start_capture(another, talk.bench.now).code == Code::ok);
}

TEST_CASE("What the device did not take is said behind the packet that was to leave: without its octets, and why") {
    SecureTalk talk;
    const bool decrypted = GENERATE(false, true);
    const auto ring = talk.capture(decrypted);
    const Relayed back = talk.call.from_b(rtp_packet({.sequence = 9}));
    REQUIRE(back.drop == Drop::none);
    const auto length = static_cast<std::uint16_t>(back.payload.size());
    talk.bench.pipeline.not_sent(back.out_port, back.source.port, length, Drop::tx_full);
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 3);
    CHECK(packets[1].drop == Drop::none);  // nobody knew it yet
    CHECK(packets[2].drop == Drop::tx_full);
    CHECK(packets[2].sent);
    CHECK(packets[2].from == packets[1].from);
    CHECK(packets[2].to == packets[1].to);
    CHECK(packets[2].side == packets[1].side);
    CHECK(packets[2].at == packets[1].at);
    CHECK(packets[2].length == length);
    CHECK(packets[2].kept == 0);
    CHECK_FALSE(packets[2].decrypted);
}

TEST_CASE("A packet that was lost counts for the number that a capture was asked for") {
    SecureTalk talk;
    const auto ring = talk.capture(false, 3);
    const Relayed back = talk.call.from_b(rtp_packet({.sequence = 9}));
    talk.bench.pipeline.not_sent(back.out_port, back.source.port, 182, Drop::no_next_hop);
    CHECK(ring->ended() == CaptureEnd::packets);
    talk.bench.pipeline.not_sent(back.out_port, back.source.port, 182, Drop::no_next_hop);
    CHECK(take(*ring).size() == 3);
}

TEST_CASE("What the device did not take of a burst before the capture has the time of its begin") {
    SecureTalk talk;
    const Relayed back = talk.call.from_b(rtp_packet({.sequence = 9}));
    talk.bench.wait(20ms);
    const auto ring = talk.capture(false);
    talk.bench.pipeline.not_sent(back.out_port, back.source.port, 182, Drop::tx_full);
    const auto packets = take(*ring);
    REQUIRE(packets.size() == 1);
    CHECK(packets[0].at == talk.bench.now);
}
