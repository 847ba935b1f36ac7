// Which lcore owns a UDP port: each media port's range is cut into one block per lcore. The hardware may deliver a
// packet to any lcore; this says where it has to go. Pure arithmetic.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace sallyport::media::dpdk {

struct UdpBlock {
    std::uint16_t first = 0, last = 0;  // even, odd: pairs of RTP and RTCP are never torn
};

class Steering {
public:
    // `ranges`: one per media port. Each holds at least one pair per lcore (the configuration is checked for that).
    Steering(const std::vector<UdpBlock>& ranges, std::size_t lcores);

    UdpBlock block(std::size_t media_port, std::size_t lcore) const;
    std::optional<std::size_t> owner(std::size_t media_port, std::uint16_t udp_port) const;

private:
    struct Cut {
        std::uint32_t first, pairs, pairs_per_lcore;
    };
    std::vector<Cut> cuts_;
    std::size_t lcores_;
};

}  // namespace sallyport::media::dpdk
