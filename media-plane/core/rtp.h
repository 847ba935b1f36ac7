// The RTP header, RFC 3550 5.1 and 5.3.1, read and patched in place. Looks at no payload and keeps no state.
#pragma once

#include <cstddef>
#include <cstdint>

#include "control/base/bytes.h"
#include "media-plane/srtp/rtp_header.h"

namespace sallyport::media::rtp {

inline constexpr std::size_t fixed_header_bytes = srtp::rtp_header_bytes;
inline constexpr std::uint8_t payload_types = 128;

// Bytes of fixed header, CSRC list and extension. 0: not version 2, or the packet is shorter than it says.
inline std::size_t header_bytes(ByteView packet) {
    const auto offset = srtp::payload_offset(packet);
    return offset && packet[0] >> 6 == 2 ? *offset : 0;
}

// RFC 3550 A.1: with the padding bit the last octet counts the padding, itself included. For decrypted packets:
// under SRTP that octet is ciphertext.
inline bool padding_fits(ByteView packet) {
    if (!(packet[0] & 0x20)) return true;
    const std::size_t payload = packet.size() - header_bytes(packet);
    return payload > 0 && packet.back() != 0 && packet.back() <= payload;
}

// The following read a packet whose header_bytes() is not 0.
inline std::uint8_t payload_type(const std::uint8_t* packet) { return packet[1] & 0x7f; }
inline void set_payload_type(std::uint8_t* packet, std::uint8_t type) {  // the marker bit stays
    packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | (type & 0x7f));
}
inline std::uint16_t sequence_number(const std::uint8_t* packet) { return load_be16(packet + 2); }
inline std::uint32_t timestamp(const std::uint8_t* packet) { return load_be32(packet + 4); }
inline std::uint32_t ssrc(const std::uint8_t* packet) { return load_be32(packet + 8); }

}  // namespace sallyport::media::rtp
