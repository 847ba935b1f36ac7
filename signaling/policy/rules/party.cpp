#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {
Outcome standing(const CallFacts& facts, Admitted& admitted) {
    constexpr std::uint16_t facility_rejected = 29;
    if (admitted.emergency) return {{}, "an emergency is nobody's to refuse"};
    if (facts.party.kind == PartyKind::carrier) return {{}, "a carrier"};
    const config::Trunk& trunk = facts.config.trunks.find(admitted.trunk)->second;  // the rule before has seen it
    if (trunk.disabled)
        return {Reject{Refusal::trunk_disabled, 480, facility_rejected, false}, "trunk " + trunk.id + " is disabled"};
    if (!trunk.allows(to_config(facts.transport)))
        return {Reject{Refusal::transport_not_allowed, 480, facility_rejected, false},
                "trunk " + trunk.id + " may not use " + std::string(to_string(facts.transport))};
    // SIPconnect 16.4.2: 403 tells a PBX that it has to register again, and means nothing else.
    if (trunk.mode == config::TrunkMode::registration && facts.party.proof != Proof::registered_flow &&
        facts.locations.usable(trunk.id, facts.now).empty())
        return {Reject{Refusal::not_registered, 403, facility_rejected, false},
                "trunk " + trunk.id + " is not registered"};
    return {{}, "may call"};
}

Outcome party(const CallFacts& facts, Admitted& admitted) {
    if (facts.party.kind == PartyKind::carrier) {
        admitted.direction = CallDirection::to_pbx;
        admitted.carriers = {facts.party.id};
        return {{}, "carrier " + facts.party.id};
    }
    admitted.direction = CallDirection::from_pbx;
    admitted.trunk = facts.party.id;
    const auto trunk = facts.config.trunks.find(facts.party.id);
    if (trunk == facts.config.trunks.end())
        return {Reject{Refusal::trunk_disabled, 480, 29, false}, "trunk " + facts.party.id + " is gone"};
    return {{}, "trunk " + admitted.trunk};
}

}  // namespace sallyport::policy::rules
