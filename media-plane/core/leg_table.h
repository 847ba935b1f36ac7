// Which leg listens on a UDP port of one media port: an array over this lcore's block of ports, one entry a pair.
#pragma once

#include <cstdint>
#include <vector>

#include "control/base/check.h"

namespace sallyport::media {

struct Leg;

class LegTable {
public:
    LegTable(std::uint16_t first_udp_port, std::uint16_t last_udp_port)
        : first_(first_udp_port), pairs_((std::size_t{last_udp_port} + 1 - first_udp_port) / 2) {}

    // By the port of RTP or of RTCP; nothing for a port outside the block.
    Leg* find(std::uint16_t udp_port) const {
        const std::uint32_t pair = (std::uint32_t{udp_port} - first_) >> 1;  // below first_: far too large
        return pair < pairs_.size() ? pairs_[pair] : nullptr;
    }
    void set(std::uint16_t rtp_port, Leg* leg) {
        const std::uint32_t pair = (std::uint32_t{rtp_port} - first_) >> 1;
        SALLYPORT_CHECK(pair < pairs_.size());
        pairs_[pair] = leg;
    }

private:
    std::uint32_t first_;
    std::vector<Leg*> pairs_;
};

}  // namespace sallyport::media
