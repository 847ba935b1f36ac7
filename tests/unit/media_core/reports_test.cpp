// RTCP of the plane's own, RFC 3550 6: what it says, and when.
#include <set>

#include "reports_bench.h"

using namespace sallyport;
using namespace sallyport::media;

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
    r.talk(20s);
    const Report& last = r.to_a.back();
    CHECK(last.type == 200);
    CHECK(last.ssrc == ssrc_b);
    const auto since = static_cast<std::uint32_t>((r.bench.now - 20ms - last.at) / 20ms);
    CHECK(last.packets == 1000u - since);
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
    for (std::uint16_t i = 0; i < 1000; ++i, r.bench.wait(20ms)) {
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
    CHECK(r.to_b.back().packets == 900);
    CHECK(r.to_b.back().octets == 900 * (160 - 4 - 8));
}

TEST_CASE("Who has sent nothing for two reports sends the receiver's, without a block if nothing has come") {
    Reported r;
    r.talk(20s);
    CHECK(r.to_a.back().type == 200);
    r.silence(20s);
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
    const TimePoint stopped = r.bench.now - 6100ms;
    r.talk(40s);
    REQUIRE(r.to_b.size() > 8);
    CHECK(r.to_b[0].at - stopped < 11s);
    for (const Report& each : r.to_b) {
        const bool for_stream = each.at - stopped >= 4 * 6100ms;
        CHECK(each.type == (for_stream ? 200 : 201));
        CHECK((each.ssrc == ssrc_a) == for_stream);
    }
    CHECK(r.to_b.back().ssrc == ssrc_a);
}

TEST_CASE("An SSRC has one author: while its sender may still report, what we say is under one of our own") {
    const auto first = GENERATE(1500ms, 4900ms, 9s), interval = GENERATE(5000ms, 12s, 20s);
    Reported r;
    r.talk(first);
    for (int i = 0; i < 10; ++i) {
        REQUIRE(r.call.rtcp_from_a(rtcp_packet(ssrc_a), rtcp_a).drop == Drop::none);
        r.talk(i % 2 == 0 ? interval * 3 / 4 : interval * 6 / 5);  // RFC 3550 A.7 has it at random
    }
    for (const Report& each : r.to_b) {
        if (each.at > r.bench.now - interval) break;  // a peer of 20 s has 15 s before its second report
        INFO(std::chrono::duration<double>(first).count() << ' ' << std::chrono::duration<double>(interval).count());
        CHECK(each.type == 201);
        CHECK(each.ssrc != ssrc_a);
        CHECK(each.cname == r.to_b[0].cname);
        CHECK(each.blocks.at(0)[0] == ssrc_b);
    }
    // Whoever has been silent long enough is spoken for, and who comes back is not any more.
    r.talk(100s);
    r.forget();
    r.talk(10s);
    for (const Report& each : r.to_b) CHECK(each.ssrc == ssrc_a);
    r.forget();
    for (int i = 0; i < 6; ++i) {
        REQUIRE(r.call.rtcp_from_a(rtcp_packet(ssrc_a), rtcp_a).drop == Drop::none);
        r.talk(4s);
    }
    CHECK(r.to_b.empty());
}

TEST_CASE("What a peer says of a report of ours does not reach the other side, all else does") {
    Reported r;
    r.talk(25s);
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
    r.talk(16s, true, false);
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
    const bool for_stream = GENERATE(true, false);
    Reported r;
    r.talk(for_stream ? 25s : 5s);
    const std::uint32_t own_a = r.to_a.back().ssrc, own_b = r.to_b.back().ssrc;
    r.forget();
    r.call.release();
    r.go_on();
    REQUIRE((r.to_a.size() == 1 && r.to_b.size() == 1));
    // RFC 3550 6.6: that of the stream, and ours beside it as long as it is not ours to speak for.
    CHECK(r.to_a[0].leaving == (for_stream ? std::vector{ssrc_b} : std::vector{ssrc_b, own_a}));
    CHECK(r.to_a[0].to == rtcp_a);
    CHECK(r.to_a[0].source.port == r.call.local_a.port + 1);
    CHECK(r.to_b[0].leaving == (for_stream ? std::vector{ssrc_a} : std::vector{ssrc_a, own_b}));
    r.silence(20s);
    CHECK(r.to_a.size() == 1);
    CHECK_FALSE(r.bench.pipeline.has_reports());
}

TEST_CASE("A session whose call goes on, or of which nobody knows, ends without BYE") {
    const bool by_lease = GENERATE(false, true);
    Reported r;
    r.talk(20s);
    r.forget();
    REQUIRE(r.bench.pipeline.release({.key = r.call.key, .by_lease = by_lease}, r.bench.now).code == Code::ok);
    r.go_on();
    CHECK(r.to_a.empty());
    CHECK(r.to_b.empty());
}

TEST_CASE("After its BYE a source stays away until there is RTP of it, whatever else is sent or is not") {
    Reported r;
    r.talk(1s);
    Bytes bye = rtcp_packet(ssrc_a);
    for (const std::uint8_t each : {0x81, 203, 0, 1}) bye.push_back(each);
    bye.resize(bye.size() + 4);
    store_be32(&bye[bye.size() - 4], ssrc_a);
    REQUIRE(r.call.rtcp_from_a(bye, rtcp_a).drop == Drop::none);
    const auto become = [&](bool udptl) {
        LegChange a = leg(Side::a), b = leg(Side::b);
        a.udptl = b.udptl = udptl;
        REQUIRE(r.modify({a, b}).code == Code::ok);
    };
    bool again = false;
    SECTION("a fax") {
        become(true);
        for (std::uint8_t i = 0; i < 100; ++i, r.bench.wait(20ms))
            REQUIRE(r.call.from_a(Bytes{0, i, 1, 0, 0, 0}).drop == Drop::none);
        become(false);
    }
    SECTION("a packet for which there was no next hop") {
        r.bench.pipeline.not_sent(1, r.call.local_b.port, 172, Drop::no_next_hop);
    }
    SECTION("its RTP") {
        r.talk(100ms, true, false);
        again = true;
    }
    r.forget();
    r.call.release();
    r.go_on();
    CHECK(r.to_b.size() == (again ? 1u : 0u));
}

TEST_CASE("The last RTP and its BYE may come in one burst, in this order or with more RTP behind") {
    Reported r;
    const bool first = GENERATE(true, false);  // its SSRC is not on the books yet
    const bool comes_back = GENERATE(false, true);
    if (!first) r.talk(1s);
    Bytes bye = rtcp_packet(ssrc_a);
    for (const std::uint8_t each : {0x81, 203, 0, 1}) bye.push_back(each);
    bye.resize(bye.size() + 4);
    store_be32(&bye[bye.size() - 4], ssrc_a);
    std::array<Bytes, 3> payloads{rtp_packet({.sequence = 7'000, .ssrc = ssrc_a}), bye,
                                  rtp_packet({.sequence = 7'001, .ssrc = ssrc_a})};
    payloads[0][0] |= 0x20;  // padding: not the short way
    payloads[0].back() = 4;
    std::array<Packet, 3> burst;
    for (std::size_t i = 0; i < burst.size(); ++i) {
        const bool rtcp = i == 1;
        burst[i] = r.bench.describe(0, rtcp ? rtcp_a : r.call.peer_a,
                                    static_cast<std::uint16_t>(r.call.local_a.port + (rtcp ? 1 : 0)), payloads[i]);
    }
    r.bench.pipeline.process(std::span(burst).first(comes_back ? 3 : 2), r.bench.now);
    for (std::size_t i = 0; i < (comes_back ? 3 : 2); ++i) REQUIRE(burst[i].drop == Drop::none);
    r.forget();
    r.call.release();
    r.go_on();
    CHECK(r.to_b.size() == (comes_back ? 1u : 0u));
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
    CHECK(r.to_a[0].leaving.at(0) == ssrc_b);
    CHECK(r.to_b.size() == 1);
    r.call.release();
    r.go_on();
    CHECK(r.to_a.size() == 1);
}
