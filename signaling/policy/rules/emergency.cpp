#include "signaling/policy/numbering.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {

// SIPconnect 13: by the Request-URI, before anything else is looked at. Only a PBX calls for help; what it calls goes
// out as it was dialled.
Outcome emergency(const CallFacts& facts, Admitted& admitted) {
    if (admitted.direction != CallDirection::from_pbx) return {{}, "from the core"};
    const auto trunk = facts.config.trunks.find(admitted.trunk);
    if (trunk == facts.config.trunks.end()) return {{}, "nobody's"};
    auto service = emergency_call(facts.request_uri, trunk->second);
    if (!service) return {{}, "no emergency"};
    admitted.emergency = true;
    admitted.called = std::move(*service);
    return {{}, "emergency " + admitted.called};
}

}  // namespace sallyport::policy::rules
