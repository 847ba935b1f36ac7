#include "media-plane/dpdk/mbuf_packet.h"

#include <rte_ether.h>

namespace sallyport::media::dpdk {

Frame parse_mbuf(rte_mbuf* mbuf, FrameRules rules) {
    Frame refused;
    if (mbuf->nb_segs > 1 && rte_pktmbuf_linearize(mbuf) != 0) {
        refused.drop = Drop::too_big;
        return refused;
    }
    const std::uint64_t ip = mbuf->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
    const std::uint64_t l4 = mbuf->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    if (rules.udp_checksum != UdpChecksum::ignore) {
        if (ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD) {
            refused.drop = Drop::bad_checksum;
            return refused;
        }
        if (ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD) rules.verify_ip_checksum = false;
        if (l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD) rules.udp_checksum = UdpChecksum::found_good;
    }
    const bool stripped = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
    return parse_frame(bytes_of(mbuf), rules, stripped ? std::optional(mbuf->vlan_tci) : std::nullopt);
}

bool take_tag_off(rte_mbuf* mbuf, std::uint16_t vlan) {
    const bool by_device = (mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0;
    if (mbuf->nb_segs != 1 || mbuf->data_len < ethernet_header + vlan_tag) return false;
    if (!by_device && rte_vlan_strip(mbuf) != 0) return false;
    return (mbuf->vlan_tci & 0xfff) == vlan;
}

bool make_packet(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Packet& packet) {
    packet = Packet{};
    packet.data = bytes_of(mbuf).data() + frame.payload;
    packet.length = frame.payload_length;
    packet.capacity = static_cast<std::uint16_t>(rte_pktmbuf_tailroom(mbuf) + mbuf->data_len - frame.payload);
    packet.port = port;
    packet.from = frame.from;
    packet.local_port = frame.to.port;
    packet.buffer = mbuf;
    if (hops_of(mbuf) == 0) packet.payload_sum = payload_sum_of(frame, packet.data);  // ours may wait for a device
    return packet.capacity >= packet.length + limits::growth;
}

bool write_headers(rte_mbuf* mbuf, const std::uint8_t* payload, std::uint16_t length, const Endpoint& from,
                   const Endpoint& to, Service service, const LinkAddress& link_to, const Port& port,
                   std::uint32_t hops, std::uint16_t payload_sum) {
    const std::size_t headers = udp_headers_length(to.address.family, port.config().vlan);
    auto* const buffer = static_cast<std::uint8_t*>(mbuf->buf_addr);
    const auto offset = static_cast<std::size_t>(payload - buffer);
    if (offset < headers) return false;
    UdpHeaders h;
    h.link_from = port.link();
    h.link_to = link_to;
    h.vlan = port.config().vlan;
    h.from = from;
    h.to = to;
    h.payload_sum = payload_sum;
    h.dscp = port.config().dscp[static_cast<std::size_t>(service)];
    h.vlan_priority = vlan_priority_of(port.config(), service);
    h.hop_limit = static_cast<std::uint8_t>(limits::hop_limit - hops);
    h.ip_checksum_by_device = port.offloads().tx_ip_checksum;
    h.udp_checksum_by_device = port.offloads().tx_udp_checksum;
    write_udp_headers(h, buffer + offset, length);
    mbuf->data_off = static_cast<std::uint16_t>(offset - headers);
    mbuf->data_len = static_cast<std::uint16_t>(headers + length);
    mbuf->pkt_len = mbuf->data_len;
    const bool v4 = to.address.family == Family::v4;
    mbuf->tx_offload = 0;
    mbuf->l2_len = ethernet_header + (h.vlan != 0 ? vlan_tag : 0);
    mbuf->l3_len = v4 ? ipv4_header : ipv6_header;
    mbuf->ol_flags = v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
    if (v4 && h.ip_checksum_by_device) mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    if (h.udp_checksum_by_device) mbuf->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
    return true;
}

void turn_around(rte_mbuf* mbuf, const Port& port) {
    mbuf->port = port.id();
    mbuf->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

bool restore_vlan(rte_mbuf*& mbuf) {
    if ((mbuf->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) == 0) {
        mbuf->ol_flags = 0;
        return true;
    }
    mbuf->ol_flags = 0;
    return rte_vlan_insert(&mbuf) == 0;
}

}  // namespace sallyport::media::dpdk
