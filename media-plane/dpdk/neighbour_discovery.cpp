#include "media-plane/dpdk/neighbour_discovery.h"

#include <algorithm>

#include "media-plane/dpdk/checksum.h"

namespace sallyport::media::dpdk {
namespace {

constexpr std::size_t fixed_part = 24;  // type, code, checksum, flags, target
constexpr std::uint8_t option_source_link = 1, option_target_link = 2;

// The link address option that fits the message type; false when an option is malformed (then all is discarded).
bool read_options(ByteView options, NeighbourMessage& message) {
    const std::uint8_t wanted =
        message.type == NeighbourMessage::Type::solicitation ? option_source_link : option_target_link;
    while (!options.empty()) {
        if (options.size() < 8) return false;
        const std::size_t length = options[1] * 8u;
        if (length == 0 || length > options.size()) return false;
        if (options[0] == wanted) message.link = LinkAddress::from(options.data() + 2);
        options = options.subspan(length);
    }
    return true;
}

bool plausible(const NeighbourMessage& message, const Frame& frame) {
    if (message.target.is_multicast() || message.target.is_unspecified()) return false;
    if (message.link && (message.link->is_group() || message.link->is_zero())) return false;
    if (message.type == NeighbourMessage::Type::solicitation) {
        if (!frame.from.address.is_unspecified()) return true;
        return !message.link && frame.to.address == solicited_node_group(message.target);  // 7.1.1, address detection
    }
    return !(message.solicited && frame.to.address.is_multicast());  // 7.1.2
}

}  // namespace

IpAddress solicited_node_group(const IpAddress& unicast) {
    IpAddress group{Family::v6, {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff}};
    std::copy_n(unicast.bytes.begin() + 13, 3, group.bytes.begin() + 13);
    return group;
}

IpAddress all_nodes_group() {
    IpAddress group{Family::v6, {0xff, 0x02}};
    group.bytes[15] = 1;
    return group;
}

std::optional<NeighbourMessage> parse_neighbour_message(ByteView bytes, const Frame& frame) {
    if (frame.kind != FrameKind::icmpv6 || frame.payload_length < fixed_part || frame.hop_limit != 255)
        return std::nullopt;
    const ByteView segment = bytes.subspan(frame.payload, frame.payload_length);
    if ((segment[0] != 135 && segment[0] != 136) || segment[1] != 0) return std::nullopt;
    Checksum sum;
    sum.add_pseudo_header(frame.from.address, frame.to.address, protocol_icmpv6, frame.payload_length);
    if (!sum.add(segment).correct()) return std::nullopt;
    NeighbourMessage message;
    message.type = static_cast<NeighbourMessage::Type>(segment[0]);
    message.router = (segment[4] & 0x80) != 0;
    message.solicited = (segment[4] & 0x40) != 0;
    message.override_entry = (segment[4] & 0x20) != 0;
    message.target.family = Family::v6;
    std::copy_n(segment.data() + 8, 16, message.target.bytes.begin());
    if (!read_options(segment.subspan(fixed_part), message) || !plausible(message, frame)) return std::nullopt;
    return message;
}

void write_neighbour_message(SmallFrame& out, const LinkAddress& link_to, const LinkAddress& link_from,
                             std::uint16_t vlan, const IpAddress& from, const IpAddress& to,
                             const NeighbourMessage& message) {
    const bool advertisement = message.type == NeighbourMessage::Type::advertisement;
    const auto length = static_cast<std::uint16_t>(fixed_part + (message.link ? 8 : 0));
    std::uint8_t* p = out.bytes.data();
    p += write_ethernet(p, link_to, link_from, vlan, ethertype_ipv6);
    p += write_ipv6(p, from, to, protocol_icmpv6, length, 255, 0);
    std::fill_n(p, length, std::uint8_t{0});
    p[0] = static_cast<std::uint8_t>(message.type);
    if (advertisement)
        p[4] = static_cast<std::uint8_t>((message.router ? 0x80 : 0) | (message.solicited ? 0x40 : 0) |
                                         (message.override_entry ? 0x20 : 0));
    std::copy(message.target.bytes.begin(), message.target.bytes.end(), p + 8);
    if (message.link) {
        p[24] = advertisement ? option_target_link : option_source_link;
        p[25] = 1;
        std::copy(message.link->bytes.begin(), message.link->bytes.end(), p + 26);
    }
    Checksum sum;
    sum.add_pseudo_header(from, to, protocol_icmpv6, length);
    store_be16(p + 2, sum.add({p, length}).value());
    out.length = static_cast<std::size_t>(p + length - out.bytes.data());
}

}  // namespace sallyport::media::dpdk
