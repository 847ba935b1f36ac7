// What shares a media port, told apart by the first octet: RFC 7983 7 (in place of RFC 5764 5.1.2).
#pragma once

#include "control/base/bytes.h"

namespace sallyport::media {

enum class Protocol : std::uint8_t { rtp_or_rtcp, stun, dtls, other };  // other: ZRTP, TURN channels, keep-alives

inline Protocol demultiplex(ByteView payload) {
    if (payload.empty()) return Protocol::other;  // RFC 6263 4.1: an empty datagram keeps a NAT binding alive
    const std::uint8_t first = payload[0];
    if (first >= 128 && first <= 191) return Protocol::rtp_or_rtcp;
    if (first <= 3) return Protocol::stun;
    if (first >= 20 && first <= 63) return Protocol::dtls;
    return Protocol::other;
}

}  // namespace sallyport::media
