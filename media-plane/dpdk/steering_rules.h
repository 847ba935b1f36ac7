// Which receive queue of a media port is polled by which lcore, and what a device has to be told so that a packet comes
// to the lcore that owns its UDP port: pure arithmetic. What the device makes of it: flow_rules.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "media-plane/dpdk/steering.h"

namespace sallyport::media::dpdk {

// Ports are begun at different lcores, so that those of few queues are not all polled by the first.
inline std::size_t lcore_of_queue(std::size_t media_port, std::size_t queue, std::size_t lcores) {
    return (media_port + queue) % lcores;
}
// Where there are as many queues as lcores.
inline std::size_t queue_of_lcore(std::size_t media_port, std::size_t lcore, std::size_t lcores) {
    return (lcore + lcores - media_port % lcores) % lcores;
}

// Those UDP ports p with (p & mask) == value.
struct PortMatch {
    std::uint16_t value = 0, mask = 0;
    friend bool operator==(const PortMatch&, const PortMatch&) = default;
};
// The fewest that hold all ports of the block, each once; at most 30.
std::vector<PortMatch> matches_of(UdpBlock block);

}  // namespace sallyport::media::dpdk
