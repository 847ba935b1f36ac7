#include "media-plane/core/rtcp.h"

#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("Compounds and reduced-size packets are well formed") {
    CHECK(rtcp::well_formed(rtcp_packet()));
    CHECK(rtcp::well_formed(Bytes{0x80, 201, 0, 1, 1, 2, 3, 4}));                   // an empty receiver report
    CHECK(rtcp::well_formed(Bytes{0x81, 205, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8}));       // feedback alone, RFC 5506
    CHECK(rtcp::well_formed(Bytes{0x81, 203, 0, 1, 1, 2, 3, 4}));                   // BYE
    CHECK(rtcp::well_formed(Bytes{0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4}));       // padded
    CHECK(rtcp::well_formed(Bytes{0x80, 201, 0, 1, 1, 2, 3, 4, 0x80, 203, 0, 0}));  // BYE of nobody, at the end
}

TEST_CASE("RTCP of 1 to 12 bytes and counts beyond the length are refused") {
    for (std::size_t size = 0; size <= 12; ++size) {
        Bytes report(size, 0);
        const std::uint8_t header[] = {0x80, 200, 0, 6};  // a sender report says it has 28
        std::copy_n(header, std::min<std::size_t>(size, 4), report.begin());
        CHECK_FALSE(rtcp::well_formed(report));
    }
    CHECK_FALSE(rtcp::well_formed(Bytes{0x81, 201, 0, 1, 1, 2, 3, 4}));  // one report block, no room
    CHECK_FALSE(rtcp::well_formed(Bytes{0x9f, 203, 0, 1, 1, 2, 3, 4}));  // 31 sources
    CHECK_FALSE(rtcp::well_formed(Bytes{0x9f, 202, 0, 1, 1, 2, 3, 4}));
    CHECK_FALSE(rtcp::well_formed(Bytes{0x80, 201, 0xff, 0xff, 1, 2, 3, 4}));  // length
    CHECK_FALSE(rtcp::well_formed(Bytes{0x80, 201, 0, 1, 1, 2, 3, 4, 0x80}));  // a stray byte behind
    CHECK_FALSE(rtcp::well_formed(Bytes{0x80, 201, 0, 1, 1, 2, 3, 4, 0x40, 201, 0, 0}));
    CHECK_FALSE(rtcp::well_formed(Bytes{0x80, 96, 0, 1, 1, 2, 3, 4}));  // not RTCP
}

TEST_CASE("Padding is whole words of the last packet only") {
    CHECK_FALSE(rtcp::well_formed(Bytes{0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 0}));
    CHECK_FALSE(rtcp::well_formed(Bytes{0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 3}));
    CHECK_FALSE(rtcp::well_formed(Bytes{0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 255}));
    CHECK_FALSE(rtcp::well_formed(Bytes{0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 8}));  // eats the SSRC
    CHECK_FALSE(rtcp::well_formed(Bytes{0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4, 0x80, 203, 0, 0}));
}
