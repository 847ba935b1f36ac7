// How long a peer that is refused for now is told to wait (RFC 3261 20.33): a random number of seconds of a window, so
// that all who were refused together do not come back together (SIPconnect 16.4.1.6).
#pragma once

#include <cstdint>
#include <string>

#include "control/base/random.h"

namespace sallyport::transaction {

struct RetryWindow {
    // Up to 32 s a PBX waits and comes back to this node; told more, it goes to another one first
    // (SIPconnect 16.4.1.6).
    std::uint32_t from_seconds = 1, to_seconds = 32;  // both included, from <= to

    // Digits alone: parsers of old trip over comments and parameters.
    std::string draw(RandomSource& random) const {
        return std::to_string(from_seconds + random.below(to_seconds - from_seconds + 1));
    }
};

}  // namespace sallyport::transaction
