// One Ethernet frame as offsets into its bytes: IEEE 802.3 and 802.1Q, RFC 791, RFC 8200, RFC 768. Validates what it
// reads and builds the headers we send; follows no fragment, no second VLAN tag, and of the IPv6 extension headers only
// the hop-by-hop options that MLD has to carry.
#pragma once

#include <cstdint>
#include <optional>

#include "control/base/bytes.h"
#include "control/base/endpoint.h"
#include "media-plane/core/drop.h"
#include "media-plane/dpdk/link_address.h"

namespace sallyport::media::dpdk {

inline constexpr std::size_t ethernet_header = 14;
inline constexpr std::size_t vlan_tag = 4;
inline constexpr std::size_t ipv4_header = 20;
inline constexpr std::size_t ipv6_header = 40;
inline constexpr std::size_t udp_header = 8;
inline constexpr std::size_t hop_by_hop_header = 8;  // of a router alert and nothing else
inline constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_arp = 0x0806, ethertype_vlan = 0x8100,
                               ethertype_ipv6 = 0x86dd;
inline constexpr std::uint8_t protocol_hop_by_hop = 0, protocol_icmp = 1, protocol_udp = 17, protocol_icmpv6 = 58;

enum class FrameKind : std::uint8_t { none, udp, icmp, icmpv6, arp };

// How much the sender's checksums are trusted. The kernel leaves the UDP checksum of what it sends into a veth, a tap
// or a packet socket half done (only the pseudo-header is summed): `accept_partial` takes exactly that value too.
enum class UdpChecksum : std::uint8_t { verify, accept_partial, ignore, found_good };

struct FrameRules {
    LinkAddress link;            // this port's own: nothing else is taken, but groups for ARP and neighbour discovery
    std::uint16_t vlan = 0;      // 802.1Q VLAN id this port speaks; 0: untagged (and priority-tagged) frames
    std::uint16_t mtu = 65'535;  // an IP packet that is longer is refused, whatever the device lets pass
    bool verify_ip_checksum = true;
    UdpChecksum udp_checksum = UdpChecksum::verify;
};

struct Frame {
    FrameKind kind = FrameKind::none;
    Drop drop = Drop::none;  // why `kind` is none
    std::uint8_t hop_limit = 0;
    bool checksum_whole = false;  // UDP: the checksum field is there, and covers what it says
    bool router_alert = false;    // ICMPv6 behind that hop-by-hop option (RFC 2711)
    LinkAddress link_from, link_to;
    Endpoint from, to;                 // ports only for UDP
    std::uint16_t network = 0;         // offset of the IP or ARP header
    std::uint16_t transport = 0;       // offset of the UDP or ICMP header
    std::uint16_t payload = 0;         // offset of what is inside UDP; for ICMP and ARP equal to `transport`
    std::uint16_t payload_length = 0;  // without link padding; ICMP: its header included
};

// `stripped_vlan`: the tag that has been taken off already, if one has; it may be 0 (priority alone).
Frame parse_frame(ByteView bytes, const FrameRules& rules, std::optional<std::uint16_t> stripped_vlan = {});

// What Packet::payload_sum wants to know of a frame of kind udp, out of its checksum; `payload` as it lies in the
// frame.
std::uint16_t payload_sum_of(const Frame& frame, const std::uint8_t* payload);

struct UdpHeaders {
    LinkAddress link_from, link_to;
    std::uint16_t vlan = 0;
    std::uint8_t vlan_priority = 0;  // 802.1p, 0 to 7; with a VLAN alone
    Endpoint from, to;
    std::uint8_t dscp = 0;
    std::uint8_t hop_limit = 64;
    bool ip_checksum_by_device = false;
    std::uint16_t payload_sum = 0;        // see Packet::payload_sum
    bool udp_checksum_by_device = false;  // then the field carries the pseudo-header's sum, as devices ask for
};

// Bytes that write_udp_headers puts in front of the payload.
inline std::size_t udp_headers_length(Family family, std::uint16_t vlan) {
    return ethernet_header + (vlan != 0 ? vlan_tag : 0) + (family == Family::v4 ? ipv4_header : ipv6_header) +
           udp_header;
}
// Writes them so that they end where the payload begins; the caller has made that room.
void write_udp_headers(const UdpHeaders& headers, std::uint8_t* payload, std::uint16_t payload_length);

// Parts that ARP, neighbour discovery and echo replies share; each returns the bytes it wrote. `vlan`: 0 for no tag, or
// the whole of its control information.
std::size_t write_ethernet(std::uint8_t* at, const LinkAddress& to, const LinkAddress& from, std::uint16_t vlan,
                           std::uint16_t ethertype);
std::size_t write_ipv6(std::uint8_t* at, const IpAddress& from, const IpAddress& to, std::uint8_t next_header,
                       std::uint16_t payload_length, std::uint8_t hop_limit, std::uint8_t dscp);

}  // namespace sallyport::media::dpdk
