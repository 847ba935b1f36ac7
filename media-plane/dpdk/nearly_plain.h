// What takes a short way too, beside IPv4 without a tag: IPv6, and what is of a port's VLAN once the tag is off. In
// code of its own, so that not a word of it is in the way of the others. Private to the room.
#pragma once

#include <array>

#include "media-plane/dpdk/mbuf_packet.h"
#include "media-plane/dpdk/plain_udp6.h"

namespace sallyport::media::dpdk {

// The frames of one family of a port; `rules`: as they are read.
template <class Plain>
Plain plain_of(const Port& port, Family family, const FrameRules& rules) {
    std::optional<IpAddress> own;
    for (const auto& a : port.config().addresses)
        if (a.address.family == family) own = a.address;
    return {rules, own, port.config().dscp, limits::hop_limit};
}

class NearlyPlain {
public:
    explicit NearlyPlain(const Port& port);

    // As make_plain_packet(); a tag may have been taken off even where nothing else was done, as devices do.
    bool make_packet(rte_mbuf* mbuf, MediaPortIndex port, Packet& packet) const;
    // As write_plain_headers(), for what it writes.
    bool writes(const Endpoint& to) const { return v6_.writes(to) || (vlan_ != 0 && v4_.writes(to)); }
    bool write_headers(rte_mbuf* mbuf, const Packet& packet, const LinkAddress& link_to) const;

private:
    std::uint16_t vlan_;                               // 0: none
    std::array<std::uint16_t, service_count> tags_{};  // of what is sent, by service
    PlainUdp v4_;                                      // for a VLAN alone
    PlainUdp6 v6_;
};

}  // namespace sallyport::media::dpdk
