#include "media-plane/dpdk/steering_rules.h"

#include <algorithm>
#include <bit>

namespace sallyport::media::dpdk {

// From the bottom up the greatest aligned power of two that still fits.
std::vector<PortMatch> matches_of(UdpBlock block) {
    std::vector<PortMatch> matches;
    const std::uint32_t end = std::uint32_t{block.last} + 1;
    for (std::uint32_t next = block.first; next < end;) {
        const std::uint32_t aligned = next == 0 ? 0x10000 : next & (0 - next);
        const std::uint32_t size = std::min(aligned, std::bit_floor(end - next));
        matches.push_back({static_cast<std::uint16_t>(next), static_cast<std::uint16_t>(0x10000 - size)});
        next += size;
    }
    return matches;
}

}  // namespace sallyport::media::dpdk
