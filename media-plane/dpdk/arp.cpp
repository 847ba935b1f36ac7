#include "media-plane/dpdk/arp.h"

#include <algorithm>

namespace sallyport::media::dpdk {
namespace {

constexpr std::size_t arp_bytes = 28;
constexpr std::size_t shortest_frame = 60;  // IEEE 802.3 minimum without FCS: some devices do not pad

IpAddress v4_at(const std::uint8_t* p) { return IpAddress::v4(p[0], p[1], p[2], p[3]); }

}  // namespace

std::optional<ArpMessage> parse_arp(ByteView bytes, const Frame& frame) {
    if (frame.kind != FrameKind::arp || frame.payload_length < arp_bytes) return std::nullopt;
    const std::uint8_t* p = bytes.data() + frame.payload;
    const std::uint16_t operation = load_be16(p + 6);
    if (load_be16(p) != 1 || load_be16(p + 2) != ethertype_ipv4 || p[4] != 6 || p[5] != 4) return std::nullopt;
    if (operation != 1 && operation != 2) return std::nullopt;
    ArpMessage message;
    message.operation = static_cast<ArpMessage::Operation>(operation);
    message.sender_link = LinkAddress::from(p + 8);
    message.sender = v4_at(p + 14);
    message.target_link = LinkAddress::from(p + 18);
    message.target = v4_at(p + 24);
    if (message.sender_link.is_group() || message.sender_link.is_zero() || message.sender.is_multicast())
        return std::nullopt;
    return message;
}

void write_arp(SmallFrame& out, const LinkAddress& to, std::uint16_t vlan, const ArpMessage& message) {
    out.bytes.fill(0);
    std::uint8_t* p = out.bytes.data();
    p += write_ethernet(p, to, message.sender_link, vlan, ethertype_arp);
    store_be16(p, 1);  // Ethernet
    store_be16(p + 2, ethertype_ipv4);
    p[4] = 6;
    p[5] = 4;
    store_be16(p + 6, static_cast<std::uint16_t>(message.operation));
    std::copy(message.sender_link.bytes.begin(), message.sender_link.bytes.end(), p + 8);
    std::copy_n(message.sender.bytes.begin(), 4, p + 14);
    std::copy(message.target_link.bytes.begin(), message.target_link.bytes.end(), p + 18);
    std::copy_n(message.target.bytes.begin(), 4, p + 24);
    out.length = std::max(shortest_frame, static_cast<std::size_t>(p + arp_bytes - out.bytes.data()));
}

}  // namespace sallyport::media::dpdk
