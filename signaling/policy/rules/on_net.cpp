#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// A number of another PBX of this node may be called without a detour through a carrier, where the caller's trunk says
// so. Then the call is the called trunk's, as one of the core is, and its caller's too. An emergency number is
// nobody's.
Outcome on_net(const CallFacts& facts, Admitted& admitted) {
    if (admitted.emergency || admitted.direction != CallDirection::from_pbx) return {{}, "not asked"};
    const auto found = facts.config.trunks.find(admitted.trunk);
    if (found == facts.config.trunks.end()) return {{}, "nobody's"};
    const config::Trunk& caller = found->second;
    const auto* called = facts.config.trunk_by_number(admitted.called);
    if (called == nullptr) called = facts.config.disabled_trunk_by_number(admitted.called);
    if (called == nullptr) return {{}, "no number of this node"};
    const bool same_customer = !caller.customer.empty() && caller.customer == called->customer;
    switch (caller.on_net) {
        case config::OnNet::carrier: return {{}, "by way of a carrier"};
        case config::OnNet::customer:
            if (!same_customer && called->id != caller.id) return {{}, "by way of a carrier: another customer's"};
            break;
        case config::OnNet::node: break;
    }
    admitted.direction = CallDirection::to_pbx;
    admitted.caller_trunk = caller.id;
    return {{}, "straight to a PBX of this node"};
}

}  // namespace sallyport::policy::rules
