#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// A node that drains, is full or has no media plane says 503: the peer shall try another one, and come back later.
Outcome availability(const CallFacts& facts, Admitted&) {
    constexpr std::uint16_t temporary_failure = 41, congestion = 42;
    if (facts.draining) return {Reject{Refusal::draining, 503, temporary_failure, true}, "the node is draining"};
    if (facts.full) return {Reject{Refusal::full, 503, congestion, true}, "as many calls as this shard carries"};
    if (!facts.media_up) return {Reject{Refusal::media_away, 503, temporary_failure, true}, "the media plane is away"};
    return {{}, "taking calls"};
}

}  // namespace sallyport::policy::rules
