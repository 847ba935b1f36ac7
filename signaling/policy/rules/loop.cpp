#include "signaling/policy/redirecting.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// A PBX that proxies a call back to where it came from keeps its Session-ID, and each turn has fewer hops left.
// PBXs that forward to each other by new INVITEs begin with a new Call-ID and a new Max-Forwards each time: only what
// they say of the call's way tells that it goes in a circle. Once may be meant: a secretary that sends a call back.
Outcome loop(const CallFacts& facts, Admitted& admitted) {
    constexpr std::size_t too_often = 2;
    constexpr std::uint16_t exchange_routing_error = 25;
    if (admitted.emergency || facts.invite == nullptr) return {{}, "not looked for"};
    if (facts.turns >= too_often)
        return {Reject{Refusal::forward_loop, 482, exchange_routing_error, false},
                "the session has come from here for the same " + std::to_string(facts.turns) + " times before"};
    const std::size_t times = times_sent_on(*facts.invite, admitted.called);
    if (times < too_often) return {{}, "none"};
    return {Reject{Refusal::forward_loop, 482, exchange_routing_error, false},
            admitted.called + " has sent this call on " + std::to_string(times) + " times"};
}

}  // namespace sallyport::policy::rules
