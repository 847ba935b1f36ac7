#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// Whose trunk it is. One that is disabled takes part in no call, but for a call for help.
Outcome customer(const CallFacts& facts, Admitted& admitted) {
    constexpr std::uint16_t facility_rejected = 29;
    const auto trunk = facts.config.trunks.find(admitted.trunk);
    const auto* customer = trunk == facts.config.trunks.end() ? nullptr : facts.config.customer_of(trunk->second);
    if (customer == nullptr) return {{}, "no customer"};
    if (customer->disabled && !admitted.emergency)
        return {Reject{Refusal::customer_disabled, 480, facility_rejected, false},
                "customer " + customer->id + " is disabled"};
    return {{}, "customer " + customer->id};
}

}  // namespace sallyport::policy::rules
