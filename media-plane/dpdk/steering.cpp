#include "media-plane/dpdk/steering.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::media::dpdk {

Steering::Steering(const std::vector<UdpBlock>& ranges, std::size_t lcores) : lcores_(lcores) {
    SALLYPORT_CHECK(lcores > 0);
    for (const auto& range : ranges) {
        SALLYPORT_CHECK(range.first % 2 == 0 && range.last % 2 == 1 && range.first < range.last);
        const std::uint32_t pairs = (range.last - range.first + 1u) / 2u;
        SALLYPORT_CHECK(pairs >= lcores);
        cuts_.push_back({range.first, pairs, pairs / static_cast<std::uint32_t>(lcores)});
    }
}

UdpBlock Steering::block(std::size_t media_port, std::size_t lcore) const {
    const Cut& cut = cuts_[media_port];
    const auto begin = static_cast<std::uint32_t>(lcore) * cut.pairs_per_lcore;
    const auto end = lcore + 1 == lcores_ ? cut.pairs : begin + cut.pairs_per_lcore;  // the last takes the remainder
    return {static_cast<std::uint16_t>(cut.first + 2 * begin), static_cast<std::uint16_t>(cut.first + 2 * end - 1)};
}

std::optional<std::size_t> Steering::owner(std::size_t media_port, std::uint16_t udp_port) const {
    const Cut& cut = cuts_[media_port];
    if (udp_port < cut.first) return std::nullopt;
    const std::uint32_t pair = (udp_port - cut.first) / 2;
    if (pair >= cut.pairs) return std::nullopt;
    return std::min<std::size_t>(pair / cut.pairs_per_lcore, lcores_ - 1);
}

}  // namespace sallyport::media::dpdk
