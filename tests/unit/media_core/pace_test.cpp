// Each stream is held to what its codec needs, as signaling says, in packets and in bytes; emergencies never are.
#include "media-plane/core/pace.h"

#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

LegChange paced(Side side, std::string_view peer, std::optional<Pace> pace) {
    LegChange change = leg(side, at(peer));
    change.pace = pace;
    return change;
}

struct Offered {
    int per_second = 50;
    std::size_t payload_bytes = 160;
};
// Packets that get through in ten seconds, of a peer that sends so many in each.
int passed(Call& call, const Offered& offered) {
    int n = 0;
    for (int i = 0; i < 10 * offered.per_second; ++i) {
        call.bench.wait(Duration(1s) / offered.per_second);
        n += call.from_a(rtp_packet({.sequence = static_cast<std::uint16_t>(i),
                                     .timestamp = static_cast<std::uint32_t>(i) * 160,
                                     .payload_bytes = offered.payload_bytes}))
                 .drop == Drop::none;
    }
    return n;
}

constexpr Pace g711 = Pace::of(120, 20'800);

}  // namespace

TEST_CASE("A pace is never below what was asked for, and above it by less than the next step") {
    for (std::uint32_t rate = 1; rate <= 512'000; rate += 1 + rate / 50) {
        const Pace pace = Pace::of(rate, rate);
        if (rate <= 6'400) {
            REQUIRE(pace.packets_per_second() >= rate);
            REQUIRE(pace.packets_per_second() <= std::max(50u, rate * 1'416 / 1'000));
        } else {
            REQUIRE(pace.packets_per_second() == 0);
        }
        REQUIRE(pace.bytes_per_second() >= rate);
        REQUIRE(pace.bytes_per_second() <= std::max(4'000u, rate * 1'416 / 1'000));
    }
    CHECK(Pace::of(0, 0) == Pace());
    CHECK(Pace::of(0, 512'001) == Pace());
    CHECK(Pace::of(100, 0).bytes_per_second() == 0);
}

TEST_CASE("The node's limit holds where signaling says nothing or more, and zero permits everything") {
    const Tolls under = tolls_under(500), none = tolls_under(0);
    CHECK(under[Pace().code()].of(172) == 2ms);
    CHECK(under[Pace::of(1'000, 0).code()].of(172) == 2ms);
    CHECK(under[Pace::of(100, 0).code()].of(172) == 10ms);
    CHECK(under[Pace::of(100, 4'000).code()].of(100) == 25ms);  // 40 packets of 100 bytes
    for (const Toll toll : none) CHECK(toll.of(9'000) == Duration::zero());
}

TEST_CASE("A stream has the packets that its codec needs, and what is beyond is dropped and counted") {
    // The short way, and the stages, which a captured or not yet known stream goes through, police alike.
    for (const bool stages : {false, true}) {
        MediaBench bench;
        Call call(bench, {paced(Side::a, "203.0.113.5:4000", g711), leg(Side::b, at("203.0.113.99:6000"))});
        REQUIRE(call.reply.code == Code::ok);
        if (stages) {
            auto ring = std::make_shared<CaptureRing>(64);
            REQUIRE(bench.pipeline.start_capture({call.key, true, 10'000'000, 1h, ring}, bench.now).code == Code::ok);
        }
        CHECK(passed(call, {50}) == 500);    // as agreed upon
        CHECK(passed(call, {100}) == 1000);  // 10 ms packets, which nobody has asked for
        CHECK(bench.drops(Drop::rate) == 0);
        const int flood = passed(call, {2'000});
        CHECK(flood <= static_cast<int>(g711.packets_per_second()) * 11 + 1);
        CHECK(flood >= static_cast<int>(g711.packets_per_second()) * 10);
        CHECK(bench.drops(Drop::rate) == 20'000 - static_cast<std::uint64_t>(flood));
        const auto drops = call.statistics(Side::a).drops;
        CHECK(drops == std::vector<std::pair<Drop, std::uint64_t>>{{Drop::rate, 20'000 - flood}});
        bench.wait(2s);
        CHECK(passed(call, {50}) == 500);  // the flood is forgotten
    }
}

TEST_CASE("Big packets of a narrow codec are dropped by their bytes") {
    MediaBench bench;
    const Pace g729 = Pace::of(120, 6'800);
    Call call(bench, {paced(Side::a, "203.0.113.5:4000", g729), leg(Side::b, at("203.0.113.99:6000"))});
    CHECK(passed(call, {50, 20}) == 500);
    const int big = passed(call, {50, 1'300});
    CHECK(big * 1'312 <= static_cast<int>(g729.bytes_per_second()) * 11 + 1'312);
    CHECK(big >= 10);
}

TEST_CASE("A re-INVITE changes the pace, and a change without one leaves it") {
    MediaBench bench;
    Call call(bench, {paced(Side::a, "203.0.113.5:4000", g711), leg(Side::b, at("203.0.113.99:6000"))});
    CHECK(passed(call, {400}) < 2'000);
    LegChange held = leg(Side::a);
    held.direction = Direction::sendrecv;
    REQUIRE(call.modify({held}).code == Code::ok);
    CHECK(passed(call, {400}) < 2'000);
    REQUIRE(call.modify({paced(Side::a, "203.0.113.5:4000", Pace())}).code == Code::ok);
    CHECK(passed(call, {400}) == 4'000);
}

TEST_CASE("With keys it is the authentic packets that are held to the codec's pace") {
    MediaBench bench;
    const auto suite = srtp::Suite::aes_cm_128_hmac_sha1_80;
    Bytes theirs(30, 1), ours(30, 2);
    LegChange secure = paced(Side::a, "203.0.113.5:4000", g711);
    secure.keys = Keys{suite, srtp::SecretBytes(theirs), srtp::SecretBytes(ours), {}};
    Call call(bench, {secure, leg(Side::b, at("203.0.113.99:6000"))});
    REQUIRE(call.reply.code == Code::ok);
    SrtpPeer peer(suite, theirs, ours);
    int n = 0;
    for (int i = 0; i < 10'000; ++i) {
        bench.wait(1ms);
        n += call.from_a(peer.protect(rtp_packet({.sequence = static_cast<std::uint16_t>(i)}))).drop == Drop::none;
    }
    CHECK(n <= static_cast<int>(g711.packets_per_second()) * 11 + 1);
    CHECK(n >= static_cast<int>(g711.packets_per_second()) * 10);
}

TEST_CASE("Who calls for help is never held to a codec's pace [SC-13-08]") {
    MediaBench bench;
    Allocate command;
    command.key = {"shard-0", "help"};
    command.port_a = "access";
    command.port_b = "core";
    command.emergency = true;
    command.legs = {paced(Side::a, "203.0.113.5:4000", g711), leg(Side::b, at("198.18.0.7:6000"))};
    const Reply reply = bench.pipeline.allocate(command, bench.now);
    REQUIRE(reply.code == Code::ok);
    for (int i = 0; i < 20'000; ++i) {
        bench.wait(1ms);
        const auto relayed =
            bench.send(0, at("203.0.113.5:4000"), reply.local[0].rtp.port,
                       rtp_packet({.sequence = static_cast<std::uint16_t>(i), .payload_bytes = 1'200}));
        REQUIRE(relayed.drop == Drop::none);
    }
}
