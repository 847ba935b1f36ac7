// The same as plain_udp.h of IPv6: without extension headers, UDP, untagged, from one host to us. Says the same as
// frame.h does, field by field, of what it takes, and takes nothing that it would have to refuse.
#pragma once

#include "media-plane/dpdk/plain_udp.h"

namespace sallyport::media::dpdk {

class PlainUdp6 {
public:
    static constexpr std::size_t headers = ethernet_header + ipv6_header + udp_header;

    // Of one port. Without an IPv6 address, or with a VLAN, nothing is plain.
    PlainUdp6(const FrameRules& rules, const std::optional<IpAddress>& own, const Marks& dscp, std::uint8_t hop_limit);

    // As PlainUdp::read.
    bool read(std::uint8_t* frame, std::size_t size, bool ip_good, bool udp_good, Packet& packet) const;
    bool writes(const Endpoint& to) const { return usable_ && to.address.family == Family::v6; }
    // As PlainUdp::write.
    void write(const Packet& packet, const LinkAddress& link_to) const;

private:
    bool usable_ = false;
    std::uint16_t most_ = 0;  // bytes of a frame
    UdpChecksum udp_ = UdpChecksum::verify;
    std::array<std::uint64_t, 2> own_{};  // these words are as they lie in a frame
    std::uint64_t to_ = 0, to_mask_ = 0, kind_ = 0, kind_mask_ = 0, from_link_ = 0;
    std::array<std::uint64_t, service_count> from_link_and_kind_{};
    std::uint16_t protocol_and_hop_limit_ = 0;
};

namespace plain6 {

inline constexpr std::size_t ip = ethernet_header, udp = ip + ipv6_header;
inline constexpr std::size_t length_at = ip + 4, next_at = ip + 6, source_at = ip + 8, destination_at = ip + 24,
                             checksum_at = udp + 6;

// Four words of both addresses, and the rest of RFC 8200 8.1.
inline std::uint64_t pseudo_header(const std::array<std::uint64_t, 2>& from, const std::array<std::uint64_t, 2>& to,
                                   std::uint16_t udp_length) {
    using plain::halves;
    return halves(from[0]) + halves(from[1]) + halves(to[0]) + halves(to[1]) + plain::net(protocol_udp) +
           plain::net(udp_length);
}
inline std::array<std::uint64_t, 2> words_at(const std::uint8_t* p) {
    return {plain::word_at<std::uint64_t>(p), plain::word_at<std::uint64_t>(p + 8)};
}

}  // namespace plain6

inline bool PlainUdp6::read(std::uint8_t* p, std::size_t size, bool, bool udp_good, Packet& packet) const {
    using namespace plain;
    if (!usable_ || size < headers || size > most_) return false;
    if (((word_at<std::uint64_t>(p) ^ to_) & to_mask_) != 0) return false;
    if (((word_at<std::uint64_t>(p + 8) ^ kind_) & kind_mask_) != 0) return false;
    const std::size_t total = load_be16(p + plain6::length_at), length = load_be16(p + plain6::udp + 4);
    if (total > size - plain6::udp || length < udp_header || length > total || p[plain6::next_at] != protocol_udp)
        return false;
    const auto source = plain6::words_at(p + plain6::source_at), target = plain6::words_at(p + plain6::destination_at);
    // Groups, and all that begins with zeros: :: and ::1 are no senders, and of the others there are few.
    if (target != own_ || source == own_ || p[plain6::source_at] == 0xff || p[plain6::source_at] == 0) return false;
    packet.from.port = load_be16(p + plain6::udp);
    if (packet.from.port == 0) return false;

    const auto field = word_at<std::uint16_t>(p + plain6::checksum_at);
    const bool read_by_nobody = udp_ == UdpChecksum::ignore || udp_ == UdpChecksum::found_good;
    if (field == 0 && !read_by_nobody && !udp_good) return false;  // RFC 8200 8.1
    const std::uint64_t pseudo = plain6::pseudo_header(source, target, static_cast<std::uint16_t>(length));
    const std::uint64_t before_payload =
        pseudo + word_at<std::uint32_t>(p + plain6::udp) + word_at<std::uint16_t>(p + plain6::udp + 4);
    bool whole = field != 0 && udp_ != UdpChecksum::ignore;
    if (whole && !udp_good && udp_ != UdpChecksum::found_good) {
        if (udp_ == UdpChecksum::accept_partial && folded(pseudo) == field)
            whole = false;
        else if (folded(before_payload + field + Checksum::words_of({p + headers, length - udp_header})) != 0xffff)
            return false;
    }
    packet.payload_sum = 0;
    if (whole) packet.payload_sum = net(folded(std::uint64_t{inverse(field)} + inverse(folded(before_payload))));
    packet.data = p + headers;
    packet.length = static_cast<std::uint16_t>(length - udp_header);
    packet.from.address.family = Family::v6;
    std::memcpy(packet.from.address.bytes.data(), source.data(), 16);
    packet.local_port = load_be16(p + plain6::udp + 2);
    return true;
}

inline void PlainUdp6::write(const Packet& packet, const LinkAddress& link_to) const {
    using namespace plain;
    std::uint8_t* p = packet.data - headers;
    const auto service = static_cast<std::size_t>(packet.service);
    const auto length = static_cast<std::uint16_t>(udp_header + packet.length);
    const auto source = plain6::words_at(packet.source.address.bytes.data());
    const auto target = plain6::words_at(packet.to.address.bytes.data());
    std::uint64_t sum =
        plain6::pseudo_header(source, target, length) + net(packet.source.port) + net(packet.to.port) + net(length);
    sum += packet.payload_sum != 0 ? net(packet.payload_sum) : Checksum::words_of({packet.data, packet.length});
    std::uint16_t udp_checksum = inverse(folded(sum));
    if (udp_checksum == 0) udp_checksum = 0xffff;  // RFC 768: zero would mean "none"

    put(p, word_of(link_to) | from_link_);
    put(p + 8, from_link_and_kind_[service]);
    put(p + 16, std::uint16_t{0});  // of the flow label, which we do not set
    put(p + plain6::length_at, net(length));
    put(p + plain6::next_at, protocol_and_hop_limit_);
    put(p + plain6::source_at, source);
    put(p + plain6::destination_at, target);
    put(p + plain6::udp, net(packet.source.port));
    put(p + plain6::udp + 2, net(packet.to.port));
    put(p + plain6::udp + 4, net(length));
    put(p + plain6::checksum_at, udp_checksum);
}

}  // namespace sallyport::media::dpdk
