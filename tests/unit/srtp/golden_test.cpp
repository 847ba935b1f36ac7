#include <catch2/catch.hpp>

#include "golden_packets.h"
#include "peer.h"

using namespace sallyport;
using namespace sallyport::srtp;

TEST_CASE("Every suite protects and unprotects as an independent implementation of the RFCs does") {
    WITH_EVERY_ENGINE;
    for (const auto& golden : golden::packets) {
        INFO(facts(golden.suite).sdes_name);
        const Bytes key = *from_hex(golden.key), rtp = *from_hex(golden::rtp), rtcp = *from_hex(golden::rtcp);
        Peer sender(golden.suite, key, false), receiver(golden.suite, key, true);
        CHECK(to_hex(sender.process(rtp).bytes) == golden.first);
        CHECK(to_hex(sender.process(rtcp, true).bytes) == golden.srtcp);
        CHECK(to_hex(receiver.process(*from_hex(golden.first)).bytes) == golden::rtp);
        CHECK(to_hex(receiver.process(*from_hex(golden.srtcp), true).bytes) == golden::rtcp);
    }
}

TEST_CASE("The rollover counter enters the packet index as an independent implementation has it") {
    WITH_EVERY_ENGINE;
    for (const auto& golden : golden::packets) {
        INFO(facts(golden.suite).sdes_name);
        const Bytes key = *from_hex(golden.key);
        Peer sender(golden.suite, key, false), receiver(golden.suite, key, true);
        // From below the wrap to the golden packet's sequence number 0x1234 in the next round.
        for (const std::uint16_t sequence : {0xb000, 0xff00, 0x0100}) {
            const Outcome sent = sender.process(rtp_packet(sequence));
            REQUIRE(receiver.process(sent.bytes).status == Status::ok);
        }
        CHECK(to_hex(sender.process(*from_hex(golden::rtp)).bytes) == golden.rolled);
        CHECK(to_hex(receiver.process(*from_hex(golden.rolled)).bytes) == golden::rtp);
    }
}

TEST_CASE("This libsrtp can do every suite that SDES can name") {
    const auto engine = make_libsrtp_engine();
    CHECK_FALSE(engine->supports(Suite::none));
    for (const auto& golden : golden::packets) CHECK(engine->supports(golden.suite));
}
