#include "media-plane/dpdk/frame.h"

#include <algorithm>

#include "control/base/check.h"
#include "media-plane/dpdk/checksum.h"

namespace sallyport::media::dpdk {
namespace {

Frame refuse(Frame frame, Drop why) {
    frame.kind = FrameKind::none;
    frame.drop = why;
    return frame;
}

IpAddress address_at(const std::uint8_t* p, Family family) {
    IpAddress address{family, {}};
    std::copy_n(p, family == Family::v4 ? 4 : 16, address.bytes.begin());
    return address;
}

bool udp_checksum_acceptable(Frame& frame, ByteView segment, UdpChecksum mode) {
    const std::uint16_t field = load_be16(segment.data() + 6);
    // Nobody has looked at an ignored one: it may be the half that a kernel leaves for its hardware.
    frame.checksum_whole = field != 0 && mode != UdpChecksum::ignore;
    if (mode == UdpChecksum::ignore || mode == UdpChecksum::found_good) return true;
    const auto length = static_cast<std::uint16_t>(segment.size());
    if (field == 0) return frame.from.address.family == Family::v4;  // RFC 8200 section 8.1: never zero over IPv6
    Checksum pseudo;
    pseudo.add_pseudo_header(frame.from.address, frame.to.address, protocol_udp, length);
    if (mode == UdpChecksum::accept_partial && pseudo.folded() == field) {
        frame.checksum_whole = false;
        return true;
    }
    return pseudo.add(segment).correct();
}

Frame parse_udp(ByteView bytes, Frame frame, std::size_t available, const FrameRules& rules) {
    if (available < udp_header) return refuse(frame, Drop::truncated);
    const std::uint8_t* p = bytes.data() + frame.transport;
    const std::uint16_t length = load_be16(p + 4);
    if (length < udp_header || length > available) return refuse(frame, Drop::truncated);
    frame.from.port = load_be16(p);
    frame.to.port = load_be16(p + 2);
    if (frame.from.port == 0 || frame.from.address.is_unspecified() || frame.from.address.is_loopback())
        return refuse(frame, Drop::martian);
    if (!udp_checksum_acceptable(frame, bytes.subspan(frame.transport, length), rules.udp_checksum))
        return refuse(frame, Drop::bad_checksum);
    frame.payload = static_cast<std::uint16_t>(frame.transport + udp_header);
    frame.payload_length = static_cast<std::uint16_t>(length - udp_header);
    frame.kind = FrameKind::udp;
    return frame;
}

Frame parse_transport(ByteView bytes, Frame frame, std::uint8_t protocol, std::size_t available,
                      const FrameRules& rules) {
    const bool v4 = frame.to.address.family == Family::v4;
    const bool may_be_group = !v4 && protocol == protocol_icmpv6;  // neighbour solicitations
    if (!may_be_group && (frame.link_to.is_group() || frame.to.address.is_multicast()))
        return refuse(frame, Drop::not_for_us);
    if (frame.from.address.is_multicast()) return refuse(frame, Drop::martian);
    if (protocol == protocol_udp) return parse_udp(bytes, frame, available, rules);
    if (protocol != (v4 ? protocol_icmp : protocol_icmpv6)) return refuse(frame, Drop::not_udp);
    frame.kind = v4 ? FrameKind::icmp : FrameKind::icmpv6;
    frame.payload = frame.transport;
    frame.payload_length = static_cast<std::uint16_t>(available);
    return frame;
}

Frame parse_ipv4(ByteView bytes, Frame frame, const FrameRules& rules) {
    const std::size_t available = bytes.size() - frame.network;
    if (available < ipv4_header) return refuse(frame, Drop::truncated);
    const std::uint8_t* p = bytes.data() + frame.network;
    if (p[0] >> 4 != 4) return refuse(frame, Drop::not_ip);
    const std::size_t header = (p[0] & 15u) * 4u, total = load_be16(p + 2);
    if (header < ipv4_header || total < header || total > available) return refuse(frame, Drop::truncated);
    if (rules.verify_ip_checksum && !Checksum().add({p, header}).correct()) return refuse(frame, Drop::bad_checksum);
    if ((load_be16(p + 6) & 0x3fff) != 0) return refuse(frame, Drop::fragment);  // MF or an offset
    frame.hop_limit = p[8];
    frame.from.address = address_at(p + 12, Family::v4);
    frame.to.address = address_at(p + 16, Family::v4);
    frame.transport = static_cast<std::uint16_t>(frame.network + header);
    return parse_transport(bytes, frame, p[9], total - header, rules);
}

// The router alert for MLD, as the only option beside padding, and ICMPv6 behind it (RFC 2711, 3810 5).
bool is_router_alert(ByteView header) {
    if (header.size() < hop_by_hop_header || header[0] != protocol_icmpv6 || header[1] != 0) return false;
    const auto alert = [&](std::size_t at) {
        return header[at] == 5 && header[at + 1] == 2 && header[at + 2] == 0 && header[at + 3] == 0;
    };
    const auto padding = [&](std::size_t at) {  // PadN of two bytes, or Pad1 twice
        return (header[at] == 1 && header[at + 1] == 0) || (header[at] == 0 && header[at + 1] == 0);
    };
    return (alert(2) && padding(6)) || (padding(2) && alert(4));
}

Frame parse_ipv6(ByteView bytes, Frame frame, const FrameRules& rules) {
    constexpr std::uint8_t next_header_fragment = 44;
    const std::size_t available = bytes.size() - frame.network;
    if (available < ipv6_header) return refuse(frame, Drop::truncated);
    const std::uint8_t* p = bytes.data() + frame.network;
    if (p[0] >> 4 != 6) return refuse(frame, Drop::not_ip);
    const std::size_t length = load_be16(p + 4);
    if (length > available - ipv6_header) return refuse(frame, Drop::truncated);
    if (p[6] == next_header_fragment) return refuse(frame, Drop::fragment);
    frame.hop_limit = p[7];
    frame.from.address = address_at(p + 8, Family::v6);
    frame.to.address = address_at(p + 24, Family::v6);
    frame.transport = static_cast<std::uint16_t>(frame.network + ipv6_header);
    if (p[6] == protocol_hop_by_hop && is_router_alert({p + ipv6_header, length})) {
        frame.router_alert = true;
        frame.transport += hop_by_hop_header;
        return parse_transport(bytes, frame, protocol_icmpv6, length - hop_by_hop_header, rules);
    }
    return parse_transport(bytes, frame, p[6], length, rules);
}

void write_ipv4(std::uint8_t* at, const UdpHeaders& h, std::uint16_t total) {
    at[0] = 0x45;
    at[1] = static_cast<std::uint8_t>(h.dscp << 2);
    store_be16(at + 2, total);
    store_be16(at + 4, 0);       // RFC 6864 section 4.1: an atomic datagram needs no identification
    store_be16(at + 6, 0x4000);  // DF
    at[8] = h.hop_limit;
    at[9] = protocol_udp;
    store_be16(at + 10, 0);
    std::copy_n(h.from.address.bytes.begin(), 4, at + 12);
    std::copy_n(h.to.address.bytes.begin(), 4, at + 16);
    if (h.ip_checksum_by_device) return;
    Checksum sum;  // of the fields, not of the bytes just written: those are not yet there to be read in wide words
    sum.add_be16(static_cast<std::uint16_t>(0x4500 | at[1]))
        .add_be16(total)
        .add_be16(0x4000)
        .add_be16(static_cast<std::uint16_t>(h.hop_limit << 8 | protocol_udp));
    store_be16(at + 10, sum.add_address(h.from.address).add_address(h.to.address).value());
}

void write_udp(std::uint8_t* at, const UdpHeaders& h, std::uint16_t length) {
    store_be16(at, h.from.port);
    store_be16(at + 2, h.to.port);
    store_be16(at + 4, length);
    store_be16(at + 6, 0);
    Checksum sum;
    sum.add_pseudo_header(h.from.address, h.to.address, protocol_udp, length);
    if (h.udp_checksum_by_device) {
        store_be16(at + 6, sum.folded());
        return;
    }
    if (h.payload_sum != 0)
        sum.add_be16(h.from.port).add_be16(h.to.port).add_be16(length).add_be16(h.payload_sum);
    else
        sum.add({at, length});
    const std::uint16_t value = sum.value();
    store_be16(at + 6, value == 0 ? 0xffff : value);  // RFC 768: zero would mean "none"
}

}  // namespace

std::uint16_t payload_sum_of(const Frame& frame, const std::uint8_t* payload) {
    if (!frame.checksum_whole) return 0;
    const std::uint8_t* udp = payload - udp_header;
    const auto length = static_cast<std::uint16_t>(udp_header + frame.payload_length);
    Checksum headers;
    headers.add_pseudo_header(frame.from.address, frame.to.address, protocol_udp, length)
        .add_be16(frame.from.port)
        .add_be16(frame.to.port)
        .add_be16(length);
    const std::uint32_t sum = std::uint32_t{static_cast<std::uint16_t>(~load_be16(udp + 6))} + headers.value();
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

Frame parse_frame(ByteView bytes, const FrameRules& rules, std::optional<std::uint16_t> stripped_vlan) {
    Frame frame;
    if (bytes.size() < ethernet_header || bytes.size() > 65'535) return refuse(frame, Drop::truncated);
    const std::uint8_t* p = bytes.data();
    frame.link_to = LinkAddress::from(p);
    frame.link_from = LinkAddress::from(p + 6);
    if (frame.link_to != rules.link && !frame.link_to.is_group()) return refuse(frame, Drop::not_for_us);
    if (frame.link_from.is_group()) return refuse(frame, Drop::martian);
    std::uint16_t type = load_be16(p + 12), vlan = stripped_vlan.value_or(0) & 0x0fff;
    frame.network = ethernet_header;
    if (type == ethertype_vlan && !stripped_vlan) {  // a second tag is followed no more if the first one is off
        if (bytes.size() < ethernet_header + vlan_tag) return refuse(frame, Drop::truncated);
        vlan = load_be16(p + 14) & 0x0fff;
        type = load_be16(p + 16);
        frame.network += vlan_tag;
    }
    if (vlan != rules.vlan) return refuse(frame, Drop::not_for_us);
    if (bytes.size() - frame.network > rules.mtu) return refuse(frame, Drop::too_big);
    switch (type) {
        case ethertype_ipv4: return parse_ipv4(bytes, frame, rules);
        case ethertype_ipv6: return parse_ipv6(bytes, frame, rules);
        case ethertype_arp: break;
        default: return refuse(frame, Drop::not_ip);
    }
    frame.kind = FrameKind::arp;
    frame.transport = frame.payload = frame.network;
    frame.payload_length = static_cast<std::uint16_t>(bytes.size() - frame.network);
    return frame;
}

void write_udp_headers(const UdpHeaders& h, std::uint8_t* payload, std::uint16_t payload_length) {
    SALLYPORT_CHECK(h.from.address.family == h.to.address.family);
    const bool v4 = h.to.address.family == Family::v4;
    const auto udp_length = static_cast<std::uint16_t>(udp_header + payload_length);
    std::uint8_t* at = payload - udp_headers_length(h.to.address.family, h.vlan);
    const auto tag = h.vlan == 0 ? h.vlan : static_cast<std::uint16_t>(h.vlan | h.vlan_priority << 13);
    at += write_ethernet(at, h.link_to, h.link_from, tag, v4 ? ethertype_ipv4 : ethertype_ipv6);
    if (v4) {
        write_ipv4(at, h, static_cast<std::uint16_t>(ipv4_header + udp_length));
        at += ipv4_header;
    } else {
        at += write_ipv6(at, h.from.address, h.to.address, protocol_udp, udp_length, h.hop_limit, h.dscp);
    }
    write_udp(at, h, udp_length);
}

std::size_t write_ethernet(std::uint8_t* at, const LinkAddress& to, const LinkAddress& from, std::uint16_t vlan,
                           std::uint16_t ethertype) {
    std::copy(to.bytes.begin(), to.bytes.end(), at);
    std::copy(from.bytes.begin(), from.bytes.end(), at + 6);
    if (vlan == 0) {
        store_be16(at + 12, ethertype);
        return ethernet_header;
    }
    store_be16(at + 12, ethertype_vlan);
    store_be16(at + 14, vlan);
    store_be16(at + 16, ethertype);
    return ethernet_header + vlan_tag;
}

std::size_t write_ipv6(std::uint8_t* at, const IpAddress& from, const IpAddress& to, std::uint8_t next_header,
                       std::uint16_t payload_length, std::uint8_t hop_limit, std::uint8_t dscp) {
    store_be32(at, 0x60000000u | static_cast<std::uint32_t>(dscp) << 22);  // flow label 0
    store_be16(at + 4, payload_length);
    at[6] = next_header;
    at[7] = hop_limit;
    std::copy(from.bytes.begin(), from.bytes.end(), at + 8);
    std::copy(to.bytes.begin(), to.bytes.end(), at + 24);
    return ipv6_header;
}

}  // namespace sallyport::media::dpdk
