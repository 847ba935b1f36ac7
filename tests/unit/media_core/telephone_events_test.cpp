// Digits as RFC 4733 sends them: told once each, whatever the network makes of their packets.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

struct Digit {
    std::uint8_t code = 5;
    std::uint16_t duration = 800;
    bool ends = false;
    std::uint32_t timestamp = 16'000;
    bool marker = false;
    std::uint8_t type = 101;
    std::uint32_t ssrc = 0x11223344;
};

// Side a dials; towards side b the events have another number. 8 and 16 kHz are agreed upon.
struct Dialling {
    Dialling() : call(bench, {dialler()}) { REQUIRE(call.reply.code == Code::ok); }
    static LegChange dialler() {
        LegChange a = leg(Side::a, at("203.0.113.5:4000"));
        a.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 96}, {102, 97}};
        a.drop_unmapped = true;
        a.telephone_events = {{101, 8'000, 8'000}, {102, 16'000, 16'000}};
        return a;
    }
    Relayed send(const Digit& d) {
        Bytes packet = rtp_packet({.sequence = ++sequence,
                                   .payload_type = d.type,
                                   .timestamp = d.timestamp,
                                   .ssrc = d.ssrc,
                                   .payload_bytes = 4,
                                   .marker = d.marker});
        packet[12] = d.code;
        packet[13] = d.ends ? 0x8a : 0x0a;
        store_be16(&packet[14], d.duration);
        return call.from_a(packet);
    }
    // As telephones do: three times the beginning, updates each 20 ms, three times the end; and what of it is lost.
    std::vector<Event> dial(std::uint8_t code, std::uint32_t timestamp, bool with_end = true) {
        std::vector<Event> events;
        for (std::uint16_t i = 1; i <= 5; ++i, bench.wait(20ms)) {
            CHECK(send({.code = code,
                        .duration = static_cast<std::uint16_t>(i * 160),
                        .timestamp = timestamp,
                        .marker = i == 1})
                      .drop == Drop::none);
            tell(events);
        }
        for (int i = 0; with_end && i < 3; ++i) {
            send({.code = code, .duration = 960, .ends = true, .timestamp = timestamp});
            tell(events);
        }
        return events;
    }
    void tell(std::vector<Event>& told) {
        for (auto& event : bench.tick())
            if (event.kind == EventKind::telephone_event) told.push_back(std::move(event));
    }
    std::vector<Event> told_within(Duration time) {
        std::vector<Event> events;
        for (Duration t{}; t < time; t += 10ms, bench.wait(10ms)) tell(events);
        return events;
    }
    std::uint64_t counted() { return call.statistics(Side::a).telephone_events; }

    MediaBench bench;
    Call call;
    std::uint16_t sequence = 100;
};

}  // namespace

TEST_CASE("A digit is told once, with its length, however many packets are about it") {
    Dialling d;
    const auto events = d.dial(5, 16'000);
    REQUIRE(events.size() == 1);
    CHECK(events[0].side == Side::a);
    CHECK(events[0].telephone.code == 5);
    CHECK(events[0].telephone.duration == 120ms);
    CHECK(events[0].telephone.ended);
    CHECK(events[0].count == 1);
    CHECK(d.told_within(1s).empty());
    CHECK(d.counted() == 1);
    CHECK(d.bench.pipeline.statistics().telephone_events.read() == 1);
    CHECK(d.call.statistics(Side::b).telephone_events == 0);
}

TEST_CASE("Each of several digits is told, the same one twice as well, with and without audio between them") {
    Dialling d;
    const bool audio = GENERATE(false, true);
    std::vector<std::uint8_t> told;
    std::uint32_t timestamp = 16'000;
    for (const std::uint8_t code : {1, 1, 10, 11}) {
        for (const auto& event : d.dial(code, timestamp)) told.push_back(event.telephone.code);
        if (audio) CHECK(d.call.from_a(rtp_packet({.sequence = ++d.sequence})).drop == Drop::none);
        d.bench.wait(60ms);
        timestamp += 1'440;
    }
    CHECK(told == std::vector<std::uint8_t>{1, 1, 10, 11});
    CHECK(d.counted() == 4);
}

TEST_CASE("Durations are of the clock of their own payload type") {
    Dialling d;
    d.send({.duration = 1'600, .ends = true, .type = 102});
    auto events = d.told_within(20ms);
    REQUIRE(events.size() == 1);
    CHECK(events[0].telephone.duration == 100ms);
    d.bench.wait(100ms);
    d.send({.duration = 1'600, .ends = true, .timestamp = 32'000, .type = 101});
    events = d.told_within(20ms);
    REQUIRE(events.size() == 1);
    CHECK(events[0].telephone.duration == 200ms);
}

TEST_CASE("Of a digit whose end is lost, or all but its end, is told what is known") {
    Dialling d;
    SECTION("all that said that it ends, and nothing after it") {
        CHECK(d.dial(7, 16'000, false).empty());
        CHECK(d.told_within(200ms).empty());  // it may go on
        const auto events = d.told_within(300ms);
        REQUIRE(events.size() == 1);
        CHECK(events[0].telephone.code == 7);
        CHECK(events[0].telephone.duration == 100ms);
        CHECK_FALSE(events[0].telephone.ended);
        CHECK(d.told_within(1s).empty());
    }
    SECTION("and the next digit follows") {
        CHECK(d.dial(7, 16'000, false).empty());
        const auto events = d.dial(8, 17'440);
        REQUIRE(events.size() == 2);
        CHECK(events[0].telephone.code == 7);
        CHECK_FALSE(events[0].telephone.ended);
        CHECK(events[1].telephone.code == 8);
        CHECK(events[1].telephone.ended);
    }
    SECTION("all but one of its ends") {
        d.send({.code = 9, .duration = 960, .ends = true});
        const auto events = d.told_within(1s);
        REQUIRE(events.size() == 1);
        CHECK(events[0].telephone.duration == 120ms);
    }
}

TEST_CASE("What comes late, twice, or out of order is no other digit") {
    Dialling d;
    REQUIRE(d.dial(5, 16'000).size() == 1);
    d.bench.wait(60ms);
    d.send({.code = 5, .duration = 480, .timestamp = 16'000});                  // an update, late
    d.send({.code = 5, .duration = 160, .timestamp = 16'000, .marker = true});  // its begin, later still
    d.send({.code = 5, .duration = 960, .ends = true, .timestamp = 16'000});
    CHECK(d.told_within(1s).empty());
    REQUIRE(d.dial(6, 24'000).size() == 1);
    d.send({.code = 5, .duration = 960, .ends = true, .timestamp = 16'000});  // of the digit before
    CHECK(d.told_within(1s).empty());
    CHECK(d.counted() == 2);
}

TEST_CASE("A key held for long is one event, though its length takes several timestamps (RFC 4733 2.5.1.3)") {
    Dialling d;
    std::uint32_t timestamp = 16'000;
    d.send({.duration = 40'000, .timestamp = timestamp, .marker = true});
    d.send({.duration = 0xffff, .timestamp = timestamp});
    timestamp += 0xffff;
    d.send({.duration = 160, .timestamp = timestamp});
    d.send({.duration = 14'465, .ends = true, .timestamp = timestamp});
    d.send({.duration = 14'465, .ends = true, .timestamp = timestamp});
    const auto events = d.told_within(1s);
    REQUIRE(events.size() == 1);
    CHECK(events[0].telephone.duration == 10s);
    CHECK(d.counted() == 1);
}

TEST_CASE("A sender that moves the timestamp with each packet dials one digit all the same") {
    Dialling d;
    for (std::uint16_t i = 0; i < 5; ++i)
        d.send(
            {.duration = static_cast<std::uint16_t>(160 * (i + 1)), .timestamp = 16'000u + 160u * i, .marker = i == 0});
    for (std::uint16_t i = 5; i < 8; ++i) d.send({.duration = 960, .ends = true, .timestamp = 16'000u + 160u * i});
    CHECK(d.told_within(1s).size() == 1);
    CHECK(d.counted() == 1);
}

TEST_CASE("Several events in one packet are as many (RFC 4733 2.5.1.5)") {
    Dialling d;
    Bytes packet =
        rtp_packet({.sequence = 7, .payload_type = 101, .timestamp = 16'000, .payload_bytes = 8, .marker = true});
    const Bytes blocks{1, 0x8a, 0x03, 0x20, 2, 0x8a, 0x01, 0x90};
    std::copy(blocks.begin(), blocks.end(), packet.begin() + 12);
    REQUIRE(d.call.from_a(packet).drop == Drop::none);
    const auto events = d.told_within(1s);
    REQUIRE(events.size() == 1);  // together: too fast for one each
    CHECK(events[0].count == 2);
    CHECK(events[0].telephone.code == 2);
    CHECK(events[0].telephone.duration == 50ms);
    CHECK(d.counted() == 2);
}

TEST_CASE("Who dials faster than anybody can is told of twenty times a second; every event passes, and counts") {
    Dialling d;
    std::uint64_t sum = 0;
    std::size_t told = 0;
    for (std::uint32_t i = 0; i < 200; ++i, d.bench.wait(5ms)) {
        CHECK(d.send({.duration = 8, .ends = true, .timestamp = 16'000 + 40 * i, .marker = true}).drop == Drop::none);
        std::vector<Event> events;
        d.tell(events);
        for (const auto& event : events) sum += event.count;
        told += events.size();
    }
    for (const auto& event : d.told_within(100ms)) sum += event.count;
    CHECK(told <= 20);
    CHECK(sum == 200);
    CHECK(d.counted() == 200);
}

TEST_CASE("Audio is no event, nor is one that is held back, nor what is too short for one") {
    Dialling d;
    SECTION("audio") { CHECK(d.call.from_a(rtp_packet()).drop == Drop::none); }
    SECTION("too short") {
        CHECK(d.call.from_a(rtp_packet({.payload_type = 101, .payload_bytes = 3})).drop == Drop::none);
        Bytes padded = rtp_packet({.sequence = 2, .payload_type = 101, .payload_bytes = 4});
        padded[0] |= 0x20;
        padded.back() = 2;
        CHECK(d.call.from_a(padded).drop == Drop::none);
    }
    SECTION("on hold") {
        LegChange held = leg(Side::a);
        held.direction = Direction::recvonly;
        REQUIRE(d.call.modify({held}).code == Code::ok);
        CHECK(d.send({.ends = true}).drop == Drop::direction);
    }
    SECTION("no longer agreed upon") {
        LegChange change = leg(Side::a);
        change.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 96}};
        REQUIRE(d.call.modify({change}).code == Code::ok);
        CHECK(d.send({.ends = true}).drop == Drop::none);
    }
    CHECK(d.told_within(1s).empty());
    CHECK(d.counted() == 0);
}

TEST_CASE("A session that ends takes along what was not told; another source's digits are its own") {
    Dialling d;
    d.send({.timestamp = 16'000, .marker = true});
    d.send({.timestamp = 9'000, .marker = true, .ssrc = 0x99});  // that one's clock is before
    CHECK(d.counted() == 2);
    const auto reply = d.call.release();
    REQUIRE(reply.statistics);
    CHECK(reply.statistics->legs[0].telephone_events == 2);
    CHECK(d.told_within(1s).empty());
}

TEST_CASE("Where the other side has events of another clock their durations are converted, and no timestamp [E-38]") {
    Dialling d;
    const auto up = GENERATE(true, false);
    const std::uint32_t here = up ? 8'000 : 48'000, there = up ? 48'000 : 8'000;
    LegChange a = leg(Side::a);
    a.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 96}};
    a.drop_unmapped = true;
    a.telephone_events = {{101, here, there}};
    REQUIRE(d.call.modify({a}).code == Code::ok);
    struct Told {
        std::uint32_t timestamp;
        std::uint16_t duration;
        bool marker, ends;
        bool operator==(const Told&) const = default;
    };
    const auto sent = [&](const Digit& digit) {
        const auto relayed = d.send(digit);
        REQUIRE(relayed.drop == Drop::none);
        REQUIRE(relayed.payload.size() == 16);
        CHECK((relayed.payload[1] & 0x7f) == 96);
        CHECK(relayed.payload[12] == digit.code);
        CHECK((relayed.payload[13] & 0x3f) == 10);
        return Told{load_be32(&relayed.payload[4]), load_be16(&relayed.payload[14]), (relayed.payload[1] & 0x80) != 0,
                    (relayed.payload[13] & 0x80) != 0};
    };
    const std::uint16_t first = up ? 400 : 2'400, last = up ? 800 : 4'800;
    SECTION("a digit of a tenth of a second, and the repeats of its end") {
        CHECK(sent({.duration = first, .marker = true}) ==
              Told{16'000, static_cast<std::uint16_t>(up ? 2'400 : 400), true, false});
        for (int i = 0; i < 3; ++i)
            CHECK(sent({.duration = last, .ends = true}) ==
                  Told{16'000, static_cast<std::uint16_t>(up ? 4'800 : 800), false, true});
        const auto told = d.told_within(100ms);
        REQUIRE(told.size() == 1);
        CHECK(told[0].telephone.duration == 100ms);
    }
    SECTION("one that lasts longer than a packet of one of the clocks can tell") {
        if (up) {
            CHECK(sent({.duration = 10'922, .marker = true}) == Told{16'000, 65'532, true, false});
            CHECK(sent({.duration = 10'923}) == Told{16'000 + 65'535, 3, false, false});
            CHECK(sent({.duration = 24'000, .ends = true}) == Told{16'000 + 2 * 65'535, 12'930, false, true});
        } else {
            CHECK(sent({.duration = 65'535, .marker = true}) == Told{16'000, 10'923, true, false});
            CHECK(sent({.duration = 14'465, .timestamp = 16'000 + 65'535}) == Told{16'000, 13'333, false, false});
            CHECK(sent({.duration = 30'465, .ends = true, .timestamp = 16'000 + 65'535}) ==
                  Told{16'000, 16'000, false, true});
        }
        CHECK(d.counted() == 1);
    }
    SECTION("what is no event, or no whole one, stays as it is") {
        const Bytes voice = rtp_packet({.payload_type = 8});
        CHECK(d.call.from_a(voice).payload == voice);
        const Bytes cut = rtp_packet({.sequence = 2, .payload_type = 101, .payload_bytes = 3});
        const auto relayed = d.call.from_a(cut);
        CHECK(std::equal(cut.begin() + 2, cut.end(), relayed.payload.begin() + 2, relayed.payload.end()));
    }
    SECTION("two events in one packet, each by itself, and never more than can be told") {
        Bytes both = rtp_packet({.payload_type = 101, .payload_bytes = 8});
        for (std::size_t i : {12u, 16u}) {
            both[i] = 5;
            both[i + 1] = 0x8a;
        }
        store_be16(&both[14], first);
        store_be16(&both[18], 60'000);
        const auto relayed = d.call.from_a(both);
        CHECK(load_be16(&relayed.payload[14]) == (up ? 2'400 : 400));
        CHECK(load_be16(&relayed.payload[18]) == (up ? 65'535 : 10'000));
    }
}
