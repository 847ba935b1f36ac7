#include <catch2/catch.hpp>

#include "media-plane/core/port_pool.h"
#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using srtp::Suite;

namespace {

Allocate simple(std::string name = "s", std::uint32_t streams = 1) {
    Allocate command;
    command.key = {"shard-0", std::move(name)};
    command.port_a = "access";
    command.port_b = "core";
    command.streams = streams;
    return command;
}
std::vector<Endpoint> ports_of(const Reply& reply) {
    std::vector<Endpoint> all;
    for (const auto& local : reply.local) all.push_back(local.rtp);
    return all;
}
bool nothing_taken(const Pipeline& p) {
    return p.sessions() == 0 && p.free_udp_ports(0) == p.total_udp_ports(0) &&
           p.free_udp_ports(1) == p.total_udp_ports(1);
}

}  // namespace

TEST_CASE("Allocate answers with an even RTP and the odd RTCP port for every stream and side") {
    MediaBench bench;
    const Reply reply = bench.pipeline.allocate(simple("s", 3), bench.now);
    REQUIRE(reply.code == Code::ok);
    REQUIRE(reply.local.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) {
        const LocalEndpoint& local = reply.local[i];
        CHECK(local.stream == i / 2);
        CHECK(local.side == (i % 2 ? Side::b : Side::a));
        CHECK(local.rtp.address == ip(i % 2 ? "198.51.100.1" : "192.0.2.1"));
        CHECK(local.rtp.port % 2 == 0);
        CHECK(local.rtcp == Endpoint{local.rtp.address, static_cast<std::uint16_t>(local.rtp.port + 1)});
    }
    CHECK(bench.pipeline.free_udp_ports(0) == bench.pipeline.total_udp_ports(0) - 3);
    CHECK(bench.pipeline.statistics().sessions.read() == 1);
}

TEST_CASE("The same allocate again gives the same ports and changes nothing") {
    MediaBench bench;
    Call call(bench);
    Allocate again = simple();
    again.key = call.key;
    again.streams = 4;
    again.legs = {leg(Side::a, at("203.0.113.200:1"))};
    const Reply reply = bench.pipeline.allocate(again, bench.now);
    CHECK(reply.code == Code::ok);
    CHECK(ports_of(reply) == ports_of(call.reply));
    CHECK(call.from_b(rtp_packet()).to == call.peer_a);
    CHECK(bench.pipeline.sessions() == 1);
}

TEST_CASE("Clients may choose the same name for different sessions") {
    MediaBench bench;
    Allocate first = simple(), second = simple();
    second.key.client = "shard-1";
    CHECK(ports_of(bench.pipeline.allocate(first, bench.now)) != ports_of(bench.pipeline.allocate(second, bench.now)));
    CHECK(bench.pipeline.sessions() == 2);
}

TEST_CASE("Release gives the last word and the ports back; a second one finds nothing") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet());
    bench.wait(3s);
    const Reply reply = call.release();
    REQUIRE(reply.statistics.has_value());
    CHECK(reply.statistics->key == call.key);
    CHECK(reply.statistics->call == "session-id");
    CHECK(reply.statistics->trunk == "acme");
    CHECK(reply.statistics->age == 3s);
    CHECK(reply.statistics->legs.at(0).packets_received == 1);
    CHECK(reply.statistics->legs.at(1).packets_sent == 1);
    CHECK(call.release().code == Code::no_session);
    CHECK(call.modify({}).code == Code::no_session);
    CHECK(call.from_a(rtp_packet()).drop == Drop::no_leg);
    CHECK(nothing_taken(bench.pipeline));
}

TEST_CASE("Every wrong field of an allocate is named, and nothing is taken") {
    MediaBench bench;
    const auto refuses = [&](const Allocate& command, Code code, const std::string& word) {
        const Reply reply = bench.pipeline.allocate(command, bench.now);
        CHECK(reply.code == code);
        CHECK(reply.local.empty());
        CHECK_THAT(reply.text, Catch::Contains(word));
        CHECK(nothing_taken(bench.pipeline));
    };
    const auto with = [&](LegChange change) {
        Allocate command = simple();
        command.legs = {leg(Side::a, at("203.0.113.5:4000")), std::move(change)};
        return command;
    };
    Allocate command = simple("");
    refuses(command, Code::invalid, "session");
    refuses(simple(std::string(257, 'x')), Code::invalid, "256");
    command = simple();
    command.call = std::string(257, 'x');
    refuses(command, Code::invalid, "256");
    refuses(simple("s", 0), Code::invalid, "streams");
    refuses(simple("s", 17), Code::invalid, "streams");
    command = simple();
    command.port_b = "nowhere";
    refuses(command, Code::unknown_port, "nowhere");
    refuses(with(leg(Side::b, at("203.0.113.5:4000"), 1)), Code::invalid, "stream 1 of 1");
    refuses(with(leg(Side::a)), Code::invalid, "twice");
    for (const char* bad : {"224.0.0.1:4000", "255.255.255.255:4000", "127.0.0.1:4000", "169.254.0.1:4000",
                            "203.0.113.5:0", "[2001:db8::5]:4000"}) {
        refuses(with(leg(Side::b, at(bad))), Code::invalid, "remote");
        LegChange change = leg(Side::b, at("203.0.113.9:4000"));
        change.remote_rtcp = at(bad);
        refuses(with(change), Code::invalid, "remote_rtcp");
    }
    refuses(with(leg(Side::b, Endpoint{})), Code::invalid, "remote");
    LegChange change = leg(Side::b);
    change.payload_map = std::vector<PayloadMap>{{128, 0}};
    refuses(with(change), Code::invalid, "payload_map");
    change = leg(Side::b);
    change.clock_rate = 0;
    refuses(with(change), Code::invalid, "clock_rate");
    change = leg(Side::b);
    change.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, Bytes(29), Bytes(30)};
    refuses(with(change), Code::invalid, "keys.receive: 29");
    change.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, Bytes(30), Bytes(31)};
    refuses(with(change), Code::invalid, "keys.send: 31");
    change.keys = Keys{Suite::none, Bytes(30), {}};
    refuses(with(change), Code::invalid, "suite");
}

TEST_CASE("A media port without an address of the wanted family is unknown") {
    PipelineConfig config = two_ports();
    config.ports[1].addresses = {ip("198.51.100.1")};
    MediaBench bench(config);
    Allocate command = simple();
    command.family_b = Family::v6;
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    CHECK(reply.code == Code::unknown_port);
    CHECK_THAT(reply.text, Catch::Contains("IPv6"));
}

TEST_CASE("Loopback is accepted where the media port itself is on loopback") {
    PipelineConfig config = two_ports();
    config.ports[0].addresses = {ip("127.0.0.1")};
    MediaBench bench(config);
    Allocate command = simple();
    command.legs = {leg(Side::a, at("127.0.0.2:4000"))};
    CHECK(bench.pipeline.allocate(command, bench.now).code == Code::ok);
}

TEST_CASE("A modify with one bad leg changes none") {
    MediaBench bench;
    Call call(bench);
    LegChange good = leg(Side::a, at("203.0.113.6:4000"));
    good.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), Bytes(30, 2)};
    good.direction = Direction::inactive;
    CHECK(call.modify({good, leg(Side::b, at("224.0.0.1:1"))}).code == Code::invalid);
    CHECK(bench.pipeline.modify({call.key, {good, leg(Side::b, std::nullopt, 5)}, 2}, bench.now).code == Code::invalid);
    const Relayed relayed = call.from_b(rtp_packet());
    CHECK(relayed.to == call.peer_a);
    CHECK(relayed.payload == rtp_packet());
    CHECK(bench.pipeline.free_udp_ports(0) == bench.pipeline.total_udp_ports(0) - 1);
}

TEST_CASE("A session grows by streams and never shrinks; its old ports stay") {
    MediaBench bench;
    Call call(bench);
    const Reply grown = bench.pipeline.modify(
        {call.key, {leg(Side::a, at("203.0.113.5:4002"), 1), leg(Side::b, at("203.0.113.99:6002"), 1)}, 2}, bench.now);
    REQUIRE(grown.code == Code::ok);
    REQUIRE(grown.local.size() == 4);
    CHECK(grown.local[0].rtp == call.local_a);
    CHECK(bench.send(0, at("203.0.113.5:4002"), grown.local[2].rtp.port, rtp_packet()).to == at("203.0.113.99:6002"));
    CHECK(call.from_a(rtp_packet()).to == call.peer_b);
    CHECK(ports_of(bench.pipeline.modify({call.key, {}, 2}, bench.now)) == ports_of(grown));
    CHECK(ports_of(bench.pipeline.modify({call.key, {}, 1}, bench.now)) == ports_of(grown));
    CHECK(bench.pipeline.modify({call.key, {}, 17}, bench.now).code == Code::invalid);
    call.release();
    CHECK(nothing_taken(bench.pipeline));
}

TEST_CASE("No ports left: the answer says where, nothing is half taken, and a release helps") {
    PipelineConfig config = two_ports();
    config.ports[1].first_udp_port = 20000;
    config.ports[1].last_udp_port = 20007;  // four pairs
    MediaBench bench(config);
    REQUIRE(bench.pipeline.allocate(simple("one", 3), bench.now).code == Code::ok);
    const std::size_t free = bench.pipeline.free_udp_ports(0);
    const Reply reply = bench.pipeline.allocate(simple("two", 2), bench.now);
    CHECK(reply.code == Code::no_ports);
    CHECK_THAT(reply.text, Catch::Contains("core"));
    CHECK(bench.pipeline.free_udp_ports(0) == free);
    CHECK(bench.pipeline.free_udp_ports(1) == 1);
    CHECK(bench.pipeline.modify({{"shard-0", "one"}, {}, 5}, bench.now).code == Code::no_ports);
    CHECK(bench.pipeline.free_udp_ports(1) == 1);
    bench.pipeline.release({{"shard-0", "one"}}, bench.now);
    CHECK(bench.pipeline.free_udp_ports(1) == 4);
    CHECK(bench.pipeline.resting_udp_ports(1, bench.now) >= 3);
    CHECK_THAT(bench.pipeline.allocate(simple("two", 2), bench.now).text, Catch::Contains("only just left"));
    bench.wait(PortPool::rest);
    CHECK(bench.pipeline.resting_udp_ports(1, bench.now) == 0);
    CHECK(bench.pipeline.allocate(simple("two", 2), bench.now).code == Code::ok);
}

TEST_CASE("Both sides on one media port take two pairs of it") {
    MediaBench bench;
    Allocate command = simple();
    command.port_b = "access";
    command.legs = {leg(Side::a, at("203.0.113.5:4000")), leg(Side::b, at("203.0.113.99:6000"))};
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    CHECK(bench.pipeline.free_udp_ports(0) == bench.pipeline.total_udp_ports(0) - 2);
    CHECK(bench.send(0, at("203.0.113.5:4000"), reply.local[0].rtp.port, rtp_packet()).to == at("203.0.113.99:6000"));
}

TEST_CASE("The limit of sessions is an answer, not an accident") {
    PipelineConfig config = two_ports();
    config.max_sessions = 2;
    MediaBench bench(config);
    CHECK(bench.pipeline.allocate(simple("1"), bench.now).code == Code::ok);
    CHECK(bench.pipeline.allocate(simple("2"), bench.now).code == Code::ok);
    CHECK(bench.pipeline.allocate(simple("3"), bench.now).code == Code::overloaded);
    CHECK(bench.pipeline.allocate(simple("1"), bench.now).code == Code::ok);
}

TEST_CASE("A session that lived before a restart gets its ports back where they are free") {
    Reply before;
    {
        MediaBench old;
        before = old.pipeline.allocate(simple("s", 2), old.now);
    }
    MediaBench bench;
    Allocate command = simple("s", 2);
    command.restore = before.local;
    CHECK(ports_of(bench.pipeline.allocate(command, bench.now)) == ports_of(before));
    command.key.session = "other";  // the same wish again finds them taken
    const Reply other = bench.pipeline.allocate(command, bench.now);
    CHECK(other.code == Code::ok);
    CHECK(ports_of(other) != ports_of(before));
    command.key.session = "nonsense";
    for (LocalEndpoint& wish : command.restore) wish.rtp = at("10.0.0.1:3");
    CHECK(bench.pipeline.allocate(command, bench.now).code == Code::ok);
}

TEST_CASE("The list comes in key order, page by page") {
    MediaBench bench;
    for (const char* name : {"c", "a", "e", "b", "d"}) bench.pipeline.allocate(simple(name), bench.now);
    const auto first = bench.pipeline.list({}, 2, bench.now);
    REQUIRE(first.size() == 2);
    CHECK(first[1].key.session == "b");
    const auto second = bench.pipeline.list(first[1].key, 10, bench.now);
    REQUIRE(second.size() == 3);
    CHECK(second[0].key.session == "c");
    CHECK(bench.pipeline.list(second[2].key, 10, bench.now).empty());
}

TEST_CASE("10,000 calls come and go and leave nothing behind") {
    MediaBench bench;
    std::vector<Event> events;
    for (int i = 0; i < 10'000; ++i) {
        LegChange a = leg(Side::a, at("203.0.113.5:4000"));
        if (i % 10 == 0) a.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), Bytes(30, 2)};
        Call call(bench, {a}, std::to_string(i));
        REQUIRE(call.reply.code == Code::ok);
        call.from_a(rtp_packet());
        call.from_b(rtp_packet());
        bench.wait(5ms);
        if (i % 3 == 0) bench.pipeline.tick(bench.now, events);
        REQUIRE(call.release().code == Code::ok);
    }
    bench.pipeline.tick(bench.now, events);
    CHECK(nothing_taken(bench.pipeline));
    CHECK(bench.pipeline.statistics().sessions.read() == 0);
}

TEST_CASE("Ten thousand re-negotiations of one call leave it as it was") {
    MediaBench bench;
    Call call(bench);
    LegChange change = leg(Side::a, call.peer_a);
    for (int i = 0; i < 10'000; ++i) {
        change.keys = Keys{Suite::aes_cm_128_hmac_sha1_80, Bytes(30, static_cast<std::uint8_t>(i)), Bytes(30, 2)};
        change.payload_map = std::vector<PayloadMap>{{101, 96}};
        REQUIRE(call.modify({change}).code == Code::ok);
        REQUIRE(call.from_b(rtp_packet({.sequence = static_cast<std::uint16_t>(i)})).drop == Drop::none);
        bench.wait(20ms);
    }
    CHECK(call.statistics(Side::a).packets_sent == 10'000);
    call.release();
    CHECK(nothing_taken(bench.pipeline));
}
