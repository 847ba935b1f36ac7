#include "media-plane/dpdk/plain_udp.h"

#include <algorithm>

namespace sallyport::media::dpdk {

PlainUdp::PlainUdp(const FrameRules& rules, const std::optional<IpAddress>& own, const Marks& dscp,
                   std::uint8_t hop_limit)
    : usable_(rules.vlan == 0 && own && own->family == Family::v4),
      most_(static_cast<std::uint16_t>(std::min<std::size_t>(ethernet_header + rules.mtu, 65'535))),
      verify_ip_(rules.verify_ip_checksum),
      udp_(rules.udp_checksum) {
    using namespace plain;
    if (!usable_) return;
    own_ = word_at<std::uint32_t>(own->bytes.data());
    const auto& link = rules.link.bytes;
    to_ = word_of({link[0], link[1], link[2], link[3], link[4], link[5], 0, 0});
    to_mask_ = word_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0});  // and the sender is no group
    kind_ = word_of({0, 0, 0, 0, 0x08, 0x00, 0x45, 0});
    kind_mask_ = word_of({0, 0, 0, 0, 0xff, 0xff, 0xff, 0});
    from_link_ = word_of({0, 0, 0, 0, 0, 0, link[0], link[1]});
    // RFC 6864 section 4.1: an atomic datagram needs no identification; DF.
    from_fragment_to_protocol_ = word_of({0, 0, 0, 0, 0x40, 0x00, hop_limit, protocol_udp});
    for (std::size_t i = 0; i < service_count; ++i) {
        const auto tos = static_cast<std::uint8_t>(dscp[i] << 2);
        marked_[i] = {word_of({link[2], link[3], link[4], link[5], 0x08, 0x00, 0x45, tos}),
                      net(static_cast<std::uint16_t>(0x4500 | tos)) + halves(from_fragment_to_protocol_)};
    }
}

}  // namespace sallyport::media::dpdk
