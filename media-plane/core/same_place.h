// Whether two addresses are the same, for what is asked several times a packet: in registers, where the comparison that
// the types come with calls memcmp (a tenth of what relaying a packet took).
#pragma once

#include <cstring>

#include "control/base/endpoint.h"

namespace sallyport::media {

inline bool same_place(const IpAddress& a, const IpAddress& b) {
    std::uint64_t x[2], y[2];
    std::memcpy(x, a.bytes.data(), sizeof x);
    std::memcpy(y, b.bytes.data(), sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0 && a.family == b.family;
}
inline bool same_place(const Endpoint& a, const Endpoint& b) {
    return a.port == b.port && same_place(a.address, b.address);
}

}  // namespace sallyport::media
