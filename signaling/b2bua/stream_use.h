// What becomes of a request that is too large for UDP (RFC 3261 18.1.1): what is provisioned of it, and what has been
// said of the way there. Sends nothing.
#pragma once

#include <cstdint>

#include "control/config/model.h"

namespace sallyport::b2bua {

enum class StreamUse : std::uint8_t {
    never,  // it goes over UDP
    first,  // over TCP, and over UDP after all if TCP is refused
    only,   // over TCP, or not at all
};
// `named_udp`: target, URI or DNS have said UDP, which binds where the operator has said nothing.
inline StreamUse stream_use(config::LargeRequests provisioned, bool named_udp) {
    switch (provisioned) {
        case config::LargeRequests::automatic: return named_udp ? StreamUse::never : StreamUse::first;
        case config::LargeRequests::tcp: return StreamUse::only;
        case config::LargeRequests::tcp_then_udp: return StreamUse::first;
        case config::LargeRequests::udp: return StreamUse::never;
    }
    return StreamUse::never;
}

}  // namespace sallyport::b2bua
