// Fax over UDPTL, ITU-T T.38: datagrams as they are, from whom signaling has said, and RTP again afterwards.
#include <catch2/catch.hpp>

#include "media-plane/core/leg.h"
#include "media-plane/core/rtcp.h"
#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

// A sequence number, a primary packet of so many octets, and one redundant packet before it.
Bytes datagram(std::uint16_t sequence, std::uint8_t size = 40) {
    Bytes d(2);
    store_be16(d.data(), sequence);
    d.push_back(size);
    for (std::uint8_t i = 0; i < size; ++i) d.push_back(static_cast<std::uint8_t>(i ^ sequence));
    for (const std::uint8_t each : {0x00, 0x01, 0x01, 0x06}) d.push_back(each);
    return d;
}

void become(Call& call, bool udptl) {
    LegChange a = leg(Side::a), b = leg(Side::b);
    a.udptl = b.udptl = udptl;
    REQUIRE(call.modify({a, b}).code == Code::ok);
}

}  // namespace

TEST_CASE("Datagrams pass as they are whatever they begin with, to where RTP went before [SC-14.7-02] [SC-14.7-03]") {
    MediaBench bench;
    Call call(bench);
    REQUIRE(call.from_a(rtp_packet()).drop == Drop::none);
    CHECK(call.from_a(datagram(5)).drop != Drop::none);
    become(call, true);
    for (std::uint32_t high = 0; high < 256; ++high, bench.wait(20ms)) {  // what would be STUN, DTLS, RTP, RTCP
        const auto sent = datagram(static_cast<std::uint16_t>(high << 8 | 0xc8));
        const Relayed there = call.from_a(sent), back = call.from_b(sent);
        CHECK(there.payload == sent);
        CHECK(there.to == call.peer_b);
        CHECK(there.source == call.local_b);
        CHECK(back.payload == sent);
        CHECK(back.to == call.peer_a);
    }
    CHECK(call.from_a(datagram(1), at("203.0.113.66:4000")).drop == Drop::wrong_source);
    for (std::size_t size = 0; size < 5; ++size) CHECK(call.from_a(Bytes(size, 0x80)).drop == Drop::truncated);
    CHECK(call.rtcp_from_a(rtcp_packet(), at("203.0.113.5:4001")).drop == Drop::not_rtp);
    const auto statistics = call.statistics(Side::a);
    CHECK(statistics.packets_received == 257);
    CHECK(statistics.packets_sent == 256);
    CHECK(statistics.lost == 0);

    become(call, false);
    CHECK(call.from_a(rtp_packet({.sequence = 2})).drop == Drop::none);
    CHECK(call.from_a(datagram(5)).drop != Drop::none);
}

TEST_CASE("While one side is a fax and the other a call nothing crosses, either way") {
    MediaBench bench;
    Call call(bench);
    LegChange a = leg(Side::a);
    a.udptl = true;
    REQUIRE(call.modify({a}).code == Code::ok);
    CHECK(call.from_a(datagram(1)).drop == Drop::leg_disabled);
    CHECK(call.from_b(rtp_packet()).drop == Drop::leg_disabled);
    CHECK(call.rtcp_from_b(rtcp_packet(), at("203.0.113.99:6001")).drop == Drop::leg_disabled);
}

TEST_CASE("Where SRTP is, there is no UDPTL, whichever is said last, and nothing is half done [SC-14.7-03]") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), Bytes(30, 2), {}};
    Call secure(bench, {a});
    LegChange fax = leg(Side::a), other = leg(Side::b);
    fax.udptl = other.udptl = true;
    const Reply refused = secure.modify({other, fax});
    CHECK(refused.code == Code::invalid);
    CHECK(refused.text == "legs[stream 0, side a].udptl: not on a leg with SRTP keys");
    CHECK(secure.from_b(rtp_packet()).drop == Drop::none);

    Call plain(bench, {}, "plain");
    become(plain, true);
    LegChange keys = leg(Side::a);
    keys.keys = a.keys;
    CHECK(plain.modify({keys}).code == Code::invalid);
    keys.udptl = false;
    CHECK(plain.modify({keys}).code == Code::ok);
}

TEST_CASE("A gateway behind NAT takes the leg after five datagrams in sequence, as with RTP; a spray does not [E-37]") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
    a.latching = Latching::any_address;
    a.udptl = b.udptl = true;
    Call call(bench, {a, b});
    const Endpoint real = at("192.0.2.77:9000");
    for (std::uint16_t i = 0; i < 20; ++i)
        CHECK(call.from_a(datagram(7), real).drop == Drop::wrong_source);  // one, again
    for (std::uint16_t i = 0; i < 4; ++i, bench.wait(30ms))
        CHECK(call.from_a(datagram(static_cast<std::uint16_t>(8 + i)), real).drop ==
              (i < 3 ? Drop::wrong_source : Drop::none));
    CHECK(call.from_b(datagram(1)).to == real);
    CHECK(call.from_a(datagram(20), at("203.0.113.66:4000")).drop == Drop::wrong_source);
}

TEST_CASE("A fax is policed as RTP is, not reported as silent, and has no RTCP of ours; its call had BYE") {
    MediaBench bench;
    Call call(bench);
    for (std::uint16_t i = 0; i < 100; ++i, bench.wait(20ms)) {
        call.from_a(rtp_packet({.sequence = i, .timestamp = i * 160u}));
        call.from_b(rtp_packet({.sequence = i, .timestamp = i * 160u, .ssrc = 9}));
    }
    bench.tick();
    bench.reports();
    become(call, true);
    const auto goodbyes = bench.reports();
    REQUIRE(goodbyes.size() == 2);
    for (const Relayed& each : goodbyes) {
        bool bye = false;
        rtcp::for_each_packet(ByteView(each.payload), [&](ByteView p) { bye = bye || p[1] == rtcp::bye; });
        CHECK(bye);
    }
    become(call, true);  // said again
    for (int i = 0; i < 1200; ++i, bench.wait(100ms)) {
        call.from_a(datagram(static_cast<std::uint16_t>(i)));
        for (const Event& event : bench.tick()) CHECK(event.kind != EventKind::inactivity);
        CHECK(bench.reports().empty());
    }
    int passed = 0;
    for (std::uint16_t i = 0; i < 2000; ++i) passed += call.from_a(datagram(i)).drop == Drop::none;
    CHECK(passed <= 500);

    become(call, false);  // what is reported of the call is the call's
    bench.wait(1s);
    for (std::uint16_t i = 100; i < 1200; ++i, bench.wait(20ms)) {
        call.from_a(rtp_packet({.sequence = i, .timestamp = i * 160u}));
        call.from_b(rtp_packet({.sequence = i, .timestamp = i * 160u, .ssrc = 9}));
        if (i % 5 == 0)
            for (const Event& event : bench.tick()) CHECK(event.kind != EventKind::inactivity);  // it has only begun
        for (const Relayed& each : bench.reports())
            if (each.out_port == 1 && i > 1000) {
                CHECK(each.payload[1] == 200);
                CHECK(load_be32(&each.payload[20]) == i + 1u);
                CHECK(load_be32(&each.payload[24]) == (i + 1u) * 160);
            }
    }
    become(call, true);
    bench.reports();
    call.release();
    CHECK(bench.reports().empty());
}

TEST_CASE("The tail of the call's RTP does not take the fax to where the call was, and none of it is a datagram") {
    MediaBench bench;
    const bool far_nat = GENERATE(false, true), same_port = GENERATE(false, true);
    LegChange first = leg(Side::a, at("203.0.113.5:4000"));
    if (far_nat) first.latching = Latching::any_address;
    Call call(bench, {first});
    std::uint16_t sequence = 0;
    const auto voice = [&] {
        bench.wait(20ms);
        return call.from_a(rtp_packet({.sequence = ++sequence, .timestamp = sequence * 160u})).drop;
    };
    for (int i = 0; i < 50; ++i) voice();
    const Endpoint fax = same_port ? call.peer_a : at("203.0.113.5:5000");
    LegChange a = leg(Side::a, fax), b = leg(Side::b);
    a.udptl = b.udptl = true;
    REQUIRE(call.modify({a, b}).code == Code::ok);
    for (int i = 0; i < 50; ++i) CHECK(voice() == Drop::late_rtp);
    // What it sends after the voice from its old port is none of its fax's either.
    if (!same_port) CHECK(call.from_a(datagram(0)).drop == Drop::wrong_source);
    CHECK(call.from_b(datagram(1)).to == fax);
    for (std::uint16_t i = 1; i < 10; ++i, bench.wait(20ms)) {
        const Drop drop = call.from_a(datagram(i), fax).drop;
        CHECK(drop == (far_nat && !same_port && i < 5 ? drop : Drop::none));
    }
    CHECK(call.from_b(datagram(2)).to == fax);
    CHECK(call.statistics(Side::a).udptl);
    CHECK(bench.drops(Drop::late_rtp) == 50);
}

TEST_CASE("A gateway that sends its fax from where its call was, against its own word, is believed after a while") {
    MediaBench bench;
    Call call(bench);
    call.from_a(rtp_packet());
    LegChange a = leg(Side::a, at("203.0.113.5:5000")), b = leg(Side::b);
    a.udptl = b.udptl = true;
    REQUIRE(call.modify({a, b}).code == Code::ok);
    CHECK(call.from_a(datagram(1)).drop == Drop::wrong_source);
    bench.wait(Departed::time);
    CHECK(call.from_a(datagram(2)).drop == Drop::none);
    CHECK(call.from_b(datagram(2)).to == call.peer_a);
}

TEST_CASE("A fax is silent when neither side says anything, and an idle one excuses no call beside it") {
    MediaBench bench;
    Call call(bench);
    LegChange image_a = leg(Side::a, at("203.0.113.5:5000"), 1), image_b = leg(Side::b, at("203.0.113.99:7000"), 1);
    image_a.udptl = image_b.udptl = true;
    const auto events = [&](Duration d, bool voice, bool fax) {
        std::size_t silent = 0;
        for (const TimePoint end = bench.now + d; bench.now < end; bench.wait(100ms)) {
            static std::uint16_t i = 0;
            if (voice) call.from_a(rtp_packet({.sequence = ++i, .timestamp = i * 160u}));
            if (fax) call.from_b(datagram(++i));
            for (const Event& event : bench.tick()) silent += event.kind == EventKind::inactivity;
        }
        return silent;
    };
    SECTION("alone") {
        become(call, true);
        CHECK(events(120s, false, true) == 0);  // one sends the page, the other says nothing
        CHECK(events(29s, false, false) == 0);
        CHECK(events(5s, false, false) == 2);
    }
    SECTION("beside the call") {
        REQUIRE(bench.pipeline.modify({call.key, {image_a, image_b}, 2}, bench.now).code == Code::ok);
        CHECK(events(60s, true, false) == 1);  // side b alone says nothing
        CHECK(events(29s, false, false) == 0);
        CHECK(events(5s, false, false) == 1);
    }
    SECTION("in place of the call, which is off") {
        LegChange off_a = leg(Side::a), off_b = leg(Side::b);
        off_a.disabled = off_b.disabled = true;
        REQUIRE(bench.pipeline.modify({call.key, {off_a, off_b, image_a, image_b}, 2}, bench.now).code == Code::ok);
        bench.wait(31s);
        const auto all = bench.tick();
        REQUIRE(all.size() == 2);
        for (const Event& event : all) CHECK(event.stream == 1);
    }
}
