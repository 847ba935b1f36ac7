#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("RTP goes from each peer to the other, from our address, byte for byte") {
    MediaBench bench;
    Call call(bench);
    const Bytes packet = rtp_packet();
    const Relayed to_b = call.from_a(packet);
    CHECK(to_b.payload == packet);
    CHECK(to_b.to == call.peer_b);
    CHECK(to_b.source == call.local_b);
    CHECK(to_b.out_port == 1);
    const Relayed to_a = call.from_b(packet);
    CHECK(to_a.payload == packet);
    CHECK(to_a.to == call.peer_a);
    CHECK(to_a.source == call.local_a);
    CHECK(to_a.out_port == 0);
    CHECK(bench.pipeline.statistics().packets.read() == 2);
    CHECK(bench.pipeline.statistics().bytes.read() == 2 * 172);
}

TEST_CASE("RTCP goes from the odd port to the odd port, and is counted apart") {
    MediaBench bench;
    Call call(bench);
    const Relayed relayed = call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001"));
    CHECK(relayed.payload == rtcp_packet());
    CHECK(relayed.to == at("203.0.113.99:6001"));
    CHECK(relayed.source.port == call.local_b.port + 1);
    CHECK(bench.pipeline.statistics().rtcp_packets.read() == 1);
    CHECK(bench.pipeline.statistics().packets.read() == 0);
    CHECK(call.statistics(Side::a).rtcp_received == 1);
    CHECK(call.statistics(Side::b).rtcp_sent == 1);
}

TEST_CASE("RTCP goes where the SDP puts it, not always to the port above (RFC 3605)") {
    MediaBench bench;
    LegChange b = leg(Side::b, at("203.0.113.99:6000"));
    b.remote_rtcp = at("203.0.113.77:7777");
    Call call(bench, {b});
    CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).to == at("203.0.113.77:7777"));
    CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.77:7777")).to == at("203.0.113.5:4001"));
}

TEST_CASE("IPv6 on one side and IPv4 on the other") {
    MediaBench bench;
    Allocate command;
    command.key = {"shard-0", "v6"};
    command.port_a = "access";
    command.port_b = "core";
    command.family_a = Family::v6;
    command.legs = {leg(Side::a, at("[2001:db8::5]:4000")), leg(Side::b, at("203.0.113.99:6000"))};
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    REQUIRE(reply.code == Code::ok);
    const Endpoint local_a = reply.local[0].rtp, local_b = reply.local[1].rtp;
    CHECK(local_a.address == ip("2001:db8::1"));
    CHECK(local_b.address == ip("198.51.100.1"));
    CHECK(bench.send(0, at("[2001:db8::5]:4000"), local_a.port, rtp_packet()).to == at("203.0.113.99:6000"));
    CHECK(bench.send(1, at("203.0.113.99:6000"), local_b.port, rtp_packet()).to == at("[2001:db8::5]:4000"));
    SECTION("the same UDP port on the media port's other address is nobody's") {
        CHECK(bench.send(0, at("203.0.113.5:4000"), local_a.port, rtp_packet()).drop == Drop::no_leg);
    }
}

TEST_CASE("Payload types are mapped on the way from the leg that has the map, the others pass") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.payload_map = std::vector<PayloadMap>{{101, 96}, {8, 0}};
    Call call(bench, {a});
    CHECK(call.from_a(rtp_packet({.payload_type = 101, .marker = true})).payload[1] == (0x80 | 96));
    CHECK(call.from_a(rtp_packet({.payload_type = 8})).payload[1] == 0);
    CHECK(call.from_a(rtp_packet({.payload_type = 18})).payload[1] == 18);
    CHECK(call.from_b(rtp_packet({.payload_type = 101})).payload[1] == 101);
    SECTION("an empty map takes it away") {
        LegChange change = leg(Side::a);
        change.payload_map.emplace();
        REQUIRE(call.modify({change}).code == Code::ok);
        CHECK(call.from_a(rtp_packet({.payload_type = 101})).payload[1] == 101);
    }
    SECTION("where others are not agreed upon they are dropped, and say so") {
        LegChange change = leg(Side::a);
        change.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 96}};
        change.drop_unmapped = true;
        REQUIRE(call.modify({change}).code == Code::ok);
        CHECK(call.from_a(rtp_packet({.payload_type = 13})).drop == Drop::payload_type);
        CHECK(call.from_a(rtp_packet({.payload_type = 8})).payload[1] == 8);
        CHECK(call.from_a(rtp_packet({.payload_type = 101, .marker = true})).payload[1] == (0x80 | 96));
        CHECK(call.from_b(rtp_packet({.payload_type = 13})).payload[1] == 13);
    }
    SECTION("another map replaces it") {
        LegChange change = leg(Side::a);
        change.payload_map = std::vector<PayloadMap>{{8, 9}};
        REQUIRE(call.modify({change}).code == Code::ok);
        CHECK(call.from_a(rtp_packet({.payload_type = 101})).payload[1] == 101);
        CHECK(call.from_a(rtp_packet({.payload_type = 8})).payload[1] == 9);
    }
}

TEST_CASE("Nothing is relayed before the other side has answered, nor to the peer that has not") {
    MediaBench bench;
    Call call(bench, {leg(Side::b)});
    CHECK(call.from_a(rtp_packet()).drop == Drop::no_remote);
    CHECK(call.from_b(rtp_packet()).drop == Drop::leg_disabled);
    REQUIRE(call.modify({leg(Side::b, call.peer_b)}).code == Code::ok);
    CHECK(call.from_a(rtp_packet()).to == call.peer_b);
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);
}

TEST_CASE("A stream with port 0 neither receives nor sends, until it has a port again") {
    MediaBench bench;
    Call call(bench);
    LegChange off = leg(Side::b, at("0.0.0.0:0"));
    off.disabled = true;
    REQUIRE(call.modify({off}).code == Code::ok);
    CHECK(call.from_a(rtp_packet()).drop == Drop::leg_disabled);
    CHECK(call.from_b(rtp_packet()).drop == Drop::leg_disabled);
    CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop == Drop::leg_disabled);
    REQUIRE(call.modify({leg(Side::b)}).code == Code::ok);
    CHECK(call.from_a(rtp_packet()).to == call.peer_b);
}

TEST_CASE("Streams of a session have ports and peers of their own") {
    MediaBench bench;
    Allocate command;
    command.key = {"shard-0", "two"};
    command.port_a = "access";
    command.port_b = "core";
    command.streams = 2;
    command.legs = {leg(Side::a, at("203.0.113.5:4000"), 0), leg(Side::b, at("203.0.113.99:6000"), 0),
                    leg(Side::a, at("203.0.113.5:4002"), 1), leg(Side::b, at("203.0.113.99:6002"), 1)};
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    REQUIRE(reply.local.size() == 4);
    CHECK(bench.send(0, at("203.0.113.5:4002"), reply.local[2].rtp.port, rtp_packet()).to == at("203.0.113.99:6002"));
    CHECK(bench.send(0, at("203.0.113.5:4000"), reply.local[0].rtp.port, rtp_packet()).to == at("203.0.113.99:6000"));
}

TEST_CASE("A full burst of many calls, dropped and relayed packets mixed, ends as each packet alone would") {
    MediaBench bench;
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 8; ++i)
        calls.push_back(std::make_unique<Call>(bench, std::vector<LegChange>{}, std::to_string(i)));
    std::vector<Bytes> payloads;
    for (int i = 0; i < 64; ++i) payloads.push_back(i % 5 == 0 ? Bytes{1, 2, 3} : rtp_packet({.ssrc = 1u + i}));
    std::vector<Packet> burst;
    for (std::size_t i = 0; i < 64; ++i) {
        const Call& call = *calls[i % 8];
        const std::uint16_t port = i % 7 == 0 ? std::uint16_t{9} : call.local_a.port;
        burst.push_back(bench.describe(0, call.peer_a, port, payloads[i]));
    }
    burst[3].drop = Drop::bad_checksum;  // the driver's verdict
    bench.pipeline.process(burst, bench.now);
    for (std::size_t i = 0; i < 64; ++i) {
        const Drop expected = i == 3       ? Drop::bad_checksum
                              : i % 7 == 0 ? Drop::no_leg
                              : i % 5 == 0 ? Drop::stun
                                           : Drop::none;
        CHECK(burst[i].drop == expected);
        if (expected == Drop::none) CHECK(burst[i].to == calls[i % 8]->peer_b);
    }
    CHECK(bench.drops(Drop::no_leg) == 10);
    CHECK(bench.drops(Drop::bad_checksum) == 1);
}

TEST_CASE("A stream may send its rate and one second's burst; RTCP a tenth") {
    PipelineConfig config = two_ports();
    config.max_packets_per_second = 100;
    MediaBench bench(config);
    Call call(bench);
    int relayed = 0, rtcp_relayed = 0;
    for (std::uint16_t i = 0; i < 1000; ++i) {
        relayed += call.from_a(rtp_packet({.sequence = i})).drop == Drop::none;
        rtcp_relayed += call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop == Drop::none;
    }
    CHECK(relayed == 100);
    CHECK(rtcp_relayed == 10);
    CHECK(bench.drops(Drop::rate) == 900 + 990);
    bench.wait(500ms);
    relayed = 0;
    for (std::uint16_t i = 0; i < 100; ++i) relayed += call.from_a(rtp_packet({.sequence = i})).drop == Drop::none;
    CHECK(relayed == 50);
    CHECK(call.from_b(rtp_packet()).drop == Drop::none);  // the other leg has its own
}
