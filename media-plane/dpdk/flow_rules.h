// Rules in a device (rte_flow) that bring each UDP port's packets to the receive queue of the lcore that owns it. A
// device may know no rules, or not these: then packets are handed over between lcores, as those are that no rule fits.
// Private to the room.
#pragma once

#include <rte_flow.h>

#include <string>
#include <vector>

#include "media-plane/dpdk/config.h"
#include "media-plane/dpdk/steering.h"

namespace sallyport::media::dpdk {

class FlowRules {
public:
    FlowRules() = default;
    FlowRules(const FlowRules&) = delete;
    FlowRules& operator=(const FlowRules&) = delete;

    struct Target {
        UdpBlock ports;
        std::uint16_t queue = 0;
    };
    // On a started device: all of them or none. First each block as one range; where the device refuses that, cut into
    // masked matches. Returns why it takes neither, in the device's words, or an empty text.
    std::string install(std::uint16_t port_id, const PortConfig& port, const std::vector<Target>& targets);
    void remove();  // before the device stops
    std::size_t count() const { return rules_.size(); }

private:
    std::string install_all(const PortConfig& port, const std::vector<Target>& targets, bool as_ranges);
    std::string install_one(const PortConfig& port, Family family, const rte_flow_item_udp& spec,
                            const rte_flow_item_udp* last, const rte_flow_item_udp& mask, std::uint16_t queue);

    std::uint16_t port_id_ = 0;
    std::vector<rte_flow*> rules_;
};

}  // namespace sallyport::media::dpdk
