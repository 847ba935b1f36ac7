// Runs the rules over a call attempt, in order, until one refuses. Sends nothing; the only state it touches are the
// gauges of the call.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "signaling/policy/facts.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/verdict.h"

namespace sallyport::policy {

Verdict decide(const CallFacts& facts, CallGauges& gauges);
// Of an INVITE that is about a call which is up: who it is and whether he may do anything at all.
Verdict decide_standing(const CallFacts& facts);
// Of a target that the PBX of trunk `facts.party` names in place of itself: it goes where that PBX could have called,
// and on its account, or to a PBX of this node. The Request-URI is the target's; nothing else of the call is looked at,
// since it has been let in.
Verdict decide_forward(const CallFacts& facts, CallGauges& gauges);
// Of a call to a PBX that cannot be reached, and may go to that of `trunk` in its place. `call` has been let in.
Verdict decide_overflow(const CallFacts& facts, Admitted call, const std::string& trunk, CallGauges& gauges);
// Of an INVITE of trunk `facts.party` that takes the place of a PBX which is in a call (RFC 3891): room within the
// limits of the trunk, its customer and its number, where the call has none by now.
struct TakenPlace {
    bool callers = false;  // the PBX that has called leaves it; else the one that was called
    std::string leaves;    // its trunk
    std::string stays;     // the trunk at the other end; empty: no PBX is there
};
struct Takeover {
    Verdict verdict;  // what is admitted holds both places; `call` as it was holds what the one before has
    Holding after;    // what is left of it when that one has gone, but for the kbit/s
};
Takeover decide_takeover(const CallFacts& facts, const TakenPlace& place, Admitted call, CallGauges& gauges);
// Of a later offer of `call`, which has been let in: it holds what that takes if it is more than before. Why not, as a
// sentence; nothing: there is room. An emergency has it always, and what was not measured at first never is.
std::optional<std::string> decide_offer(const config::Snapshot& config, std::string_view description, TimePoint now,
                                        Admitted& call, CallGauges& gauges);
// The same without a question: it holds what that takes.
void hold_offer(const config::Snapshot& config, std::string_view description, Admitted& call, CallGauges& gauges);

}  // namespace sallyport::policy
