#include <catch2/catch.hpp>

#include "media-plane/srtp/ssrc_set.h"
#include "peer.h"

using namespace sallyport;
using namespace sallyport::srtp;

namespace {
const Bytes key(30, 5);
constexpr auto suite = Suite::aes_cm_128_hmac_sha1_80;
}  // namespace

TEST_CASE("The set forgets the SSRC that was used longest ago") {
    SsrcSet<> set;
    for (std::uint32_t ssrc = 1; ssrc <= 4; ++ssrc) set.insert(ssrc);
    CHECK(set.touch(1));
    CHECK(set.remove_oldest() == 2);
    CHECK_FALSE(set.touch(2));
    CHECK(set.size() == 3);
    CHECK(set.touch(4));
    CHECK(set.remove_oldest() == 3);
    CHECK(set.remove_oldest() == 1);
    CHECK(set.touch(4));
}

TEST_CASE("A context that receives bounds its SSRCs and keeps the one in use") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    const Bytes early = sender.process(rtp_packet(1, 1)).bytes;
    REQUIRE(receiver.process(early).status == Status::ok);
    std::uint16_t sequence = 1;
    for (std::uint32_t other = 2; other < 60; ++other) {  // the sender's limit is 64
        REQUIRE(receiver.process(sender.process(rtp_packet(1, other)).bytes).status == Status::ok);
        REQUIRE(receiver.process(sender.process(rtp_packet(++sequence, 1)).bytes).status == Status::ok);
    }
    CHECK(receiver.process(early).status == Status::replayed);  // SSRC 1 was never forgotten
}

TEST_CASE("The SSRC that was silent longest makes room for the one too many, and may come back") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    std::vector<Bytes> firsts;
    for (std::uint32_t ssrc = 0; ssrc < limits::inbound_ssrcs; ++ssrc) {
        firsts.push_back(sender.process(rtp_packet(1, ssrc)).bytes);
        REQUIRE(receiver.process(firsts.back()).status == Status::ok);
    }
    REQUIRE(receiver.process(firsts[0]).status == Status::replayed);  // all are held
    REQUIRE(receiver.process(sender.process(rtp_packet(1, 77)).bytes).status == Status::ok);
    CHECK(receiver.process(firsts[1]).status == Status::replayed);
    CHECK(receiver.process(firsts[0]).status == Status::ok);  // forgotten: for the receiver it is new
    CHECK(receiver.process(sender.process(rtp_packet(2, 0)).bytes).status == Status::ok);
}

TEST_CASE("Forged packets of invented SSRCs take no place from the real one") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    const Bytes first = sender.process(rtp_packet(1, 1)).bytes;
    REQUIRE(receiver.process(first).status == Status::ok);
    for (std::uint32_t invented = 100; invented < 1100; ++invented)
        REQUIRE(receiver.process(rtp_packet(1, invented)).status == Status::auth_failed);
    CHECK(receiver.process(first).status == Status::replayed);
}

TEST_CASE("A context that sends refuses the SSRC beyond its limit rather than forget one and repeat its keystream") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false);
    for (std::uint32_t ssrc = 1; ssrc <= limits::outbound_ssrcs; ++ssrc)
        REQUIRE(sender.process(rtp_packet(1, ssrc)).status == Status::ok);
    CHECK(sender.process(rtp_packet(1, 1000)).status == Status::no_context);
    CHECK(sender.process(rtcp_packet(1000), true).status == Status::ok);  // SRTCP counts by key
    CHECK(sender.process(rtp_packet(2, 1)).status == Status::ok);
    CHECK(sender.process(rtp_packet(1, 1)).status == Status::replayed);
    sender.rekey(Bytes(30, 6));  // a new key's keystreams are all new
    CHECK(sender.process(rtp_packet(1, 1000)).status == Status::ok);
}
