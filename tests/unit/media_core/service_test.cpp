// What kind of service a packet is sent with: by its session and stream, the same on the short way and through the
// stages.
#include "media-plane/core/service.h"

#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

struct Sent {
    Service rtp, next_rtp, rtcp, own_rtcp;
    friend bool operator==(const Sent&, const Sent&) = default;
};

// The first packet goes through the stages, the next the short way.
Sent services(bool emergency, bool video, std::optional<bool> changed = std::nullopt) {
    MediaBench bench;
    Allocate command;
    command.key = {"shard-0", "call"};
    command.port_a = "access";
    command.port_b = "core";
    command.emergency = emergency;
    command.legs = {leg(Side::a, at("203.0.113.5:4000")), leg(Side::b, at("203.0.113.99:6000"))};
    for (LegChange& change : command.legs) change.video = video;
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    REQUIRE(reply.code == Code::ok);
    if (changed) {
        Modify modify{command.key, {leg(Side::a), leg(Side::b)}};
        for (LegChange& change : modify.legs) change.video = *changed;
        REQUIRE(bench.pipeline.modify(modify, bench.now).code == Code::ok);
    }
    const auto service_of = [&](std::uint16_t local_port, Endpoint from, Bytes payload) {
        Packet packet = bench.describe(0, from, local_port, payload);
        packet.service = Service::emergency;
        bench.pipeline.process({&packet, 1}, bench.now);
        REQUIRE(packet.drop == Drop::none);
        return packet.service;
    };
    const std::uint16_t port = reply.local[0].rtp.port;
    Sent sent{};
    sent.rtp = service_of(port, at("203.0.113.5:4000"), rtp_packet());
    sent.next_rtp = service_of(port, at("203.0.113.5:4000"), rtp_packet({.sequence = 2, .timestamp = 160}));
    sent.rtcp = service_of(static_cast<std::uint16_t>(port + 1), at("203.0.113.5:4001"), rtcp_packet());
    std::array<std::uint8_t, Pipeline::own_rtcp_bytes> bytes;
    Packet own;
    own.data = bytes.data();
    own.capacity = bytes.size();
    own.service = Service::video;
    bench.pipeline.release({.key = command.key, .call_ends = true}, bench.now);
    REQUIRE(bench.pipeline.write_reports({&own, 1}, bench.now) == 1);
    sent.own_rtcp = own.service;
    return sent;
}

}  // namespace

TEST_CASE("Voice, video and RTCP have a service each, and all of an emergency is one") {
    CHECK(services(false, false) == Sent{Service::voice, Service::voice, Service::rtcp, Service::rtcp});
    CHECK(services(false, true) == Sent{Service::video, Service::video, Service::rtcp, Service::rtcp});
    for (const bool video : {false, true})
        CHECK(services(true, video) ==
              Sent{Service::emergency, Service::emergency, Service::emergency, Service::emergency});
}

TEST_CASE("What was voice may become video") {
    CHECK(services(false, false, true) == Sent{Service::video, Service::video, Service::rtcp, Service::rtcp});
    CHECK(services(false, true, false) == Sent{Service::voice, Service::voice, Service::rtcp, Service::rtcp});
}
