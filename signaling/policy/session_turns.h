// How often one session (RFC 7989) comes for the same place with fewer hops left than before: a peer that proxies calls
// back to where they came from sends one in a circle, and what passes it keeps the Session-ID, whatever is done to
// Call-IDs. A session that is tried again, or that somebody forks, has as many hops left as the first time, and counts
// for nothing. Shared by the shards of a node, which the turns of a circle come to by chance.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>

#include "control/base/time.h"

namespace sallyport::policy {

class SessionTurns {
public:
    static constexpr Duration remembered = 5min;    // from its first turn on: longer than anything rings
    static constexpr std::size_t most = 16 * 4096;  // about 400 bytes each at most; beyond it the oldest are forgotten

    // It comes: how often it has before. `place`: session, who sends it, and whom he calls. 0: the first time, or no
    // turn of a circle.
    std::size_t come(std::string place, std::uint32_t hops_left, TimePoint now);
    std::size_t size() const;

private:
    struct Turns {
        std::uint32_t least_hops = 0;
        std::size_t count = 0;
    };
    struct Stripe {
        mutable std::mutex mutex;
        std::unordered_map<std::string, Turns> turns;
        std::deque<std::pair<TimePoint, std::string>> ages;
    };
    static constexpr std::size_t stripe_count = 16;
    std::array<Stripe, stripe_count> stripes_;
};

}  // namespace sallyport::policy
