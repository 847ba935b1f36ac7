// Where no media is sent, whoever names it.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

Reply asked(MediaBench& bench, const LegChange& change) {
    static int number = 0;
    Allocate command;
    command.key = {"shard-0", "call-" + std::to_string(++number)};
    command.port_a = "access";
    command.port_b = "core";
    command.family_a = command.family_b = change.remote->address.family;
    command.legs = {change};
    return bench.pipeline.allocate(command, bench.now);
}

}  // namespace

TEST_CASE(
    "[reliability 27] No media goes to loopback, multicast, link-local, another port of ours or a barred network") {
    PipelineConfig config = two_ports();
    config.forbidden_networks = {{ip("10.20.0.0"), 15}, {ip("192.0.2.77"), 32}, {ip("2001:db8:ff::"), 48}};
    MediaBench bench(config);
    const std::string field = "legs[stream 0, side a].remote: ";
    for (const auto& [remote, why] :
         {std::pair{"127.0.0.1:4000", "127.0.0.1 is a loopback address"},
          {"[::1]:4000", "::1 is a loopback address"},
          {"224.0.0.5:4000", "224.0.0.5 is not a unicast address"},
          {"[ff02::1]:4000", "ff02::1 is not a unicast address"},
          {"169.254.1.1:4000", "169.254.1.1 is a link-local address"},
          {"[fe80::1]:4000", "fe80::1 is a link-local address"},
          {"198.51.100.1:20000", "198.51.100.1 is an address of another media port"},
          {"[2001:db8:1::1]:20000", "2001:db8:1::1 is an address of another media port"},
          {"10.20.0.1:4000", "10.20.0.1 is in a forbidden network, 10.20.0.0/15"},
          {"10.21.255.9:4000", "10.21.255.9 is in a forbidden network, 10.20.0.0/15"},
          {"192.0.2.77:4000", "192.0.2.77 is in a forbidden network, 192.0.2.77/32"},
          {"[2001:db8:ff::7]:4", "2001:db8:ff::7 is in a forbidden network, 2001:db8:ff::/48"}}) {
        const Reply reply = asked(bench, leg(Side::a, at(remote)));
        CHECK(reply.code == Code::invalid);
        CHECK(reply.text == field + why);
    }
    for (const char* remote : {"10.22.0.1:4000", "192.0.2.78:4000", "[2001:db8:fe::7]:4000",
                               "192.0.2.1:16384"})  // our own on this port: two calls joined outside
        CHECK(asked(bench, leg(Side::a, at(remote))).code == Code::ok);
    LegChange rtcp = leg(Side::a, at("203.0.113.5:4000"));
    rtcp.remote_rtcp = at("10.20.0.1:4001");
    CHECK(asked(bench, rtcp).text ==
          "legs[stream 0, side a].remote_rtcp: 10.20.0.1 is in a forbidden network, 10.20.0.0/15");
}

TEST_CASE("[reliability 27] c=0.0.0.0 is a hold: nothing is sent anywhere") {
    MediaBench bench;
    Call call(bench);
    REQUIRE(call.modify({leg(Side::a, at("0.0.0.0:4000"))}).code == Code::ok);
    CHECK(call.from_b(rtp_packet()).drop == Drop::direction);
}
