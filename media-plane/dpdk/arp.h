// ARP over Ethernet for IPv4, RFC 826, with the announcement of RFC 5227. Reads and writes messages; keeps no state.
#pragma once

#include <optional>

#include "media-plane/dpdk/frame.h"
#include "media-plane/dpdk/small_frame.h"

namespace sallyport::media::dpdk {

struct ArpMessage {
    enum class Operation : std::uint8_t { request = 1, reply = 2 };
    Operation operation = Operation::request;
    LinkAddress sender_link, target_link;
    IpAddress sender, target;
};

// Nothing when it is not Ethernet/IPv4 ARP, is cut short, or names a group address as its sender.
std::optional<ArpMessage> parse_arp(ByteView bytes, const Frame& frame);
void write_arp(SmallFrame& out, const LinkAddress& to, std::uint16_t vlan, const ArpMessage& message);

}  // namespace sallyport::media::dpdk
