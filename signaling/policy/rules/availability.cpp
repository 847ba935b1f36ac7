#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// A node that drains, is full or has no media plane says 503: the peer shall try another one, and come back later. An
// emergency is taken as long as it can be carried at all.
Outcome availability(const CallFacts& facts, Admitted& admitted) {
    constexpr std::uint16_t temporary_failure = 41, congestion = 42;
    if (facts.draining && !admitted.emergency)
        return {Reject{Refusal::draining, 503, temporary_failure, true}, "the node is draining"};
    if (admitted.emergency ? facts.overfull : facts.full)
        return {Reject{Refusal::full, 503, congestion, true}, "as many calls as this shard carries"};
    if (!facts.media_up) return {Reject{Refusal::media_away, 503, temporary_failure, true}, "the media plane is away"};
    return {{}, "taking calls"};
}

}  // namespace sallyport::policy::rules
