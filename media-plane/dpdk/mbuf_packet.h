// Between DPDK's packet buffer (mbuf) and the pipeline's Packet: where the payload lies, what the device already
// knows about checksums, and the headers of what we send. Private to the room.
#pragma once

#include <rte_mbuf.h>

#include "media-plane/core/packet.h"
#include "media-plane/dpdk/frame.h"
#include "media-plane/dpdk/plain_udp.h"
#include "media-plane/dpdk/port.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr std::uint16_t growth = 32;  // what Packet promises behind its payload
inline constexpr std::uint32_t hops = 8;     // calls of one node nested in each other
inline constexpr std::uint8_t hop_limit = 64;
}  // namespace limits

// Parses what was received by these rules of its port. A frame in several segments is joined in the first one's buffer,
// or refused where that is too small: nothing reads past a segment.
Frame parse_mbuf(rte_mbuf* mbuf, FrameRules rules);
// Whether a frame lies whole in one buffer and is of that VLAN, which is not 0; then no tag is in it any more.
bool take_tag_off(rte_mbuf* mbuf, std::uint16_t vlan);
// Both in one for what PlainUdp (or PlainUdp6) reads; false for all else, and then nothing was done. `tag_off`: the
// frame had a tag, which has been looked at; else one that had none is plain alone.
template <bool tag_off, class Plain>
bool make_plain_packet(rte_mbuf* mbuf, const Plain& plain, MediaPortIndex port, Packet& packet);
// False when the buffer leaves no room to grow.
bool make_packet(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Packet& packet);

// A packet that was through the pipeline gets its new headers, in the buffer it came in. `hops`: how many of our own
// ports it has crossed. False when the buffer has no room for them.
bool write_headers(rte_mbuf* mbuf, const std::uint8_t* payload, std::uint16_t length, const Endpoint& from,
                   const Endpoint& to, Service service, const LinkAddress& link_to, const Port& port,
                   std::uint32_t hops, std::uint16_t payload_sum = 0);
// The same for what PlainUdp (or PlainUdp6) writes, with all checksums in it; the device has nothing to do. `tag`: its
// control information, if there is to be one.
template <bool tagged, class Plain>
bool write_plain_headers(rte_mbuf* mbuf, const Packet& packet, const LinkAddress& link_to, const Plain& plain,
                         std::uint16_t tag = 0);
// The frame just written goes to one of our own addresses: make it look received on `port`.
void turn_around(rte_mbuf* mbuf, const Port& port);

// The tag that the device took off belongs on a frame that goes back as it came.
bool restore_vlan(rte_mbuf*& mbuf);

inline ByteSpan bytes_of(rte_mbuf* mbuf) { return {rte_pktmbuf_mtod(mbuf, std::uint8_t*), mbuf->data_len}; }
// How many of our own ports a buffer has crossed is kept in a field that nobody else uses after reception.
inline std::uint32_t& hops_of(rte_mbuf* mbuf) { return mbuf->hash.usr; }

template <bool tag_off, class Plain>
inline bool make_plain_packet(rte_mbuf* mbuf, const Plain& plain, MediaPortIndex port, Packet& packet) {
    const std::uint64_t flags = mbuf->ol_flags;
    const std::uint64_t ip = flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, l4 = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    if (mbuf->nb_segs != 1 || (!tag_off && (flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0) ||
        ip == RTE_MBUF_F_RX_IP_CKSUM_BAD || l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD || hops_of(mbuf) != 0)
        return false;
    if (!plain.read(rte_pktmbuf_mtod(mbuf, std::uint8_t*), mbuf->data_len, ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD,
                    l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD, packet))
        return false;
    const auto* const end = static_cast<const std::uint8_t*>(mbuf->buf_addr) + mbuf->buf_len;
    packet.capacity = static_cast<std::uint16_t>(end - packet.data);
    if (packet.capacity < packet.length + limits::growth) return false;
    packet.port = port;
    packet.buffer = mbuf;
    packet.flow = nullptr;
    packet.leg = packet.out = nullptr;
    packet.rtcp = packet.relayed = false;
    packet.drop = Drop::none;
    packet.counted = 0;
    return true;
}

// The two link addresses move to the front, and the tag goes where they were.
inline void put_tag(std::uint8_t* untagged, std::uint16_t tag) {
    constexpr std::size_t addresses = 2 * sizeof(LinkAddress::bytes);
    std::memmove(untagged - vlan_tag, untagged, addresses);
    store_be16(untagged + addresses - vlan_tag, ethertype_vlan);
    store_be16(untagged + addresses - vlan_tag + 2, tag);
}

template <bool tagged, class Plain>
inline bool write_plain_headers(rte_mbuf* mbuf, const Packet& packet, const LinkAddress& link_to, const Plain& plain,
                                std::uint16_t tag) {
    constexpr std::size_t headers = Plain::headers + (tagged ? vlan_tag : 0);
    const auto offset = static_cast<std::size_t>(packet.data - static_cast<std::uint8_t*>(mbuf->buf_addr));
    if (offset < headers) return false;
    plain.write(packet, link_to);
    if constexpr (tagged) put_tag(packet.data - Plain::headers, tag);
    mbuf->data_off = static_cast<std::uint16_t>(offset - headers);
    mbuf->data_len = static_cast<std::uint16_t>(headers + packet.length);
    mbuf->pkt_len = mbuf->data_len;
    mbuf->ol_flags = 0;  // so that nobody asks for lengths, which are on another cache line
    return true;
}

}  // namespace sallyport::media::dpdk
