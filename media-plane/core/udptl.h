// The head of a UDPTL datagram, ITU-T T.38 9.1: a sequence number, then the primary packet as an open type. Whatever
// follows (redundancy, parity) is between the gateways; nothing else of it is looked at.
#pragma once

#include "control/base/bytes.h"

namespace sallyport::media::udptl {

// A sequence number, the length of the primary packet and one octet of it, and the kind of error recovery.
inline constexpr std::size_t least_bytes = 5;

inline std::uint16_t sequence_number(const std::uint8_t* datagram) { return load_be16(datagram); }

}  // namespace sallyport::media::udptl
