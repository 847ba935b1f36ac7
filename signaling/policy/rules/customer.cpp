#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// Whose trunk it is, and whose number: a customer who is disabled takes part in no call, but for a call for help, and
// is not reached through another one's overflow either.
Outcome customer(const CallFacts& facts, Admitted& admitted) {
    constexpr std::uint16_t facility_rejected = 29;
    const auto trunk = facts.config.trunks.find(admitted.trunk);
    const auto* customer = trunk == facts.config.trunks.end() ? nullptr : facts.config.customer_of(trunk->second);
    const auto* owner =
        admitted.direction == CallDirection::to_pbx ? facts.config.trunk_by_number(admitted.called) : nullptr;
    const auto* of_number = owner == nullptr ? nullptr : facts.config.customer_of(*owner);
    if (of_number != nullptr && of_number->disabled && !admitted.emergency) customer = of_number;
    const auto caller = facts.config.trunks.find(admitted.caller_trunk);
    const auto* of_caller = caller == facts.config.trunks.end() ? nullptr : facts.config.customer_of(caller->second);
    if (of_caller != nullptr && of_caller->disabled && !admitted.emergency) customer = of_caller;
    if (customer == nullptr) return {{}, "no customer"};
    if (customer->disabled && !admitted.emergency)
        return {Reject{Refusal::customer_disabled, 480, facility_rejected, false},
                "customer " + customer->id + " is disabled"};
    return {{}, "customer " + customer->id};
}

}  // namespace sallyport::policy::rules
