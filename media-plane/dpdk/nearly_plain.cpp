#include "media-plane/dpdk/nearly_plain.h"

namespace sallyport::media::dpdk {
namespace {

FrameRules without_tag(FrameRules rules) {
    rules.vlan = 0;
    return rules;
}

}  // namespace

NearlyPlain::NearlyPlain(const Port& port)
    : vlan_(port.config().vlan),
      v4_(plain_of<PlainUdp>(port, Family::v4, without_tag(port.rules()))),
      v6_(plain_of<PlainUdp6>(port, Family::v6, without_tag(port.rules()))) {
    for (std::size_t i = 0; i < tags_.size(); ++i)
        tags_[i] = static_cast<std::uint16_t>(vlan_priority_of(port.config(), static_cast<Service>(i)) << 13 | vlan_);
}

bool NearlyPlain::make_packet(rte_mbuf* mbuf, MediaPortIndex port, Packet& packet) const {
    if (vlan_ == 0) return make_plain_packet<false>(mbuf, v6_, port, packet);
    return take_tag_off(mbuf, vlan_) &&
           (make_plain_packet<true>(mbuf, v4_, port, packet) || make_plain_packet<true>(mbuf, v6_, port, packet));
}

bool NearlyPlain::write_headers(rte_mbuf* mbuf, const Packet& packet, const LinkAddress& link_to) const {
    if (vlan_ == 0) return write_plain_headers<false>(mbuf, packet, link_to, v6_);
    const std::uint16_t tag = tags_[static_cast<std::size_t>(packet.service)];
    return packet.to.address.family == Family::v6 ? write_plain_headers<true>(mbuf, packet, link_to, v6_, tag)
                                                  : write_plain_headers<true>(mbuf, packet, link_to, v4_, tag);
}

}  // namespace sallyport::media::dpdk
