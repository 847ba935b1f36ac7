#include "control/base/check.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {
namespace {

// Towards the PBX a limit is 503, as SIPconnect lets it be: it means this server and this trunk. Towards the core 503
// would take the whole node out of the carrier's hunt group for one trunk's sake, so there a full trunk is busy (486)
// and a too fast one temporarily unavailable (480). Retry-After only where waiting helps.
Reject refusal(Admission admission, CallDirection direction) {
    constexpr std::uint16_t user_busy = 17, call_rejected = 21, no_circuit = 34, congestion = 42;
    const bool pbx_calls = direction == CallDirection::from_pbx;
    if (admission == Admission::too_many_calls)
        return pbx_calls ? Reject{Refusal::too_many_calls, 503, no_circuit, false}
                         : Reject{Refusal::too_many_calls, 486, user_busy, false};
    // 603: a PBX that tries its next SP-SSE on 503 would have a budget at each.
    if (admission == Admission::over_budget) return {Refusal::over_budget, 603, call_rejected, false};
    return pbx_calls ? Reject{Refusal::too_fast, 503, congestion, true}
                     : Reject{Refusal::too_fast, 480, congestion, false};
}

}  // namespace

Outcome trunk_limits(const CallFacts& facts, Admitted& admitted, TrunkGauges& gauges) {
    const auto trunk = facts.config.trunks.find(admitted.trunk);
    if (admitted.emergency) {  // SIPconnect 13; counted all the same
        gauges.hold(admitted.trunk);
        return {{}, "no limit holds for an emergency"};
    }
    static const config::Limits none;
    const config::Limits& limits = trunk == facts.config.trunks.end() ? none : trunk->second.limits;
    // What its PBX sends on has had its turn when it came to that PBX.
    const bool sent_on = admitted.direction != CallDirection::from_pbx && facts.party.kind == PartyKind::trunk &&
                         facts.party.id == admitted.trunk;
    switch (const Admission admission = gauges.admit(admitted.trunk, limits, facts.now, admitted.price_per_minute,
                                                     sent_on ? Turn::had : Turn::needed)) {
        case Admission::admitted: return {{}, "within the limits"};
        case Admission::too_many_calls:
            return {refusal(admission, admitted.direction),
                    "trunk " + admitted.trunk + " has all its " + std::to_string(limits.concurrent_calls) + " calls"};
        case Admission::too_fast:
            return {refusal(admission, admitted.direction), "trunk " + admitted.trunk + " calls faster than it may"};
        case Admission::over_budget:
            return {refusal(admission, admitted.direction),
                    "trunk " + admitted.trunk + " has spent what its calls may cost within a day"};
    }
    SALLYPORT_CHECK(false);
}

}  // namespace sallyport::policy::rules
