#include <catch2/catch.hpp>

#include "media-plane/core/demux.h"
#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("The RTP header is as long as its CSRC count and its extension say") {
    Bytes packet = rtp_packet();
    CHECK(rtp::header_bytes(packet) == 12);
    packet[0] = 0x83;
    CHECK(rtp::header_bytes(packet) == 24);
    packet[0] = 0x92;  // two CSRC and an extension of 3 words
    packet[12 + 8 + 2] = 0;
    packet[12 + 8 + 3] = 3;
    CHECK(rtp::header_bytes(packet) == 12 + 8 + 4 + 12);
}

TEST_CASE("A header that points behind the packet is none: CC 15 in 20 bytes, extension of 0xFFFF words, version 1") {
    Bytes sources(20, 0);
    sources[0] = 0x8f;
    CHECK(rtp::header_bytes(sources) == 0);
    Bytes extension(100, 0xff);
    extension[0] = 0x90;
    CHECK(rtp::header_bytes(extension) == 0);
    Bytes cut(15, 0);  // the extension's own header is cut off
    cut[0] = 0x90;
    CHECK(rtp::header_bytes(cut) == 0);
    Bytes other = rtp_packet();
    other[0] = 0x40;
    CHECK(rtp::header_bytes(other) == 0);
    Bytes shorter = rtp_packet({.payload_bytes = 0});
    while (!shorter.empty()) {
        shorter.pop_back();
        CHECK(rtp::header_bytes(shorter) == 0);
    }
}

TEST_CASE("Padding counts itself and stays within the payload") {
    Bytes packet = rtp_packet({.payload_bytes = 4});
    packet.back() = 0;
    CHECK(rtp::padding_fits(packet));  // no padding bit
    packet[0] = 0xa0;
    CHECK_FALSE(rtp::padding_fits(packet));
    packet.back() = 5;
    CHECK_FALSE(rtp::padding_fits(packet));
    packet.back() = 4;
    CHECK(rtp::padding_fits(packet));
    Bytes bare = rtp_packet({.payload_bytes = 0});
    bare[0] = 0xa0;
    CHECK_FALSE(rtp::padding_fits(bare));
}

TEST_CASE("The payload type changes and the marker bit stays") {
    Bytes packet = rtp_packet({.payload_type = 96, .marker = true});
    rtp::set_payload_type(packet.data(), 101);
    CHECK(packet[1] == (0x80 | 101));
    CHECK(rtp::payload_type(packet.data()) == 101);
}

TEST_CASE("The first octet tells the protocols apart (RFC 7983)") {
    const auto first = [](int octet) { return demultiplex(Bytes{static_cast<std::uint8_t>(octet)}); };
    CHECK(demultiplex({}) == Protocol::other);
    for (int octet = 0; octet < 256; ++octet) {
        const Protocol expected = octet <= 3                     ? Protocol::stun
                                  : octet >= 20 && octet <= 63   ? Protocol::dtls
                                  : octet >= 128 && octet <= 191 ? Protocol::rtp_or_rtcp
                                                                 : Protocol::other;
        CHECK(first(octet) == expected);
    }
}
