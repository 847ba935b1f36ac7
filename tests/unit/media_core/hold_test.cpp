#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

const Endpoint rtcp_a = at("203.0.113.5:4001");

void set(Call& call, Side side, Direction direction) {
    LegChange change = leg(side);
    change.direction = direction;
    REQUIRE(call.modify({change}).code == Code::ok);
}

}  // namespace

TEST_CASE("A peer that only sends gets no RTP, one that only receives is not heard, and RTCP goes on") {
    MediaBench bench;
    Call call(bench);
    set(call, Side::a, Direction::sendonly);
    CHECK(call.from_a(rtp_packet()).drop == Drop::none);
    CHECK(call.from_b(rtp_packet()).drop == Drop::direction);
    set(call, Side::a, Direction::recvonly);
    CHECK(call.from_a(rtp_packet()).drop == Drop::direction);
    CHECK(call.from_b(rtp_packet()).drop == Drop::none);
    set(call, Side::a, Direction::inactive);
    CHECK(call.from_a(rtp_packet()).drop == Drop::direction);
    CHECK(call.from_b(rtp_packet()).drop == Drop::direction);
    CHECK(call.rtcp_from_a(rtcp_packet(), rtcp_a).drop == Drop::none);
    CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).drop == Drop::none);
    set(call, Side::a, Direction::sendrecv);
    CHECK(call.from_a(rtp_packet()).drop == Drop::none);
    CHECK(call.from_b(rtp_packet()).drop == Drop::none);
}

TEST_CASE("A packet that hold forbids still shows where its sender is") {
    MediaBench bench;
    Call call(bench);
    set(call, Side::a, Direction::recvonly);
    CHECK(call.from_a(rtp_packet(), at("203.0.113.5:49152")).drop == Drop::direction);
    CHECK(call.from_b(rtp_packet()).to == at("203.0.113.5:49152"));
}

TEST_CASE("The older hold, c=0.0.0.0: nothing is sent, the peer is still heard, and its latch survives") {
    MediaBench bench;
    Call call(bench);
    REQUIRE(call.from_a(rtp_packet(), at("203.0.113.5:49152")).drop == Drop::none);
    for (const char* unspecified : {"0.0.0.0:4000", "[::]:4000"}) {
        REQUIRE(call.modify({leg(Side::a, at(unspecified))}).code == Code::ok);
        CHECK(call.from_b(rtp_packet()).drop == Drop::direction);
        CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).drop == Drop::direction);
        CHECK(call.from_a(rtp_packet(), at("203.0.113.5:49152")).drop == Drop::none);
        REQUIRE(call.modify({leg(Side::a, call.peer_a)}).code == Code::ok);
        CHECK(call.from_b(rtp_packet()).to == at("203.0.113.5:49152"));
    }
}

TEST_CASE(
    "A peer that is gone is neither heard nor sent to, RTCP neither, wherever it comes from, until there is another") {
    MediaBench bench;
    Call call(bench);
    REQUIRE(call.from_b(rtp_packet()).drop == Drop::none);
    LegChange gone = leg(Side::b, at("0.0.0.0:9"));
    gone.direction = Direction::inactive;
    gone.relearn = true;
    REQUIRE(call.modify({gone}).code == Code::ok);
    const auto require_silent = [&] {
        for (int i = 0; i < 3; ++i) CHECK(call.from_b(rtp_packet()).drop == Drop::leg_disabled);
        CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).drop == Drop::leg_disabled);
        CHECK(call.from_a(rtp_packet()).drop != Drop::none);
        CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop != Drop::none);
    };
    require_silent();
    set(call, Side::b, Direction::sendonly);  // the next one begins on hold, and so names no place
    require_silent();
    LegChange next = leg(Side::b, at("203.0.113.77:7000"));
    next.direction = Direction::sendrecv;
    REQUIRE(call.modify({next}).code == Code::ok);
    CHECK(call.from_b(rtp_packet()).drop == Drop::wrong_source);
    CHECK(call.from_b(rtp_packet(), at("203.0.113.77:7000")).drop == Drop::none);
    CHECK(call.from_a(rtp_packet()).to == at("203.0.113.77:7000"));
}

TEST_CASE("An offer that begins with 0.0.0.0 has no peer yet") {
    MediaBench bench;
    Call call(bench, {leg(Side::b, at("0.0.0.0:6000"))});
    REQUIRE(call.reply.code == Code::ok);
    CHECK(call.from_a(rtp_packet()).drop == Drop::direction);
    CHECK(call.from_b(rtp_packet()).drop == Drop::leg_disabled);
    REQUIRE(call.modify({leg(Side::b, call.peer_b)}).code == Code::ok);
    CHECK(call.from_a(rtp_packet()).drop == Drop::none);
}
