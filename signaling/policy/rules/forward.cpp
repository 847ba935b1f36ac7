#include <algorithm>

#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// A number of this node is a PBX's; every other one is the core's. An emergency call is somebody's own: nobody sends
// another one's call there (D-23).
Outcome forward(const CallFacts& facts, Admitted& admitted) {
    constexpr std::uint16_t call_rejected = 21, exchange_routing_error = 25;
    if (admitted.emergency)
        return {Reject{Refusal::emergency_forward, 603, call_rejected, false},
                "nobody is sent on to emergency number " + admitted.called};
    const auto& been_at = facts.been_at;
    if (std::find(been_at.begin(), been_at.end(), admitted.called) != been_at.end())
        return {Reject{Refusal::forward_loop, 482, exchange_routing_error, false},
                "the call has been at " + admitted.called};
    const bool ours = facts.config.trunk_by_number(admitted.called) != nullptr ||
                      facts.config.disabled_trunk_by_number(admitted.called) != nullptr;
    admitted.direction = ours ? CallDirection::to_pbx : CallDirection::forwarded;
    return {{}, ours ? "to a PBX of this node" : "to the core"};
}

}  // namespace sallyport::policy::rules
