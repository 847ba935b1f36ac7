#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("A leg's statistics say what came, what left, what was lost, and how unevenly it came") {
    MediaBench bench;
    Call call(bench);
    for (std::uint16_t i = 0; i < 500; ++i) {
        if (i % 50 == 25) {  // one in fifty is lost before it reaches us
            bench.wait(20ms);
            continue;
        }
        call.from_a(rtp_packet({.sequence = i, .timestamp = i * 160u}));
        bench.wait(i % 2 ? 24ms : 16ms);
    }
    call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001"));
    bench.wait(250ms);
    const LegStatistics a = call.statistics(Side::a), b = call.statistics(Side::b);
    CHECK(a.packets_received == 490);
    CHECK(a.bytes_received == 490 * 172);
    CHECK(a.rtcp_received == 1);
    CHECK(a.lost == 10);
    CHECK(a.jitter_seconds == Approx(0.004).margin(0.001));
    CHECK(a.packets_sent == 0);
    CHECK(a.local == call.local_a);
    CHECK(a.remote == call.peer_a);
    CHECK(a.last_packet_age == 250ms);
    CHECK(b.packets_sent == 490);
    CHECK(b.bytes_sent == 490 * 172);
    CHECK(b.rtcp_sent == 1);
    CHECK(b.packets_received == 0);
    CHECK_FALSE(b.latched);
    CHECK_FALSE(b.last_packet_age.has_value());
}

TEST_CASE("The clock rate is part of the jitter: 48 kHz") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.clock_rate = 48'000;
    Call call(bench, {a});
    for (std::uint16_t i = 0; i < 500; ++i) {
        call.from_a(rtp_packet({.sequence = i, .timestamp = i * 960u}));
        bench.wait(i % 2 ? 24ms : 16ms);
    }
    CHECK(call.statistics(Side::a).jitter_seconds == Approx(0.004).margin(0.001));
}

TEST_CASE("Every drop is counted with its reason, on its leg and for all") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet());
    call.from_a(rtp_packet(), at("192.0.2.66:666"));
    call.from_a(rtp_packet(), at("192.0.2.66:667"));
    call.from_a(Bytes(20, 1));
    bench.send(0, call.peer_a, 9, rtp_packet());
    const LegStatistics a = call.statistics(Side::a);
    CHECK(a.drops == std::vector<std::pair<Drop, std::uint64_t>>{{Drop::stun, 1}, {Drop::wrong_source, 2}});
    CHECK(bench.drops(Drop::wrong_source) == 2);
    CHECK(bench.drops(Drop::stun) == 1);
    CHECK(bench.drops(Drop::no_leg) == 1);
    CHECK(call.statistics(Side::b).drops.empty());
}

TEST_CASE("A drop that only the sending side knows of is booked where the packet came in") {
    MediaBench bench;
    Call call(bench, {leg(Side::b)});
    call.from_a(rtp_packet());
    const LegStatistics a = call.statistics(Side::a);
    CHECK(a.drops == std::vector<std::pair<Drop, std::uint64_t>>{{Drop::no_remote, 1}});
    CHECK(a.packets_received == 1);
}

TEST_CASE(
    "What the driver could not send is taken back from what was sent, and is a drop of the leg that was to send it") {
    MediaBench bench;
    LegChange b = leg(Side::b, at("203.0.113.99:6000"));
    b.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), Bytes(30, 2)};
    Call call(bench, {b});
    Relayed relayed;
    for (std::uint16_t i = 0; i < 3; ++i) relayed = call.from_a(rtp_packet({.sequence = i}));
    const auto length = static_cast<std::uint16_t>(relayed.payload.size());
    REQUIRE(length == 182);
    const Relayed rtcp = call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001"));
    bench.pipeline.not_sent(relayed.out_port, relayed.source.port, length, Drop::tx_full);
    bench.pipeline.not_sent(relayed.out_port, relayed.source.port, length, Drop::too_big);
    bench.pipeline.not_sent(rtcp.out_port, rtcp.source.port, static_cast<std::uint16_t>(rtcp.payload.size()),
                            Drop::no_next_hop);
    bench.pipeline.not_sent(relayed.out_port, 9, length, Drop::tx_full);  // of a leg that is gone
    const LegStatistics side_b = call.statistics(Side::b);
    CHECK(side_b.packets_sent == 1);
    CHECK(side_b.bytes_sent == 172);
    CHECK(side_b.rtcp_sent == 0);
    CHECK(side_b.drops ==
          std::vector<std::pair<Drop, std::uint64_t>>{{Drop::no_next_hop, 1}, {Drop::too_big, 1}, {Drop::tx_full, 1}});
    CHECK(call.statistics(Side::a).drops.empty());
    CHECK(call.statistics(Side::a).packets_received == 3);
    call.release();
    bench.pipeline.not_sent(relayed.out_port, relayed.source.port, length, Drop::no_next_hop);
}
