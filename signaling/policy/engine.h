// Runs the rules over a call attempt, in order, until one refuses. Sends nothing; the only state it touches is the
// gauge of the trunk.
#pragma once

#include "signaling/policy/facts.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/verdict.h"

namespace sallyport::policy {

Verdict decide(const CallFacts& facts, TrunkGauges& gauges);

}  // namespace sallyport::policy
