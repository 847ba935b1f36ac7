// One rule of the policy: looks at the facts, adds to what is admitted, or refuses. A file per rule; the order is the
// engine's.
#pragma once

#include <optional>
#include <string>

#include "signaling/policy/facts.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/verdict.h"

namespace sallyport::policy::rules {

struct Outcome {
    std::optional<Reject> reject;
    std::string text;  // for the trace
};

Outcome availability(const CallFacts& facts, Admitted& admitted);  // is this node taking calls at all
Outcome party(const CallFacts& facts, Admitted& admitted);         // whose call it is, and which way it goes
Outcome emergency(const CallFacts& facts, Admitted& admitted);     // does a PBX call for help
Outcome standing(const CallFacts& facts, Admitted& admitted);      // may this peer call: enabled, transport, registered
Outcome called_number(const CallFacts& facts, Admitted& admitted);  // the Request-URI as E.164
Outcome loop(const CallFacts& facts, Admitted& admitted);           // has it been sent on by the called number before
Outcome caller(const CallFacts& facts, Admitted& admitted);   // may it call as whom it says, and be hidden as it asks
Outcome forward(const CallFacts& facts, Admitted& admitted);  // may a callee send a call there; to a PBX of ours or not
Outcome permission(const CallFacts& facts, Admitted& admitted);   // may this trunk call that number, and now
Outcome on_net(const CallFacts& facts, Admitted& admitted);       // straight to another PBX of this node, or not
Outcome destination(const CallFacts& facts, Admitted& admitted);  // number -> trunk, or prefix -> carriers
Outcome customer(const CallFacts& facts, Admitted& admitted);     // whose trunk it is, and may it take part in calls
Outcome limits(const CallFacts& facts, Admitted& admitted, CallGauges& gauges);

}  // namespace sallyport::policy::rules
