// Where an RTP packet's header ends, RFC 3550 5.1 and 5.3.1, and what of it SRTP counts by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "control/base/bytes.h"

namespace sallyport::srtp {

inline constexpr std::size_t rtp_header_bytes = 12;
inline constexpr std::size_t rtcp_header_bytes = 8;  // what SRTCP leaves in the clear

// Bytes of fixed header, CSRC list and extension, of any version. Nothing: the packet is shorter than it says.
inline std::optional<std::size_t> payload_offset(ByteView packet) {
    if (packet.size() < rtp_header_bytes) return std::nullopt;
    std::size_t bytes = rtp_header_bytes + std::size_t{4} * (packet[0] & 0x0f);
    if (packet[0] & 0x10) {
        if (packet.size() < bytes + 4) return std::nullopt;
        bytes += 4 + std::size_t{4} * load_be16(packet.data() + bytes + 2);
    }
    return bytes <= packet.size() ? std::optional(bytes) : std::nullopt;
}

inline std::uint16_t sequence_of(const std::uint8_t* rtp) { return load_be16(rtp + 2); }
inline std::uint32_t ssrc_of(const std::uint8_t* packet, bool rtcp) { return load_be32(packet + (rtcp ? 4 : 8)); }

}  // namespace sallyport::srtp
