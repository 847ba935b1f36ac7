#include "signaling/policy/caller.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// An emergency is never refused for who calls. 603 and not 403: towards a PBX 403 means "register" (SIPconnect 16.4.2).
Outcome caller(const CallFacts& facts, Admitted& admitted) {
    constexpr std::uint16_t call_rejected = 21, service_not_implemented = 79;
    if (facts.invite == nullptr || admitted.emergency) return {{}, "any caller"};
    if (asks_for_unknown_privacy(*facts.invite))
        return {Reject{Refusal::privacy_not_possible, privacy_not_possible_status, service_not_implemented, false},
                std::string(privacy_not_possible_text)};
    if (admitted.direction == CallDirection::to_pbx) return {{}, "the carrier answers for its caller"};
    const auto trunk = facts.config.trunks.find(admitted.trunk);
    if (trunk == facts.config.trunks.end() || trunk->second.identity.screening != config::Screening::reject)
        return {{}, "screened"};
    if (calls_as_itself(*facts.invite, trunk->second)) return {{}, "calls as itself"};
    if (const auto forwards = forwarding_number(*facts.invite, trunk->second)) return {{}, *forwards + " forwards"};
    return {Reject{Refusal::caller_not_allowed, 603, call_rejected, false},
            "the caller is no number of trunk " + admitted.trunk};
}

}  // namespace sallyport::policy::rules
