// What nearly all frames are, read and written in one go: IPv4 without options, whole, UDP, untagged, from one host to
// us. Says the same as frame.h does, field by field, of what it takes, and takes nothing that it would have to refuse.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

#include "media-plane/core/packet.h"
#include "media-plane/dpdk/checksum.h"
#include "media-plane/dpdk/frame.h"

namespace sallyport::media::dpdk {

namespace plain {

// Where the fields lie.
inline constexpr std::size_t ip = ethernet_header, udp = ip + ipv4_header;
inline constexpr std::size_t total_at = ip + 2, source_at = ip + 12, destination_at = ip + 16, checksum_at = udp + 6;

template <class Word>
Word word_at(const std::uint8_t* p) {
    Word word;
    std::memcpy(&word, p, sizeof word);
    return word;
}
template <class Word>
void put(std::uint8_t* p, Word word) {
    std::memcpy(p, &word, sizeof word);
}
inline std::uint64_t word_of(const std::array<std::uint8_t, 8>& bytes) { return word_at<std::uint64_t>(bytes.data()); }

// A number of 16 bits as it lies in a frame; its own inverse.
inline std::uint16_t net(std::uint16_t value) {
    return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
}

// RFC 1071 section 2: the sum may be made of words in any byte order, as long as they lie at even places.
inline std::uint64_t halves(std::uint64_t word) { return (word & 0xffffffffu) + (word >> 32); }
// A sum of both halves in the upper one, with the carry from the lower, which is the one that comes around.
inline std::uint16_t folded(std::uint64_t sum) {
    const auto half = static_cast<std::uint32_t>((sum + std::rotl(sum, 32)) >> 32);
    return static_cast<std::uint16_t>((half + std::rotl(half, 16)) >> 16);
}
inline std::uint16_t inverse(std::uint16_t sum) { return static_cast<std::uint16_t>(~sum); }

// Into words as wide as those in which it is read: a wide load behind narrow stores waits until they are done.
inline void set_v4(IpAddress& address, std::uint32_t word) {
    std::uint64_t wide = word;
    if (std::endian::native == std::endian::big) wide <<= 32;
    address.family = Family::v4;
    std::memcpy(address.bytes.data(), &wide, sizeof wide);
    std::memset(address.bytes.data() + 8, 0, 8);
}

inline bool no_host(std::uint8_t first) { return first == 0 || first == 127 || first >= 224; }

inline std::uint64_t pseudo_header(std::uint64_t addresses, std::uint16_t udp_length) {
    return halves(addresses) + net(protocol_udp) + net(udp_length);
}
// As the first six bytes of a word.
inline std::uint64_t word_of(const LinkAddress& link) {
    const auto first = word_at<std::uint32_t>(link.bytes.data());
    const auto last = word_at<std::uint16_t>(link.bytes.data() + 4);
    return std::endian::native == std::endian::big ? std::uint64_t{first} << 32 | std::uint64_t{last} << 16
                                                   : first | std::uint64_t{last} << 32;
}

}  // namespace plain

class PlainUdp {
public:
    static constexpr std::size_t headers = ethernet_header + ipv4_header + udp_header;

    // Of one port. Without an IPv4 address, or with a VLAN, nothing is plain.
    PlainUdp(const FrameRules& rules, const std::optional<IpAddress>& own, const Marks& dscp, std::uint8_t hop_limit);

    // Sets what a packet has of its frame: data, length, from, local_port and payload_sum. False for any other frame,
    // or if anything is wrong with it; then parse_frame() says what. `ip_good`, `udp_good`: the device says so.
    bool read(std::uint8_t* frame, std::size_t size, bool ip_good, bool udp_good, Packet& packet) const;

    bool writes(const Endpoint& to) const { return usable_ && to.address.family == Family::v4; }
    // The headers of a packet that this port sends, in front of its payload; both checksums are in them.
    void write(const Packet& packet, const LinkAddress& link_to) const;

private:
    bool usable_ = false;
    std::uint16_t most_ = 0;  // bytes of a frame
    bool verify_ip_ = false;
    UdpChecksum udp_ = UdpChecksum::verify;
    std::uint32_t own_ = 0;  // these words are as they lie in a frame
    std::uint64_t to_ = 0, to_mask_ = 0, kind_ = 0, kind_mask_ = 0;
    std::uint64_t from_link_ = 0, from_fragment_to_protocol_ = 0;
    struct Marked {  // by service
        std::uint64_t from_link_and_kind = 0;
        std::uint64_t constant_sum = 0;  // of the IPv4 header that is written, without length and addresses
    };
    std::array<Marked, service_count> marked_;
};

inline bool PlainUdp::read(std::uint8_t* p, std::size_t size, bool ip_good, bool udp_good, Packet& packet) const {
    using namespace plain;
    if (!usable_ || size < headers || size > most_) return false;
    if (((word_at<std::uint64_t>(p) ^ to_) & to_mask_) != 0) return false;
    if (((word_at<std::uint64_t>(p + 8) ^ kind_) & kind_mask_) != 0) return false;
    const std::size_t total = load_be16(p + total_at), length = load_be16(p + udp + 4);
    if (total > size - ip || length < udp_header || ipv4_header + length > total) return false;
    if ((load_be16(p + ip + 6) & 0x3fff) != 0 || p[ip + 9] != protocol_udp) return false;
    const auto addresses = word_at<std::uint64_t>(p + source_at);
    const auto source = word_at<std::uint32_t>(p + source_at);
    if (word_at<std::uint32_t>(p + destination_at) != own_ || source == own_ || no_host(p[source_at])) return false;
    if (verify_ip_ && !ip_good) {
        const std::uint64_t sum = halves(word_at<std::uint64_t>(p + ip)) + halves(word_at<std::uint64_t>(p + ip + 8)) +
                                  word_at<std::uint32_t>(p + destination_at);
        if (folded(sum) != 0xffff) return false;
    }
    packet.from.port = load_be16(p + udp);
    if (packet.from.port == 0) return false;

    const auto field = word_at<std::uint16_t>(p + checksum_at);
    const std::uint64_t pseudo = pseudo_header(addresses, static_cast<std::uint16_t>(length));
    const std::uint64_t before_payload = pseudo + word_at<std::uint32_t>(p + udp) + word_at<std::uint16_t>(p + udp + 4);
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
    set_v4(packet.from.address, source);
    packet.local_port = load_be16(p + udp + 2);
    return true;
}

[[gnu::always_inline]] inline void PlainUdp::write(const Packet& packet, const LinkAddress& link_to) const {
    using namespace plain;
    std::uint8_t* p = packet.data - headers;
    const auto udp_length = static_cast<std::uint16_t>(udp_header + packet.length);
    const std::uint16_t total = net(static_cast<std::uint16_t>(ipv4_header + udp_length));
    const Marked& marked = marked_[static_cast<std::size_t>(packet.service)];
    const auto to = word_at<std::uint32_t>(packet.to.address.bytes.data());
    const auto from = word_at<std::uint32_t>(packet.source.address.bytes.data());
    const std::uint64_t addresses = std::uint64_t{from} << (std::endian::native == std::endian::big ? 32 : 0) |
                                    std::uint64_t{to} << (std::endian::native == std::endian::big ? 0 : 32);
    const std::uint64_t address_sum = halves(addresses);
    const std::uint16_t ip_checksum = inverse(folded(marked.constant_sum + total + address_sum));
    std::uint64_t sum =
        address_sum + net(protocol_udp) + 2u * net(udp_length) + net(packet.source.port) + net(packet.to.port);
    sum += packet.payload_sum != 0 ? net(packet.payload_sum) : Checksum::words_of({packet.data, packet.length});
    std::uint16_t udp_checksum = inverse(folded(sum));
    if (udp_checksum == 0) udp_checksum = 0xffff;  // RFC 768: zero would mean "none"

    put(p, word_of(link_to) | from_link_);
    put(p + 8, marked.from_link_and_kind);
    put(p + 16, from_fragment_to_protocol_);
    put(p + total_at, total);
    put(p + ip + 10, ip_checksum);
    put(p + source_at, addresses);
    put(p + udp, net(packet.source.port));
    put(p + udp + 2, net(packet.to.port));
    put(p + udp + 4, net(udp_length));
    put(p + checksum_at, udp_checksum);
}

}  // namespace sallyport::media::dpdk
