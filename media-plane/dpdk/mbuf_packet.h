// Between DPDK's packet buffer (mbuf) and the pipeline's Packet: where the payload lies, what the device already
// knows about checksums, and the headers of what we send. Private to the room.
#pragma once

#include <rte_mbuf.h>

#include "media-plane/core/packet.h"
#include "media-plane/dpdk/frame.h"
#include "media-plane/dpdk/port.h"

namespace sallyport::media::dpdk {

namespace limits {
inline constexpr std::uint16_t growth = 32;  // what Packet promises behind its payload
inline constexpr std::uint32_t hops = 8;     // calls of one node nested in each other
inline constexpr std::uint8_t hop_limit = 64;
}  // namespace limits

// Parses what was received on `port`; a frame in several segments is joined first (or refused).
Frame parse_mbuf(rte_mbuf* mbuf, const Port& port);
// False when the buffer leaves no room to grow.
bool make_packet(rte_mbuf* mbuf, const Frame& frame, MediaPortIndex port, Packet& packet);

// A packet that was through the pipeline gets its new headers, in the buffer it came in. `hops`: how many of our own
// ports it has crossed. False when the buffer has no room for them.
bool write_headers(rte_mbuf* mbuf, const std::uint8_t* payload, std::uint16_t length, const Endpoint& from,
                   const Endpoint& to, const LinkAddress& link_to, const Port& port, std::uint32_t hops,
                   std::uint16_t payload_sum = 0);
// The frame just written goes to one of our own addresses: make it look received on `port`.
void turn_around(rte_mbuf* mbuf, const Port& port);

// The tag that the device took off belongs on a frame that goes back as it came.
bool restore_vlan(rte_mbuf*& mbuf);

inline ByteSpan bytes_of(rte_mbuf* mbuf) { return {rte_pktmbuf_mtod(mbuf, std::uint8_t*), mbuf->data_len}; }
// How many of our own ports a buffer has crossed is kept in a field that nobody else uses after reception.
inline std::uint32_t& hops_of(rte_mbuf* mbuf) { return mbuf->hash.usr; }

}  // namespace sallyport::media::dpdk
