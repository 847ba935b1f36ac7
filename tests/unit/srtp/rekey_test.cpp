#include <catch2/catch.hpp>

#include "peer.h"

using namespace sallyport;
using namespace sallyport::srtp;

namespace {

constexpr Suite suites[] = {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_256_gcm};
Bytes key(Suite suite, std::uint8_t fill) { return Bytes(key_material_bytes(suite), fill); }

// Both ends after one turn of the sequence number.
struct Turned {
    explicit Turned(Suite s) : suite(s), sender(s, key(s, 1), false), receiver(s, key(s, 1), true) {
        for (const std::uint16_t sequence : {40'000, 60'000, 10'000})
            REQUIRE(receiver.process(sender.process(rtp_packet(sequence)).bytes).status == Status::ok);
    }
    Status pass(std::uint16_t sequence) {
        const Bytes plain = rtp_packet(sequence);
        const Outcome received = receiver.process(sender.process(plain).bytes);
        if (received.status == Status::ok) CHECK(received.bytes == plain);
        return received.status;
    }
    Suite suite;
    Peer sender, receiver;
};

}  // namespace

TEST_CASE("A new key does not reset the rollover counter (RFC 3711 3.3.1) [E-17]") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        Peer zero(suite, key(suite, 2), false);  // counts from zero
        ends.sender.rekey(key(suite, 2));
        const Bytes sent = ends.sender.process(rtp_packet(10'001)).bytes;
        CHECK(zero.process(rtp_packet(10'001)).bytes != sent);
        ends.receiver.rekey(key(suite, 2));
        CHECK(ends.receiver.process(sent).bytes == rtp_packet(10'001));
        CHECK(ends.receiver.process(sent).status == Status::replayed);
        CHECK(ends.pass(10'002) == Status::ok);
    }
}

TEST_CASE("A sender that starts its rollover counter again with a new key is understood [E-17]") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        ends.receiver.rekey(key(suite, 2));
        ends.sender.start_over(key(suite, 2));
        CHECK(ends.pass(10'001) == Status::ok);
        CHECK(ends.pass(40'000) == Status::ok);
        CHECK(ends.pass(60'000) == Status::ok);
        CHECK(ends.pass(100) == Status::ok);  // and turns in its own time
    }
}

TEST_CASE("Forged packets and packets under the old key decide nothing after re-keying") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        const Bytes old = ends.sender.process(rtp_packet(10'001)).bytes;
        ends.receiver.rekey(key(suite, 2));
        CHECK(ends.receiver.process(old).status == Status::auth_failed);
        CHECK(ends.receiver.process(rtp_packet(10'001)).status == Status::auth_failed);
        CHECK(ends.receiver.process(rtp_packet(5, 77)).status == Status::auth_failed);
        ends.sender.rekey(key(suite, 2));
        CHECK(ends.pass(10'002) == Status::ok);
    }
}

TEST_CASE("RTCP goes on across a new key, and decides nothing about RTP") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        REQUIRE(ends.receiver.process(ends.sender.process(rtcp_packet(), true).bytes, true).status == Status::ok);
        ends.receiver.rekey(key(suite, 2));
        ends.sender.start_over(key(suite, 2));
        for (int i = 0; i < 3; ++i)
            CHECK(ends.receiver.process(ends.sender.process(rtcp_packet(), true).bytes, true).status == Status::ok);
        CHECK(ends.pass(10'001) == Status::ok);
        CHECK(ends.receiver.process(ends.sender.process(rtcp_packet(), true).bytes, true).status == Status::ok);
    }
}

TEST_CASE("A new SSRC, as after a transfer, decides nothing about the counter of the old one [E-18]") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        ends.receiver.rekey(key(suite, 2));
        ends.sender.start_over(key(suite, 2));
        for (const std::uint16_t sequence : {1, 2, 3})
            CHECK(ends.receiver.process(ends.sender.process(rtp_packet(sequence, 77)).bytes).status == Status::ok);
        CHECK(ends.pass(10'001) == Status::ok);
    }
}

TEST_CASE("Two new keys in a row, without a packet between them, still lose no count") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        for (const std::uint8_t fill : {2, 3}) {
            ends.receiver.rekey(key(suite, fill));
            ends.sender.rekey(key(suite, fill));
        }
        CHECK(ends.pass(10'001) == Status::ok);
    }
}

TEST_CASE("A thousand new keys in one call cost nothing that stays") {
    WITH_EVERY_ENGINE;
    Turned ends(Suite::aes_cm_128_hmac_sha1_80);
    std::uint16_t sequence = 10'001;
    for (int i = 0; i < 1000; ++i) {
        const Bytes next(30, static_cast<std::uint8_t>(i));
        ends.sender.rekey(next);
        ends.receiver.rekey(next);
        REQUIRE(ends.pass(sequence++) == Status::ok);
    }
}

TEST_CASE("[E-19] A sender that has turned before its first packet arrives is understood, its second turn too") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Peer sender(suite, key(suite, 1), false), receiver(suite, key(suite, 1), true);
        for (const std::uint16_t lost : {65'534, 65'535, 0, 1})
            REQUIRE(sender.process(rtp_packet(lost)).status == Status::ok);
        const auto pass = [&](std::uint16_t sequence) {
            const Outcome received = receiver.process(sender.process(rtp_packet(sequence)).bytes);
            if (received.status == Status::ok) CHECK(received.bytes == rtp_packet(sequence));
            return received.status;
        };
        CHECK(receiver.process(rtp_packet(2)).status == Status::auth_failed);  // a forged one tells nothing
        for (const std::uint16_t sequence : {2, 3, 30'000, 60'000, 5}) CHECK(pass(sequence) == Status::ok);
        CHECK(receiver.context->use() == KeyUse{{{0xcafebabe, 0x20005}}, 0});
        // Another SSRC of the same key starts in its first round, and one that turned twice is not guessed at.
        CHECK(receiver.process(sender.process(rtp_packet(9, 5)).bytes).status == Status::ok);
        for (const std::uint16_t lost : {40'000, 60'000, 20'000, 50'000, 10'000})
            REQUIRE(sender.process(rtp_packet(lost, 6)).status == Status::ok);
        CHECK(receiver.process(sender.process(rtp_packet(10'001, 6)).bytes).status == Status::auth_failed);
    }
}

TEST_CASE("An SSRC that only RTCP has named decides nothing about the counters after re-keying") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        REQUIRE(ends.receiver.process(ends.sender.process(rtcp_packet(88), true).bytes, true).status == Status::ok);
        ends.receiver.rekey(key(suite, 2));
        ends.sender.start_over(key(suite, 2));
        CHECK(ends.receiver.process(ends.sender.process(rtp_packet(5, 88)).bytes).status == Status::ok);
        CHECK(ends.pass(10'001) == Status::ok);
    }
}

TEST_CASE("A packet of a new SSRC that comes twice after re-keying is a replay, and decides nothing") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        ends.sender.rekey(key(suite, 2));
        ends.receiver.rekey(key(suite, 2));
        const Bytes other = ends.sender.process(rtp_packet(7, 77)).bytes;
        CHECK(ends.receiver.process(other).status == Status::ok);
        CHECK(ends.receiver.process(other).status == Status::replayed);
        CHECK(ends.pass(10'001) == Status::ok);
    }
}

TEST_CASE("SRTCP that comes twice after re-keying is a replay, whichever way its sender counts") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites)
        for (const bool restarted : {false, true}) {
            Turned ends(suite);
            REQUIRE(ends.receiver.process(ends.sender.process(rtcp_packet(), true).bytes, true).status == Status::ok);
            ends.receiver.rekey(key(suite, 2));
            restarted ? ends.sender.start_over(key(suite, 2)) : ends.sender.rekey(key(suite, 2));
            const Bytes report = ends.sender.process(rtcp_packet(), true).bytes;
            CHECK(ends.receiver.process(report, true).status == Status::ok);
            CHECK(ends.receiver.process(report, true).status == Status::replayed);
            CHECK(ends.pass(10'001) == Status::ok);  // which settles it
            CHECK(ends.receiver.process(report, true).status == Status::replayed);
        }
}

TEST_CASE("What came of a new SSRC before it was clear how the others count does not come again") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites)
        for (const bool restarted : {false, true}) {
            Turned ends(suite);
            ends.receiver.rekey(key(suite, 2));
            restarted ? ends.sender.start_over(key(suite, 2)) : ends.sender.rekey(key(suite, 2));
            std::vector<Bytes> others;
            for (const std::uint16_t sequence : {1, 2, 3}) {
                others.push_back(ends.sender.process(rtp_packet(sequence, 77)).bytes);
                CHECK(ends.receiver.process(others.back()).status == Status::ok);
            }
            CHECK(ends.pass(10'001) == Status::ok);
            for (const Bytes& other : others) CHECK(ends.receiver.process(other).status == Status::replayed);
            CHECK(ends.receiver.process(ends.sender.process(rtp_packet(4, 77)).bytes).status == Status::ok);
        }
}

TEST_CASE("[E-19] RTCP that comes first does not hide that its sender has turned before its first RTP") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Peer sender(suite, key(suite, 1), false), receiver(suite, key(suite, 1), true);
        for (const std::uint16_t lost : {65'534, 65'535, 0, 1})
            REQUIRE(sender.process(rtp_packet(lost)).status == Status::ok);
        CHECK(receiver.process(sender.process(rtcp_packet(), true).bytes, true).status == Status::ok);
        for (const std::uint16_t sequence : {2, 3})
            CHECK(receiver.process(sender.process(rtp_packet(sequence)).bytes).status == Status::ok);
    }
}

TEST_CASE("A sender whose count says the same either way settles nothing for those that have turned") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Turned ends(suite);
        REQUIRE(ends.receiver.process(ends.sender.process(rtp_packet(5, 88)).bytes).status == Status::ok);
        ends.receiver.rekey(key(suite, 2));
        ends.sender.start_over(key(suite, 2));
        CHECK(ends.receiver.process(ends.sender.process(rtp_packet(6, 88)).bytes).status == Status::ok);
        CHECK(ends.pass(10'001) == Status::ok);
    }
}
