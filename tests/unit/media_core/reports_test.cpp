// RTCP of the plane's own, RFC 3550 6: who has a report when, and what it says.
#include "media-plane/core/reports.h"

#include <catch2/catch.hpp>
#include <set>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

constexpr std::uint32_t ssrc_a = 0xaaaa0001, ssrc_b = 0xbbbb0001;
const Endpoint rtcp_a = at("203.0.113.5:4001"), rtcp_b = at("203.0.113.99:6001");

// One that the plane made, taken apart by hand.
struct Report {
    TimePoint at{};
    Endpoint to, source;
    std::uint8_t type = 0;
    std::uint32_t ssrc = 0;
    std::uint64_t ntp = 0;
    std::uint32_t timestamp = 0, packets = 0, octets = 0;
    std::vector<std::vector<std::uint32_t>> blocks;
    std::string cname;
    std::vector<std::uint32_t> leaving;
};

Report read(const Relayed& relayed, TimePoint at) {
    Report r{.at = at, .to = relayed.to, .source = relayed.source};
    REQUIRE(rtcp::well_formed(relayed.payload));
    std::vector<std::uint8_t> types;
    rtcp::for_each_packet(ByteView(relayed.payload), [&](ByteView p) {
        types.push_back(p[1]);
        std::vector<std::uint32_t> words;
        for (std::size_t i = 0; i < p.size(); i += 4) words.push_back(load_be32(p.data() + i));
        if (p[1] == 200 || p[1] == 201) {
            r.type = p[1];
            r.ssrc = words[1];
            std::size_t first = 2;
            if (p[1] == 200) {
                r.ntp = std::uint64_t{words[2]} << 32 | words[3];
                r.timestamp = words[4];
                r.packets = words[5];
                r.octets = words[6];
                first = 7;
            }
            for (std::size_t i = 0; i < (p[0] & 31u); ++i, first += 6)
                r.blocks.emplace_back(words.begin() + static_cast<std::ptrdiff_t>(first),
                                      words.begin() + static_cast<std::ptrdiff_t>(first + 6));
            REQUIRE(first == words.size());
        } else if (p[1] == 202) {
            REQUIRE((p[0] & 31) == 1);
            REQUIRE(words[1] == r.ssrc);
            REQUIRE(p[8] == 1);
            r.cname.assign(p.begin() + 10, p.begin() + 10 + p[9]);
            REQUIRE(p[10 + p[9]] == 0);
        } else {
            REQUIRE(p[1] == 203);
            r.leaving.assign(words.begin() + 1, words.end());
        }
    });
    REQUIRE(types.size() >= 2);
    REQUIRE((types[0] == 200 || types[0] == 201));  // RFC 3550 6.1: a report first, a name in each
    REQUIRE(types[1] == 202);
    return r;
}

class Reported {
public:
    explicit Reported(std::vector<LegChange> changes = {}) : call(bench, std::move(changes)) {}

    // Both sides talk, 50 packets a second each, or one of them, for so long; ticks as they come.
    void talk(Duration d, bool a = true, bool b = true) {
        for (const TimePoint end = bench.now + d; bench.now < end; bench.wait(20ms)) {
            if (a) call.from_a(packet(ssrc_a, next_a++));
            if (b) call.from_b(packet(ssrc_b, next_b++));
            go_on();
        }
    }
    void silence(Duration d) { talk(d, false, false); }
    void go_on() {
        if (bench.now - ticked >= 100ms) {
            ticked = bench.now;
            bench.tick();
        }
        for (const Relayed& each : bench.reports()) (each.out_port == 0 ? to_a : to_b).push_back(read(each, bench.now));
    }
    static Bytes packet(std::uint32_t ssrc, std::uint16_t number) {
        return rtp_packet({.sequence = number, .timestamp = number * 160u, .ssrc = ssrc});
    }
    Reply modify(std::vector<LegChange> changes) { return call.modify(std::move(changes)); }
    void forget() {
        to_a.clear();
        to_b.clear();
    }

    MediaBench bench;
    Call call;
    std::uint16_t next_a = 1000, next_b = 2000;
    TimePoint ticked{};
    std::vector<Report> to_a, to_b;
};

Duration longest_wait(const std::vector<Report>& reports, TimePoint from, TimePoint to) {
    Duration longest{};
    for (const Report& r : reports) {
        longest = std::max(longest, r.at - from);
        from = r.at;
    }
    return std::max(longest, to - from);
}

}  // namespace

TEST_CASE(
    "Peers that send no RTCP have a report within 5 s, and then again, from the port above RTP's, on hold too "
    "[SC-14.2-03]") {
    Reported r;
    for (const bool hold : {false, true}) {
        const TimePoint began = r.bench.now;
        if (hold) {
            LegChange a = leg(Side::a), b = leg(Side::b);
            a.direction = b.direction = Direction::inactive;
            REQUIRE(r.modify({a, b}).code == Code::ok);
            r.silence(60s);
        } else {
            r.talk(60s);
        }
        CHECK(longest_wait(r.to_a, began, r.bench.now) < 5s);
        CHECK(longest_wait(r.to_b, began, r.bench.now) < 5s);
        for (const auto* reports : {&r.to_a, &r.to_b}) {
            CHECK(reports->size() >= 12);
            CHECK(reports->size() <= 30);  // RFC 3550 6.2: not more often than 2 s apart
            for (std::size_t i = 1; i < reports->size(); ++i) CHECK((*reports)[i].at - (*reports)[i - 1].at >= 2s);
        }
        for (const Report& each : r.to_a) {
            CHECK(each.to == rtcp_a);
            CHECK(each.source.port == r.call.local_a.port + 1);
        }
        r.forget();
    }
    CHECK(r.bench.pipeline.statistics().rtcp_packets.read() == 0);  // none of them was relayed
    CHECK(r.call.statistics(Side::a).rtcp_sent > 24);
}

TEST_CASE("To its peer a leg is one endpoint: the sender's report is of the stream that the peer hears") {
    Reported r;
    r.talk(10s);
    const Report& last = r.to_a.back();
    CHECK(last.type == 200);
    CHECK(last.ssrc == ssrc_b);
    const auto since = static_cast<std::uint32_t>((r.bench.now - 20ms - last.at) / 20ms);
    CHECK(last.packets == 500u - since);
    CHECK(last.octets == last.packets * 160);
    // As the stream's own clock has it: the last packet was sent in the same moment.
    CHECK(last.timestamp == (r.next_b - 1u - since) * 160u);
    CHECK(last.ntp == rtcp::ntp_time(last.at));
    REQUIRE(last.blocks.size() == 1);
    CHECK(last.blocks[0][0] == ssrc_a);
    CHECK(last.blocks[0][1] == 0);
    CHECK(last.blocks[0][2] == r.next_a - 1u - since);
    CHECK(last.blocks[0][3] == 0);
}

TEST_CASE("CSRC lists and extensions are no payload, and another source counts anew") {
    Reported r;
    for (std::uint16_t i = 0; i < 250; ++i, r.bench.wait(20ms)) {
        Bytes packet = rtp_packet({.sequence = i, .timestamp = i * 160u, .ssrc = i < 100 ? 1u : 2u});
        packet[0] = 0x91;  // one CSRC, and an extension of one word
        store_be16(&packet[18], 1);
        REQUIRE(r.call.from_a(packet).drop == Drop::none);
        r.go_on();
    }
    r.silence(4s);
    REQUIRE(!r.to_b.empty());
    CHECK(r.to_b.back().type == 200);
    CHECK(r.to_b.back().ssrc == 2);
    CHECK(r.to_b.back().packets == 150);
    CHECK(r.to_b.back().octets == 150 * (160 - 4 - 8));
}

TEST_CASE("Who has sent nothing for two reports sends the receiver's, without a block if nothing has come") {
    Reported r;
    r.talk(6s);
    r.silence(20s);
    CHECK(r.to_a.front().type == 200);
    CHECK(r.to_a.back().type == 201);
    CHECK(r.to_a.back().ssrc == ssrc_b);
    CHECK(r.to_a.back().blocks.empty());
}

TEST_CASE("What was lost, and how long ago the peer's report came, is said as RFC 3550 6.4.1 has it") {
    Reported r;
    for (int i = 0; i < 200; ++i, r.bench.wait(20ms)) {
        if (i % 4 == 1)
            ++r.next_a;  // lost on the way
        else
            r.call.from_a(Reported::packet(ssrc_a, r.next_a++));
        r.call.from_b(Reported::packet(ssrc_b, r.next_b++));
        r.go_on();
    }
    REQUIRE(!r.to_a.empty());
    const std::uint32_t expected = r.to_a[0].blocks.at(0)[2] - 1000 + 1, lost = (expected + 2) / 4;
    CHECK(expected > 50);
    CHECK(r.to_a[0].blocks[0][1] == (lost * 256 / expected << 24 | lost));
    const TimePoint heard = r.bench.now;
    REQUIRE(r.call.rtcp_from_a(rtcp_packet(ssrc_a), rtcp_a).drop == Drop::none);  // its NTP time is 01 02 ... 08
    r.forget();
    r.talk(5s);
    REQUIRE(!r.to_a.empty());
    CHECK(r.to_a[0].blocks.at(0)[4] == 0x03040506);
    const double seconds = std::chrono::duration<double>(r.to_a[0].at - heard).count();
    CHECK(std::abs(r.to_a[0].blocks.at(0)[5] / 65536.0 - seconds) < 0.0001);
    CHECK((r.to_a[0].blocks[0][1] & 0xffffff) == 50);
}

TEST_CASE("A side that reports is not reported for, and is again when it has stopped") {
    Reported r;
    for (int i = 0; i < 20; ++i) {  // side a speaks as seldom as RFC 3550 lets it
        CHECK(r.call.rtcp_from_a(rtcp_packet(ssrc_a), rtcp_a).drop == Drop::none);
        r.talk(6100ms);
    }
    CHECK(r.to_b.empty());
    CHECK(r.to_a.size() > 20);
    r.talk(15s);
    CHECK(r.to_b.size() >= 2);
}

TEST_CASE("What a peer says of a report of ours does not reach the other side, all else does") {
    Reported r;
    r.talk(8s);
    REQUIRE(r.to_a.size() >= 2);
    const auto told = [&](std::uint32_t last_report) {
        Bytes report{0x81, 201, 0, 7};
        report.resize(32, 7);
        store_be32(&report[24], last_report);
        return report;
    };
    for (const Report* each : {&r.to_a[r.to_a.size() - 1], &r.to_a[r.to_a.size() - 2]}) {
        const Bytes report = told(rtcp::middle(each->ntp));
        const Bytes came = r.call.rtcp_from_a(report, rtcp_a).payload;
        CHECK(Bytes(came.begin(), came.begin() + 24) == Bytes(report.begin(), report.begin() + 24));
        CHECK(Bytes(came.begin() + 24, came.end()) == Bytes(8, 0));
    }
    CHECK(r.call.rtcp_from_a(told(0x01020304), rtcp_a).payload == told(0x01020304));
    CHECK(r.call.rtcp_from_b(told(rtcp::middle(r.to_a.back().ntp)), rtcp_b).payload ==
          told(rtcp::middle(r.to_a.back().ntp)));
}

TEST_CASE("Before there is a stream to speak for, it is an SSRC of our own, that leaves when there is") {
    Reported r;
    r.talk(8s, true, false);
    REQUIRE(!r.to_a.empty());
    const std::uint32_t own = r.to_a[0].ssrc;
    CHECK((own != 0 && own != ssrc_a && own != ssrc_b));
    for (const Report& each : r.to_a) {
        CHECK(each.type == 201);
        CHECK(each.ssrc == own);
        CHECK(each.leaving.empty());
    }
    r.forget();
    r.talk(10s);
    CHECK(r.to_a.at(0).ssrc == ssrc_b);
    CHECK(r.to_a.at(0).leaving == std::vector<std::uint32_t>{own});
    CHECK(r.to_a.at(1).leaving.empty());
}

TEST_CASE("Peers that send under one SSRC are not told about themselves under it") {
    Reported r;
    for (std::uint16_t i = 0; i < 250; ++i, r.bench.wait(20ms)) {
        r.call.from_a(Reported::packet(7, i));
        r.call.from_b(Reported::packet(7, i));
        r.go_on();
    }
    REQUIRE(!r.to_a.empty());
    CHECK(r.to_a.back().ssrc != 7);
    CHECK(r.to_a.back().type == 201);
    CHECK(r.to_a.back().blocks.at(0)[0] == 7);
}

TEST_CASE("Names are random, stay for the session, and join no two legs [SC-14.2-03]") {
    Reported r;
    std::set<std::string> names;
    r.talk(10s);
    for (const auto* reports : {&r.to_a, &r.to_b}) {
        for (const Report& each : *reports) CHECK(each.cname == reports->front().cname);
        CHECK(reports->front().cname.size() == 16);
        names.insert(reports->front().cname);
    }
    r.call.release();
    Call next(r.bench, {}, "next");
    r.forget();
    r.bench.wait(5s);
    for (int i = 0; i < 20; ++i, r.bench.wait(100ms)) r.go_on();
    REQUIRE((!r.to_a.empty() && !r.to_b.empty()));
    names.insert({r.to_a.back().cname, r.to_b.back().cname});
    CHECK(names.size() == 4);
}

TEST_CASE("At the end each peer that has had anything has BYE, once [SC-14.2-03]") {
    Reported r;
    r.talk(5s);
    r.forget();
    r.call.release();
    r.go_on();
    REQUIRE((r.to_a.size() == 1 && r.to_b.size() == 1));
    CHECK(r.to_a[0].leaving == std::vector{ssrc_b});
    CHECK(r.to_a[0].to == rtcp_a);
    CHECK(r.to_a[0].source.port == r.call.local_a.port + 1);
    CHECK(r.to_b[0].leaving == std::vector{ssrc_a});
    r.silence(20s);
    CHECK(r.to_a.size() == 1);
    CHECK_FALSE(r.bench.pipeline.has_reports());
}

TEST_CASE("Who was sent nothing has no BYE, nor has who got the other side's own") {
    Reported r;
    SECTION("nothing") { r.bench.wait(100ms); }
    SECTION("the other side's") {
        r.talk(1s);
        Bytes bye = rtcp_packet(ssrc_a);
        for (const std::uint8_t each : {0x81, 203, 0, 1}) bye.push_back(each);
        bye.resize(bye.size() + 4);
        store_be32(&bye[bye.size() - 4], ssrc_a);
        REQUIRE(r.call.rtcp_from_a(bye, rtcp_a).drop == Drop::none);
        r.forget();
    }
    r.call.release();
    r.go_on();
    CHECK(r.to_b.empty());
}

TEST_CASE("A stream that is given up ends with BYE, and after it nothing is reported") {
    Reported r;
    r.talk(5s);
    r.forget();
    LegChange a = leg(Side::a), b = leg(Side::b);
    a.disabled = b.disabled = true;
    REQUIRE(r.modify({a, b}).code == Code::ok);
    r.silence(20s);
    REQUIRE(r.to_a.size() == 1);
    CHECK(r.to_a[0].leaving == std::vector{ssrc_b});
    CHECK(r.to_b.size() == 1);
    r.call.release();
    r.go_on();
    CHECK(r.to_a.size() == 1);
}

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
    "Behind NAT nobody has a report before he is heard; an address that never sends has ten, one that moves ten more") {
    LegChange a = leg(Side::a, at("203.0.113.5:4000"));
    a.latching = Latching::any_address;
    Reported r({a});
    r.silence(300s);
    CHECK(r.to_a.empty());
    CHECK(r.to_b.size() == Reporter::most_unheard);
    REQUIRE(r.modify({leg(Side::b, at("203.0.113.98:6000"))}).code == Code::ok);
    r.silence(300s);
    CHECK(r.to_b.size() == 2 * Reporter::most_unheard);

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
