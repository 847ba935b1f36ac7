#include "media-plane/dpdk/flow_rules.h"

#include <rte_byteorder.h>
#include <rte_errno.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "media-plane/dpdk/steering_rules.h"

namespace sallyport::media::dpdk {
namespace {

std::string words_of(const rte_flow_error& error, int code) {
    if (error.message != nullptr && *error.message != '\0') return error.message;
    return rte_strerror(std::abs(code));
}

rte_flow_item_udp to_port(std::uint16_t port) {
    rte_flow_item_udp udp{};
    udp.hdr.dst_port = rte_cpu_to_be_16(port);
    return udp;
}

}  // namespace

std::string FlowRules::install_one(const PortConfig& port, Family family, const rte_flow_item_udp& spec,
                                   const rte_flow_item_udp* last, const rte_flow_item_udp& mask, std::uint16_t queue) {
    rte_flow_attr attributes{};
    attributes.ingress = 1;
    rte_flow_item_vlan tag{}, tag_mask{};
    tag.tci = rte_cpu_to_be_16(port.vlan);
    tag_mask.tci = rte_cpu_to_be_16(0x0fff);
    std::array<rte_flow_item, 5> pattern{};
    std::size_t items = 0;
    pattern[items++].type = RTE_FLOW_ITEM_TYPE_ETH;
    if (port.vlan != 0) {
        pattern[items].type = RTE_FLOW_ITEM_TYPE_VLAN;
        pattern[items].spec = &tag;
        pattern[items++].mask = &tag_mask;
    }
    pattern[items++].type = family == Family::v4 ? RTE_FLOW_ITEM_TYPE_IPV4 : RTE_FLOW_ITEM_TYPE_IPV6;
    pattern[items].type = RTE_FLOW_ITEM_TYPE_UDP;
    pattern[items].spec = &spec;
    pattern[items].last = last;
    pattern[items++].mask = &mask;
    pattern[items].type = RTE_FLOW_ITEM_TYPE_END;
    const rte_flow_action_queue to{queue};
    std::array<rte_flow_action, 2> actions{};
    actions[0].type = RTE_FLOW_ACTION_TYPE_QUEUE;
    actions[0].conf = &to;
    actions[1].type = RTE_FLOW_ACTION_TYPE_END;

    rte_flow_error error{};
    if (const int code = rte_flow_validate(port_id_, &attributes, pattern.data(), actions.data(), &error); code != 0)
        return words_of(error, code);
    rte_flow* rule = rte_flow_create(port_id_, &attributes, pattern.data(), actions.data(), &error);
    if (rule == nullptr) return words_of(error, rte_errno);
    rules_.push_back(rule);
    return {};
}

std::string FlowRules::install_all(const PortConfig& port, const std::vector<Target>& targets, bool as_ranges) {
    for (const auto& own : port.addresses)
        for (const Target& target : targets) {
            const Family family = own.address.family;
            std::string why;
            if (as_ranges) {
                const auto last = to_port(target.ports.last);
                why = install_one(port, family, to_port(target.ports.first), &last, to_port(0xffff), target.queue);
            } else {
                for (const PortMatch& match : matches_of(target.ports)) {
                    why = install_one(port, family, to_port(match.value), nullptr, to_port(match.mask), target.queue);
                    if (!why.empty()) break;
                }
            }
            if (why.empty()) continue;
            remove();
            return why;
        }
    return {};
}

std::string FlowRules::install(std::uint16_t port_id, const PortConfig& port, const std::vector<Target>& targets) {
    port_id_ = port_id;
    if (install_all(port, targets, true).empty()) return {};
    return install_all(port, targets, false);
}

void FlowRules::remove() {
    rte_flow_error error{};
    for (rte_flow* rule : rules_) rte_flow_destroy(port_id_, rule, &error);
    rules_.clear();
}

}  // namespace sallyport::media::dpdk
