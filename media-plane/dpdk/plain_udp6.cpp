#include "media-plane/dpdk/plain_udp6.h"

#include <algorithm>

namespace sallyport::media::dpdk {

PlainUdp6::PlainUdp6(const FrameRules& rules, const std::optional<IpAddress>& own, const Marks& dscp,
                     std::uint8_t hop_limit)
    : usable_(rules.vlan == 0 && own && own->family == Family::v6),
      most_(static_cast<std::uint16_t>(std::min<std::size_t>(ethernet_header + rules.mtu, 65'535))),
      udp_(rules.udp_checksum) {
    using namespace plain;
    if (!usable_) return;
    own_ = plain6::words_at(own->bytes.data());
    const auto& link = rules.link.bytes;
    to_ = word_of({link[0], link[1], link[2], link[3], link[4], link[5], 0, 0});
    to_mask_ = word_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0});  // and the sender is no group
    kind_ = word_of({0, 0, 0, 0, 0x86, 0xdd, 0x60, 0});
    kind_mask_ = word_of({0, 0, 0, 0, 0xff, 0xff, 0xf0, 0});
    from_link_ = word_of({0, 0, 0, 0, 0, 0, link[0], link[1]});
    const std::array<std::uint8_t, 2> protocol{protocol_udp, hop_limit};
    protocol_and_hop_limit_ = word_at<std::uint16_t>(protocol.data());
    for (std::size_t i = 0; i < service_count; ++i) {
        const auto traffic_class = static_cast<std::uint8_t>(dscp[i] << 2);
        from_link_and_kind_[i] = word_of({link[2], link[3], link[4], link[5], 0x86, 0xdd,
                                          static_cast<std::uint8_t>(0x60 | traffic_class >> 4),
                                          static_cast<std::uint8_t>(traffic_class << 4)});
    }
}

}  // namespace sallyport::media::dpdk
