// The shape of RTCP packets, RFC 3550 6 and A.2, RFC 5506. Reports are relayed as they are; nothing is read from them.
#pragma once

#include "control/base/bytes.h"

namespace sallyport::media::rtcp {

inline constexpr std::size_t header_bytes =
    8;  // the first packet's header with the sender's SSRC: all SRTCP leaves clear

// RFC 5761 4: second octets of RTCP; as RTP they would be a marker bit with payload types 64 to 95.
inline bool is_packet_type(std::uint8_t second_octet) { return second_octet >= 192 && second_octet <= 223; }

// What holds of a packet still encrypted: version 2, an RTCP type, room for the sender's SSRC.
inline bool starts_well(ByteView packet) {
    return packet.size() >= header_bytes && packet[0] >> 6 == 2 && is_packet_type(packet[1]);
}

// The whole compound: every packet's length fits, its count of blocks fits its length, and padding is only on the last.
// Reduced-size packets (RFC 5506) are compounds too: which type comes first is the peers' affair.
bool well_formed(ByteView compound);

}  // namespace sallyport::media::rtcp
