// Neighbour solicitation and advertisement, RFC 4861 sections 4.3, 4.4 and 7. Reads and writes messages; keeps no
// state, and knows neither routers (gateways are configured) nor redirects.
#pragma once

#include <optional>

#include "media-plane/dpdk/frame.h"
#include "media-plane/dpdk/small_frame.h"

namespace sallyport::media::dpdk {

struct NeighbourMessage {
    enum class Type : std::uint8_t { solicitation = 135, advertisement = 136 };
    Type type = Type::solicitation;
    IpAddress target;
    std::optional<LinkAddress> link;  // source link-layer address of a solicitation, target's of an advertisement
    bool router = false, solicited = false, override_entry = false;  // advertisement only
};

IpAddress solicited_node_group(const IpAddress& unicast);  // RFC 4291 section 2.7.1
IpAddress all_nodes_group();                               // ff02::1

// Nothing unless every check of sections 7.1.1 and 7.1.2 holds (hop limit 255, checksum, options, target).
std::optional<NeighbourMessage> parse_neighbour_message(ByteView bytes, const Frame& frame);
void write_neighbour_message(SmallFrame& out, const LinkAddress& link_to, const LinkAddress& link_from,
                             std::uint16_t vlan, const IpAddress& from, const IpAddress& to,
                             const NeighbourMessage& message);

}  // namespace sallyport::media::dpdk
