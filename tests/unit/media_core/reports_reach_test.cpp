// RTCP of the plane's own: to whom it goes and to whom not, how it is protected, and that many calls are no burst.
#include <map>
#include <memory>

#include "media-plane/core/reporter.h"
#include "reports_bench.h"

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("Where a=rtcp says, reports go; where a 0.0.0.0 holds, none; before both sides are known, none") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.remote_rtcp = at("203.0.113.5:4999");
    Reported r({a});
    r.talk(6s);
    CHECK(r.to_a.at(0).to == at("203.0.113.5:4999"));
    r.forget();
    REQUIRE(r.modify({leg(Side::a, at("0.0.0.0:4000"))}).code == Code::ok);
    r.silence(20s);
    CHECK(r.to_a.empty());
    CHECK(r.to_b.size() >= 4);
    REQUIRE(r.modify({leg(Side::a, at("203.0.113.5:4000"))}).code == Code::ok);
    r.silence(6s);
    CHECK(r.to_a.size() >= 1);

    Reported ringing({leg(Side::b)});
    ringing.silence(20s);
    CHECK(ringing.to_a.empty());
    CHECK(ringing.to_b.empty());
    REQUIRE(ringing.modify({leg(Side::b, at("203.0.113.99:6000"))}).code == Code::ok);
    ringing.silence(6s);
    CHECK(ringing.to_a.size() >= 1);
}

TEST_CASE(
    "Behind NAT nobody has a report before he is heard; an address that never sends has ten, where it moves none "
    "more") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.latching = Latching::any_address;
    Reported r({a});
    r.silence(300s);
    CHECK(r.to_a.empty());
    CHECK(r.to_b.size() == Reporter::most_unheard);
    for (const char* victim : {"203.0.113.98:6000", "203.0.113.97:6000", "203.0.113.99:6000"}) {
        REQUIRE(r.modify({leg(Side::b, at(victim))}).code == Code::ok);
        r.silence(60s);
    }
    CHECK(r.to_b.size() == Reporter::most_unheard);

    // The phone is elsewhere than it says: RTP takes the leg, but where its RTCP is, RTCP has to show.
    for (std::uint16_t i = 0; i < 500; ++i, r.bench.wait(20ms)) {
        r.call.from_a(Reported::packet(ssrc_a, i), at("192.0.2.200:7000"));
        r.go_on();
    }
    CHECK(r.call.statistics(Side::a).latched);
    CHECK(r.to_a.empty());
    r.call.rtcp_from_a(rtcp_packet(ssrc_a), at("192.0.2.200:7009"));
    r.silence(10s);
    REQUIRE(!r.to_a.empty());
    CHECK(r.to_a[0].to == at("192.0.2.200:7009"));
}

TEST_CASE("Another port of a host that was heard is not known to be the peer's: ten reports, behind NAT none") {
    const bool far_nat = GENERATE(false, true);
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    if (far_nat) a.latching = Latching::any_address;
    Reported r({a});
    for (std::uint16_t i = 0; i < 6000; ++i, r.bench.wait(20ms)) {
        r.call.from_a(Reported::packet(ssrc_a, i), at("203.0.113.5:4444"));
        r.go_on();
    }
    CHECK(r.call.statistics(Side::a).latched);
    CHECK(r.to_a.size() == (far_nat ? 0u : Reporter::most_unheard));
    r.call.rtcp_from_a(rtcp_packet(ssrc_a), at("203.0.113.5:4445"));
    r.forget();
    r.silence(60s);
    CHECK(r.to_a.size() > Reporter::most_unheard);
    CHECK(r.to_a.back().to == at("203.0.113.5:4445"));
}

TEST_CASE("Who has said b=RS:0 and b=RR:0 has neither reports nor BYE, and the other one both") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.reports = false;
    Reported r({a});
    r.talk(40s);
    CHECK(r.to_a.empty());
    CHECK(r.to_b.size() > 8);
    r.forget();
    r.call.release();
    r.go_on();
    CHECK(r.to_a.empty());
    CHECK(r.to_b.size() == 1);

    Reported again({a});
    again.silence(10s);
    LegChange wants = leg(Side::a);
    wants.reports = true;
    REQUIRE(again.modify({wants}).code == Code::ok);
    again.silence(6s);
    CHECK(!again.to_a.empty());
}

TEST_CASE("A host that a=rtcp names beside the one that talks is bounded as well") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.remote_rtcp = at("203.0.113.200:53");
    Reported r({a});
    r.talk(120s);
    CHECK(r.to_a.size() == Reporter::most_unheard);
}

TEST_CASE("On SRTP legs reports are SRTCP, each with an index of its own among those relayed [SC-14.2-03]") {
    const auto suite =
        GENERATE(srtp::Suite::aes_cm_128_hmac_sha1_80, srtp::Suite::aes_cm_128_hmac_sha1_32,
                 srtp::Suite::aead_aes_128_gcm, srtp::Suite::aead_aes_256_gcm, srtp::Suite::aes_256_cm_hmac_sha1_80);
    const Bytes theirs(srtp::key_material_bytes(suite), 1), ours(srtp::key_material_bytes(suite), 2);
    SrtpPeer peer(suite, theirs, ours);
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = Keys{suite, theirs, ours, {}};
    MediaBench bench;
    Call call(bench, {a});
    std::vector<std::uint32_t> indices;
    std::size_t own = 0;
    const auto take = [&](const Relayed& relayed) {
        const std::size_t at = relayed.payload.size() - (srtp::facts(suite).rtp_tag_bytes == 16 ? 4 : 14);
        indices.push_back(load_be32(&relayed.payload[at]) & 0x7fffffff);
        const auto plain = peer.unprotect(relayed.payload, true);  // replays and wrong tags are refused by it
        REQUIRE(plain);
        CHECK(rtcp::well_formed(*plain));
    };
    const auto take_own = [&] {
        for (const Relayed& each : bench.reports())
            if (each.out_port == 0) {
                ++own;
                take(each);
            }
    };
    for (std::uint16_t i = 0; i < 40 * 50; ++i, bench.wait(20ms)) {
        REQUIRE(call.from_a(peer.protect(Reported::packet(ssrc_a, i))).drop == Drop::none);
        if (i == 500) take(call.rtcp_from_b(rtcp_packet(ssrc_b), rtcp_b));
        if (i % 5 == 0) bench.tick();
        take_own();
    }
    CHECK(own >= 6);
    call.release();
    take_own();
    for (std::size_t i = 0; i < indices.size(); ++i) CHECK(indices[i] == i + 1);
    CHECK(bench.drops(Drop::protect_failed) == 0);
}

TEST_CASE("Before the keys are there nothing goes out in the clear") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.keys = Keys{srtp::Suite::aes_cm_128_hmac_sha1_80, Bytes(30, 1), {}, {}};
    Reported r({a});
    r.silence(20s);
    CHECK(r.to_a.empty());
    r.call.release();
    r.go_on();
    CHECK(r.to_a.empty());
}

TEST_CASE("Ten thousand calls on hold have their reports spread over time, and none is missed") {
    PipelineConfig config;
    config.ports = {{"access", {ip("192.0.2.1")}, 16384, 49151}, {"core", {ip("198.51.100.1")}, 16384, 49151}};
    MediaBench bench(config);
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 10'000; ++i)
        calls.push_back(std::make_unique<Call>(bench, std::vector<LegChange>{}, std::to_string(i)));
    std::size_t most = 0, all = 0;
    std::map<std::uint16_t, TimePoint> last;
    const TimePoint began = bench.now;
    Duration longest{};
    for (int i = 0; i < 200; ++i, bench.wait(100ms)) {
        bench.tick();
        const auto reports = bench.reports();
        most = std::max(most, reports.size());
        all += reports.size();
        for (const Relayed& each : reports) {
            if (each.out_port != 0) continue;
            const auto [place, fresh] = last.try_emplace(each.source.port, began);
            longest = std::max(longest, bench.now - place->second);
            place->second = bench.now;
        }
    }
    CHECK(last.size() == 10'000);
    CHECK(longest < 5s);
    CHECK(all > 20'000 * 4);
    CHECK(most < 1'500);  // in 100 ms, and then eight between two bursts
}

TEST_CASE("What is due is written as room allows, and a session that goes takes along what was due, but for its BYE") {
    MediaBench bench;
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 8; ++i)
        calls.push_back(std::make_unique<Call>(bench, std::vector<LegChange>{}, std::to_string(i)));
    bench.wait(5s);
    for (int i = 0; i < 10; ++i) bench.tick();
    REQUIRE(bench.pipeline.has_reports());
    calls[0]->release();  // nothing was sent: no BYE
    std::array<std::array<std::uint8_t, Pipeline::own_rtcp_bytes>, 4> buffers;
    std::size_t all = 0;
    for (int i = 0; i < 10; ++i) {
        std::array<Packet, buffers.size()> room;
        for (std::size_t n = 0; n < room.size(); ++n) {
            room[n].data = buffers[n].data();
            room[n].capacity = Pipeline::own_rtcp_bytes;
        }
        const std::size_t count = bench.pipeline.write_reports(room, bench.now);
        CHECK(count <= room.size());
        all += count;
    }
    CHECK(all == 14);
    for (std::size_t i = 1; i < calls.size(); ++i) calls[i]->release();
    CHECK(bench.reports().size() == 14);
}
