// Which lcore owns which UDP port; how long an lcore rests; what DPDK is started with.
#include "media-plane/dpdk/steering.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "media-plane/dpdk/eal.h"
#include "media-plane/dpdk/idle.h"

using namespace sallyport;
using namespace sallyport::media::dpdk;

TEST_CASE("every port of the range has one owner, pairs stay together, and blocks agree with owners") {
    const std::size_t lcores = GENERATE(1, 2, 3, 7, 64);
    const Steering steering({{16384, 32767}, {20000, 20000 + 2 * 64 + 1}}, lcores);
    for (const std::size_t port : {std::size_t{0}, std::size_t{1}}) {
        std::uint32_t next = port == 0 ? 16384 : 20000;
        for (std::size_t lcore = 0; lcore < lcores; ++lcore) {
            const UdpBlock block = steering.block(port, lcore);
            REQUIRE(block.first == next);
            REQUIRE(block.first % 2 == 0);
            REQUIRE(block.last % 2 == 1);
            for (std::uint32_t p = block.first; p <= block.last; ++p)
                REQUIRE(steering.owner(port, static_cast<std::uint16_t>(p)) == lcore);
            next = block.last + 1u;
        }
        CHECK(next == (port == 0 ? 32768u : 20000u + 2 * 64 + 2));
    }
    CHECK_FALSE(steering.owner(0, 16383));
    CHECK_FALSE(steering.owner(0, 32768));
    CHECK_FALSE(steering.owner(0, 0));
    CHECK_FALSE(steering.owner(0, 65535));
}

TEST_CASE("an lcore spins while packets come, rests longer the longer nothing comes, and wakes at once") {
    Idle idle(false);
    TimePoint now{};
    CHECK(idle.rest(Idle::Found::media, now).kind == Idle::Kind::spin);
    Duration longest{};
    for (int i = 0; i < 100; ++i) CHECK(idle.rest(Idle::Found::nothing, now += 1us).kind == Idle::Kind::spin);
    for (int i = 0; i < 1000; ++i) longest = std::max(longest, idle.rest(Idle::Found::nothing, now += 100us).duration);
    CHECK(longest == Idle::busy_rest);
    for (int i = 0; i < 10'000; ++i)
        longest = std::max(longest, idle.rest(Idle::Found::nothing, now += 250us).duration);
    CHECK(longest == Idle::longest_rest);
    CHECK(idle.rest(Idle::Found::media, now).kind == Idle::Kind::spin);
    CHECK(idle.rest(Idle::Found::nothing, now).kind == Idle::Kind::spin);
}

TEST_CASE("what is no media is asked for again at once, and keeps an lcore awake no longer") {
    Idle idle(false);
    TimePoint now{};
    for (int i = 0; i < 10'000; ++i) idle.rest(Idle::Found::nothing, now += 1ms);
    for (int i = 0; i < 10; ++i) CHECK(idle.rest(Idle::Found::more, now).kind == Idle::Kind::spin);
    const auto rest = idle.rest(Idle::Found::nothing, now);
    CHECK(rest.kind == Idle::Kind::sleep);
    CHECK(rest.duration == Idle::longest_rest);
}

TEST_CASE("with poll: always an lcore never rests") {
    Idle idle(true);
    TimePoint now{};
    for (int i = 0; i < 10'000; ++i) REQUIRE(idle.rest(Idle::Found::nothing, now += 1ms).kind == Idle::Kind::spin);
}

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

DriverConfig two_ports(const char* first, const char* second) {
    DriverConfig config;
    config.ports.resize(2);
    config.ports[0].device = first;
    config.ports[1].device = second;
    config.cpus = {1, 3};
    return config;
}

}  // namespace

TEST_CASE("virtual devices without hugepages: no PCI scan, and nothing that --no-huge forbids") {
    const auto config = two_ports("net_af_packet0,iface=med0", "net_tap0");
    CHECK(joined(eal_arguments(config, {0, 1, 3}, false, 64, 77)) ==
          "sallyport-media --lcores 0@(0,1,3),1@1,2@3 --main-lcore 0 --file-prefix sallyport-77 --no-telemetry "
          "--no-huge --no-shconf -m 64 --vdev net_af_packet0,iface=med0 --vdev net_tap0 --no-pci");
}

TEST_CASE("PCI devices with hugepages: only those named are touched, and nothing stays in the file system") {
    const auto config = two_ports("0000:03:00.0", "net_null0");
    CHECK(joined(eal_arguments(config, {1, 3}, true, 512, 78)) ==
          "sallyport-media --lcores 0@(1,3),1@1,2@3 --main-lcore 0 --file-prefix sallyport-78 --no-telemetry "
          "--in-memory -m 512 -a 0000:03:00.0 --vdev net_null0");
}
