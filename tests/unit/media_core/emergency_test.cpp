// What the plane keeps for emergencies: sessions, UDP ports, packets.
#include <catch2/catch.hpp>

#include "media-plane/core/port_pool.h"
#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

constexpr std::size_t pairs = 16;  // of each media port; an eighth of it is two

PipelineConfig small(std::size_t sessions, std::size_t emergency_sessions) {
    PipelineConfig config = two_ports();
    for (MediaPortConfig& port : config.ports)
        port.last_udp_port = static_cast<std::uint16_t>(port.first_udp_port + 2 * pairs - 1);
    config.max_sessions = sessions;
    config.emergency_sessions = emergency_sessions;
    return config;
}
Allocate call(const std::string& name, bool emergency = false) {
    Allocate command;
    command.key = {"shard-0", name};
    command.port_a = "access";
    command.port_b = "core";
    command.emergency = emergency;
    return command;
}
// How many of that kind find room.
int fill(MediaBench& bench, const std::string& prefix, bool emergency) {
    int n = 0;
    while (bench.pipeline.allocate(call(prefix + std::to_string(n), emergency), bench.now).code == Code::ok) ++n;
    return n;
}

}  // namespace

TEST_CASE("A plane full of sessions has room for an emergency, and no more than is kept [SC-13-08]") {
    MediaBench bench(small(4, 2));
    CHECK(fill(bench, "call", false) == 4);
    CHECK(bench.pipeline.allocate(call("one more"), bench.now).code == Code::overloaded);
    CHECK(fill(bench, "help", true) == 2);
    const Reply full = bench.pipeline.allocate(call("help 3", true), bench.now);
    CHECK(full.code == Code::overloaded);
    CHECK(full.text == "6 sessions, the limit");
    CHECK(bench.pipeline.statistics().sessions.read() == 6);
    CHECK(bench.pipeline.statistics().emergency_sessions.read() == 2);
    CHECK(bench.pipeline.release({{"shard-0", "help0"}}, bench.now).code == Code::ok);
    CHECK(bench.pipeline.statistics().emergency_sessions.read() == 1);
    CHECK(bench.pipeline.allocate(call("one more"), bench.now).code == Code::overloaded);
}

TEST_CASE("A media port that has no pair left for others has one for an emergency") {
    MediaBench bench(small(1000, 1000));
    REQUIRE(bench.pipeline.reserved_udp_ports(0) == pairs / 8);
    CHECK(fill(bench, "call", false) == 14);
    const Reply refused = bench.pipeline.allocate(call("one more"), bench.now);
    CHECK(refused.code == Code::no_ports);
    CHECK(refused.text ==
          "media port \"access\" has 0 pairs of UDP ports left beside the 2 that are kept for emergencies");
    CHECK(bench.pipeline.modify({{"shard-0", "call0"}, {}, 2}, bench.now).code == Code::no_ports);
    CHECK(fill(bench, "help", true) == 2);
    CHECK(bench.pipeline.free_udp_ports(0) == 0);
    CHECK(bench.pipeline.allocate(call("help 3", true), bench.now).text ==
          "media port \"access\" has 0 pairs of UDP ports left");
}

TEST_CASE("Emergencies take what is shared too, and whichever came first, theirs stays theirs") {
    MediaBench bench(small(1000, 2));
    CHECK(fill(bench, "help", true) == 16);
    for (int i = 0; i < 16; ++i)
        CHECK(bench.pipeline.release({{"shard-0", "help" + std::to_string(i)}}, bench.now).code == Code::ok);
    CHECK(bench.pipeline.allocate(call("one"), bench.now).code == Code::no_ports);  // they were given back just now
    CHECK(bench.pipeline.allocate(call("help", true), bench.now).code == Code::ok);
    bench.wait(PortPool::rest);
    CHECK(fill(bench, "call", false) == 14);  // not one of them less for the emergency that was there before
    CHECK(fill(bench, "more help", true) == 1);
}

TEST_CASE("After a restart all calls come back on the ports they had, in whichever order") {
    std::vector<std::pair<Allocate, std::vector<LocalEndpoint>>> before;
    {
        MediaBench old(small(14, 2));
        for (int i = 0; i < 16; ++i) {
            const Allocate command = call("s" + std::to_string(i), i >= 14);
            const Reply reply = old.pipeline.allocate(command, old.now);
            REQUIRE(reply.code == Code::ok);
            before.emplace_back(command, reply.local);
        }
    }
    for (const bool emergencies_first : {true, false}) {
        MediaBench bench(small(14, 2));
        if (emergencies_first) std::reverse(before.begin(), before.end());
        for (auto& [command, local] : before) {
            command.restore = local;
            const Reply reply = bench.pipeline.allocate(command, bench.now);
            REQUIRE(reply.code == Code::ok);
            CHECK(reply.local.at(0).rtp == local.at(0).rtp);
        }
    }
}

TEST_CASE("An emergency grows by what is kept for it") {
    MediaBench bench(small(1000, 1000));
    REQUIRE(bench.pipeline.allocate(call("help", true), bench.now).code == Code::ok);
    fill(bench, "call", false);
    CHECK(bench.pipeline.modify({{"shard-0", "help"}, {}, 2}, bench.now).code == Code::ok);
    CHECK(bench.pipeline.modify({{"shard-0", "help"}, {}, 3}, bench.now).code == Code::no_ports);
}

TEST_CASE("Nothing is kept where nobody asks for it") {
    MediaBench bench(small(1000, 0));
    CHECK(fill(bench, "call", false) == 16);
}

namespace {

// Packets of a peer that sends so many a second, so many of them at one moment, that pass in five seconds, where any
// other stream may have `limit`.
int passed(bool emergency, int per_second, std::uint32_t limit, int together = 1) {
    PipelineConfig config = small(10, 2);
    config.max_packets_per_second = limit;
    MediaBench bench(config);
    Allocate command = call("s", emergency);
    command.legs = {leg(Side::a, at("203.0.113.5:4000")), leg(Side::b, at("198.18.0.7:6000"))};
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    REQUIRE(reply.code == Code::ok);
    const std::uint16_t port = reply.local[0].rtp.port;
    int n = 0;
    for (int i = 0; i < 5 * per_second; ++i) {
        if (i % together == 0) bench.wait(Duration(1s) / per_second * together);
        const Bytes packet = rtp_packet({.sequence = static_cast<std::uint16_t>(i)});
        n += bench.send(0, at("203.0.113.5:4000"), port, packet).drop == Drop::none;
    }
    CHECK(bench.send(0, at("203.0.113.6:4000"), port, rtp_packet()).drop == Drop::wrong_source);
    return n;
}

}  // namespace

TEST_CASE("The police lets ten times of its rate pass for an emergency, and no flood") {
    CHECK(passed(false, 6'000, 1'000) <= 1'000 * 6);
    CHECK(passed(true, 6'000, 1'000) == 5 * 6'000);
    CHECK(passed(true, 20'000, 1'000) <= 10'000 * 6);
    CHECK(passed(true, 20'000, 1'000) >= 10'000 * 5);
}

TEST_CASE("However low the police is set, an emergency passes as long as it can be media [SC-13-08]") {
    CHECK(passed(false, 50, 1) <= 6);
    for (const int per_second : {50, 400, 4'500}) CHECK(passed(true, per_second, 1) == 5 * per_second);
    CHECK(passed(true, 20'000, 1) <= 5'000 * 6);
}

TEST_CASE("Nor is a frame of its video cut whose packets come all at once [SC-13-08]") {
    for (const std::uint32_t limit : {1u, 50u, 500u}) {
        CHECK(passed(true, 1'200, limit, 40) == 5 * 1'200);
        CHECK(passed(true, 4'500, limit, 150) == 5 * 4'500);
        CHECK(passed(true, 30'000, limit, 1'000) <= 5'000 * 7);
    }
}

TEST_CASE("Nor has its SRTP too few packets that a cipher is asked for, or its RTCP too few of either") {
    PipelineConfig config = small(10, 2);
    config.max_packets_per_second = 1;
    const Bytes inward(30, 1), outward(30, 2);
    for (const bool emergency : {false, true}) {
        MediaBench bench(config);
        Allocate command = call("s", emergency);
        command.legs = {leg(Side::a, at("203.0.113.5:4000")), leg(Side::b, at("198.18.0.7:6000"))};
        command.legs[0].keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, inward, outward};
        const Reply reply = bench.pipeline.allocate(command, bench.now);
        REQUIRE(reply.code == Code::ok);
        SrtpPeer peer(srtp::Suite::aes_cm_128_hmac_sha1_80, inward, outward);
        const std::uint16_t port = reply.local[0].rtp.port;
        int rtp = 0, rtcp = 0;
        for (std::uint16_t i = 0; i < 2'000; ++i) {  // 400 packets a second, for five
            bench.wait(2'500us);
            const Bytes packet = peer.protect(rtp_packet({.sequence = i}));
            rtp += bench.send(0, at("203.0.113.5:4000"), port, packet).drop == Drop::none;
            if (i % 8 != 0) continue;
            const Bytes report = peer.protect(rtcp_packet(), true);
            rtcp +=
                bench.send(0, at("203.0.113.5:4001"), static_cast<std::uint16_t>(port + 1), report).drop == Drop::none;
        }
        CHECK((rtp == 2'000) == emergency);
        CHECK((rtcp == 250) == emergency);
    }
}
