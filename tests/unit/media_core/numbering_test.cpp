// RTP that leaves under a key of ours: what the peer can decrypt of it, whatever its source does with its numbers.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using srtp::Suite;

namespace {

constexpr Suite suites[] = {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_128_gcm};
const Endpoint rtcp_a = at("203.0.113.5:4001"), rtcp_b = at("203.0.113.99:6001");

Bytes key(Suite suite, std::uint8_t fill) { return Bytes(srtp::key_material_bytes(suite), fill); }
LegChange secured(Suite suite, std::optional<KeyUse> used = std::nullopt) {
    LegChange change = leg(Side::a, at("203.0.113.5:4000"));
    change.keys = Keys{suite, key(suite, 1), key(suite, 2), std::move(used)};
    return change;
}

// SRTP on side a, plain RTP on side b.
struct HalfSecure {
    explicit HalfSecure(Suite s = suites[0], std::optional<KeyUse> used = std::nullopt)
        : call(bench, {secured(s, std::move(used))}), peer(s, key(s, 1), key(s, 2)) {}
    // The number under which the peer hears what side b sends; nothing if it does not.
    std::optional<std::uint16_t> send(std::uint32_t sequence, std::uint32_t ssrc = 0x11223344) {
        Bytes plain = rtp_packet({.sequence = static_cast<std::uint16_t>(sequence), .ssrc = ssrc});
        bench.wait(2ms);
        const Relayed relayed = call.from_b(plain);
        if (relayed.drop != Drop::none) return std::nullopt;
        const auto heard = peer.unprotect(relayed.payload);
        if (!heard) return std::nullopt;
        const std::uint16_t number = rtp::sequence_number(heard->data());
        store_be16(&plain[2], number);
        CHECK(*heard == plain);  // all else as it was
        return number;
    }
    void direct(Direction direction) {
        LegChange change = leg(Side::a);
        change.direction = direction;
        REQUIRE(call.modify({change}).code == Code::ok);
    }
    MediaBench bench;
    Call call;
    SrtpPeer peer;
};

Bytes report_about(std::uint32_t ssrc, std::uint32_t highest) {
    Bytes packet(8 + 24);
    packet[0] = 0x81;
    packet[1] = 201;
    store_be16(&packet[2], 7);
    store_be32(&packet[4], 0x99);
    store_be32(&packet[8], ssrc);
    store_be32(&packet[16], highest);
    return packet;
}
std::uint32_t highest_in(const Bytes& report) { return load_be32(&report[16]); }

}  // namespace

TEST_CASE("After a hold of any length, 40,000 packets too, the first packet is heard, and no loss is seen") {
    for (const Suite suite : suites)
        for (const std::uint32_t held : {1u, 500u, 20'000u, 40'000u, 65'000u, 70'000u}) {
            HalfSecure c(suite);
            std::uint32_t sequence = 5;
            for (; sequence < 40; ++sequence) REQUIRE(c.send(sequence));
            const std::uint16_t last = *c.send(sequence++);
            c.direct(Direction::sendonly);
            for (std::uint32_t i = 0; i < held; ++i, c.bench.wait(2ms))
                REQUIRE(c.call.from_b(rtp_packet({.sequence = static_cast<std::uint16_t>(sequence++)})).drop ==
                        Drop::direction);
            c.direct(Direction::sendrecv);
            CHECK(c.send(sequence++) == last + 1);
            CHECK(c.send(sequence++) == last + 2);
        }
}

TEST_CASE("100,000 packets, 40,000 held back, 30,000 more: all that were to be heard were") {
    HalfSecure c;
    std::uint32_t sequence = 0, heard = 0;
    for (int i = 0; i < 100'000; ++i) heard += c.send(sequence++).has_value();
    sequence += 40'000;
    for (int i = 0; i < 30'000; ++i) heard += c.send(sequence++).has_value();
    CHECK(heard == 130'000);
    CHECK(c.bench.drops(Drop::replayed) == 0);
}

TEST_CASE("A source that begins anew under its SSRC, anywhere, is heard at once") {
    for (const std::uint16_t anew : {1, 20'000, 39'000, 41'000, 44'500, 60'000}) {
        HalfSecure c;
        std::optional<std::uint16_t> last;
        for (std::uint16_t i = 0; i < 100; ++i) last = c.send(40'000u + i);
        REQUIRE(last);
        const auto first = c.send(anew);
        REQUIRE(first);
        CHECK(static_cast<std::uint16_t>(*first - *last) < 3'000);
        CHECK(c.send(anew + 1u) == *first + 1);
    }
}

TEST_CASE("What is lost before us is lost behind us, late packets come late, and a repeated one once") {
    HalfSecure c;
    const std::uint16_t first = *c.send(50'000);
    CHECK(c.send(50'001) == first + 1);
    CHECK(c.send(50'005) == first + 5);
    CHECK(c.send(50'003) == first + 3);
    CHECK_FALSE(c.send(50'003));
    CHECK(c.send(50'006) == first + 6);
    CHECK(c.send(52'000) == first + 2'000);
    CHECK(c.send(58'000) == first + 2'001);  // no path loses a minute
    CHECK(c.send(58'001) == first + 2'002);
}

TEST_CASE("The first number sent is in the lower half, whatever the source's is: its receiver may miss some [E-19]") {
    for (const std::uint32_t begin : {0u, 1u, 32'767u, 32'768u, 65'500u, 65'535u}) {
        HalfSecure c;
        for (std::uint32_t i = 0; i < 200; ++i) {
            const Relayed lost = c.call.from_b(rtp_packet({.sequence = static_cast<std::uint16_t>(begin + i)}));
            REQUIRE(lost.drop == Drop::none);
            if (i == 0) CHECK(load_be16(&lost.payload[2]) < 0x8000);
        }
        CHECK(c.send(begin + 200).has_value());
        CHECK(c.send(begin + 201).has_value());
    }
}

TEST_CASE("Sources that take turns go on where each has stopped [E-18]") {
    HalfSecure c;
    const std::uint16_t one = *c.send(100, 1), other = *c.send(60'000, 2);
    CHECK(c.send(150, 1) == one + 1);
    CHECK(c.send(3, 2) == other + 1);
    CHECK(c.send(4, 2) == other + 2);
    CHECK(c.send(151, 1) == one + 2);
}

TEST_CASE("A hundred sources under one key are all heard, and come back") {
    HalfSecure c;
    for (int round = 0; round < 3; ++round)
        for (std::uint32_t ssrc = 1; ssrc <= 100; ++ssrc)
            for (std::uint32_t i = 0; i < 3; ++i) CHECK(c.send(1'000 * ssrc + i, ssrc));
    CHECK(c.bench.drops(Drop::replayed) + c.bench.drops(Drop::protect_failed) == 0);
}

TEST_CASE("SRTP on both sides: each hears the other, however that one counts") {
    MediaBench bench;
    const Suite suite = suites[0];
    LegChange a = secured(suite), b = leg(Side::b, at("203.0.113.99:6000"));
    b.keys = Keys{suite, key(suite, 3), key(suite, 4)};
    Call call(bench, {a, b});
    SrtpPeer peer_a(suite, key(suite, 1), key(suite, 2)), peer_b(suite, key(suite, 3), key(suite, 4));
    std::optional<Bytes> heard;
    for (std::uint32_t sequence = 65'530; sequence < 65'550; ++sequence) {
        heard = peer_a.unprotect(
            call.from_b(peer_b.protect(rtp_packet({.sequence = static_cast<std::uint16_t>(sequence)}))).payload);
        REQUIRE(heard);
    }
    CHECK(rtp::sequence_number(heard->data()) == (65'530 & 0x7fff) + 19);
}

TEST_CASE(
    "A new key goes on with the numbers; where the peer has moved, which begins a new count, they begin anew [E-17]") {
    const Suite suite = suites[0];
    HalfSecure c;
    const std::uint16_t last = *c.send(60'000);
    LegChange change = secured(suite);
    change.keys = Keys{suite, key(suite, 5), key(suite, 6)};
    REQUIRE(c.call.modify({change}).code == Code::ok);
    // Only a receiver that has the count of before would understand more than the first round; so would this one.
    c.peer = SrtpPeer(suite, key(suite, 5), key(suite, 6));
    CHECK(c.send(60'001) == last + 1);
    change = leg(Side::a, at("203.0.113.5:4002"));
    change.keys = Keys{suite, key(suite, 7), key(suite, 8)};
    REQUIRE(c.call.modify({change}).code == Code::ok);
    c.peer = SrtpPeer(suite, key(suite, 7), key(suite, 8));
    CHECK(c.send(65'535) == 0x7fff);
}

TEST_CASE("After a restart the numbers go on behind all that may have been sent, and the peer follows") {
    for (const Suite suite : suites) {
        HalfSecure before(suite);
        for (std::uint32_t i = 0; i < 70'000; ++i) REQUIRE(before.send(i));
        KeyUse reported;
        for (const Event& event : before.bench.tick())
            if (event.kind == EventKind::key_use) reported = event.used;
        REQUIRE(reported.sent.rtp.size() == 1);
        std::uint16_t last = 0;
        for (std::uint32_t i = 70'000; i < 73'000; ++i) last = *before.send(i);  // of which nobody was told
        for (const std::uint32_t goes_on : {73'100u, 9u, 100'000u}) {
            HalfSecure after(suite, reported);
            std::swap(after.peer, before.peer);
            const auto first = after.send(goes_on);
            REQUIRE(first);
            CHECK(static_cast<std::uint16_t>(*first - last) < 0x8000);
            CHECK(after.send(goes_on + 1) == static_cast<std::uint16_t>(*first + 1));
            last = *after.send(goes_on + 2);
            for (const Event& event : after.bench.tick())
                if (event.kind == EventKind::key_use) reported = event.used;
            std::swap(after.peer, before.peer);
        }
    }
}

TEST_CASE("What the peer reports of our numbers, the source is told of its own") {
    HalfSecure c;
    std::uint16_t last = 0;
    for (std::uint32_t i = 65'000; i < 66'000; ++i) last = *c.send(i);
    const auto told = [&](std::uint32_t highest, std::uint32_t ssrc = 0x11223344) {
        return highest_in(c.call.rtcp_from_a(c.peer.protect(report_about(ssrc, highest), true), rtcp_a).payload);
    };
    CHECK(told(last) == 65'999);  // one turn of the source's, as it would have been counted here
    CHECK(told(last - 10u) == 65'989);
    CHECK(told(last - 600u) == 65'399);
    CHECK(told(last, 0x55) == last);  // of somebody else
    CHECK(c.send(20'000));            // begins anew
    CHECK(c.send(20'001));
    CHECK(told(last + 2u) == 20'001);
    // Towards a peer without keys nothing is renumbered.
    CHECK(highest_in(
              c.peer.unprotect(c.call.rtcp_from_b(report_about(0x11223344, 12'345), rtcp_b).payload, true).value()) ==
          12'345);
}
