// Runs the rules over a call attempt, in order, until one refuses. Sends nothing; the only state it touches is the
// gauge of the trunk.
#pragma once

#include "signaling/policy/facts.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/verdict.h"

namespace sallyport::policy {

Verdict decide(const CallFacts& facts, TrunkGauges& gauges);
// Of a target that the PBX of trunk `facts.party` names in place of itself: it goes where that PBX could have called,
// and on its account, or to a PBX of this node. The Request-URI is the target's; nothing else of the call is looked at,
// since it has been let in.
Verdict decide_forward(const CallFacts& facts, TrunkGauges& gauges);

}  // namespace sallyport::policy
