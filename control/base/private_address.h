// Addresses that nobody routes in public: RFC 1918, RFC 6598 (between a carrier's NAT and its customers), RFC 4193.
#pragma once

#include "control/base/endpoint.h"

namespace sallyport {

inline bool is_private(const IpAddress& address) {
    const auto& b = address.bytes;
    switch (address.family) {
        case Family::none: return false;
        case Family::v4:
            return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
                   (b[0] == 100 && (b[1] & 0xc0) == 64);
        case Family::v6: return (b[0] & 0xfe) == 0xfc;
    }
    return false;
}

// ::ffff:192.0.2.1 (RFC 4291 2.5.5.2): within a host another way to write an IPv4 address, on no wire an IPv6 one. A
// socket would send plain IPv4 there, past every rule for that family.
inline bool is_v4_mapped(const IpAddress& address) {
    if (address.family != Family::v6) return false;
    const auto& b = address.bytes;
    for (std::size_t i = 0; i < 10; ++i)
        if (b[i] != 0) return false;
    return b[10] == 0xff && b[11] == 0xff;
}

// What a peer says of itself cannot be reached from here: it is private, and the peer's packets come from a public
// address. Between two private addresses there is a VPN, and no NAT to be suspected (SIPconnect 16.3).
inline bool hides_behind_nat(const IpAddress& said, const IpAddress& source) {
    return is_private(said) && !is_private(source) && !source.is_loopback();
}

}  // namespace sallyport
