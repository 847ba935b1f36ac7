// What a device is told so that a UDP port's packets come to the lcore that owns it.
#include "media-plane/dpdk/steering_rules.h"

#include <catch2/catch.hpp>

using namespace sallyport::media::dpdk;

namespace {

// How many of the matches hold each port.
std::vector<int> held(const std::vector<PortMatch>& matches) {
    std::vector<int> times(65'536);
    for (const PortMatch& match : matches)
        for (std::uint32_t port = 0; port < times.size(); ++port)
            if ((port & match.mask) == match.value) ++times[port];
    return times;
}

}  // namespace

TEST_CASE("A block's matches hold each of its ports once and no other") {
    for (const UdpBlock block : {UdpBlock{16384, 32767}, UdpBlock{20000, 29999}, UdpBlock{1024, 65535},
                                 UdpBlock{1026, 65533}, UdpBlock{20000, 20001}, UdpBlock{32766, 32769}}) {
        const auto matches = matches_of(block);
        const auto times = held(matches);
        CHECK(matches.size() <= 30);
        for (std::uint32_t port = 0; port < times.size(); ++port)
            REQUIRE(times[port] == (port >= block.first && port <= block.last ? 1 : 0));
    }
}

TEST_CASE("An aligned block is one match") {
    CHECK(matches_of({16384, 32767}) == std::vector<PortMatch>{{16384, 0xc000}});
    CHECK(matches_of({16384, 24575}) == std::vector<PortMatch>{{16384, 0xe000}});
    CHECK(matches_of({20000, 20001}) == std::vector<PortMatch>{{20000, 0xfffe}});
    CHECK(matches_of({0, 65535}) == std::vector<PortMatch>{{0, 0}});
}

TEST_CASE("A rule names the queue that its lcore polls, on every port, and each lcore has one of each") {
    for (std::size_t lcores = 1; lcores <= 8; ++lcores)
        for (std::size_t media_port = 0; media_port < 16; ++media_port)
            for (std::size_t lcore = 0; lcore < lcores; ++lcore) {
                const std::size_t queue = queue_of_lcore(media_port, lcore, lcores);
                REQUIRE(queue < lcores);
                REQUIRE(lcore_of_queue(media_port, queue, lcores) == lcore);
            }
}
