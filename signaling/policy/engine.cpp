#include "signaling/policy/engine.h"

#include "control/base/check.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy {

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::draining: return "draining";
        case Refusal::full: return "full";
        case Refusal::media_away: return "media-away";
        case Refusal::trunk_disabled: return "trunk-disabled";
        case Refusal::transport_not_allowed: return "transport-not-allowed";
        case Refusal::not_registered: return "not-registered";
        case Refusal::not_a_number: return "not-a-number";
        case Refusal::foreign_domain: return "foreign-domain";
        case Refusal::privacy_not_possible: return "privacy-not-possible";
        case Refusal::caller_not_allowed: return "caller-not-allowed";
        case Refusal::unknown_number: return "unknown-number";
        case Refusal::no_route: return "no-route";
        case Refusal::barred_destination: return "barred-destination";
        case Refusal::too_many_calls: return "too-many-calls";
        case Refusal::too_fast: return "too-fast";
        case Refusal::over_budget: return "over-budget";
    }
    SALLYPORT_CHECK(false);
}

// The order is the policy: who may call comes before whether there is room, so that a refused stranger learns nothing
// of this node's load; the limits come last, because only they take something that must be given back.
Verdict decide(const CallFacts& facts, TrunkGauges& gauges) {
    Verdict verdict;
    const auto apply = [&](std::string_view rule, rules::Outcome outcome) {
        verdict.trace.push_back({rule, std::move(outcome.text)});
        verdict.reject = outcome.reject;
        return !verdict.reject;
    };
    Admitted& admitted = verdict.admitted;
    if (apply("party", rules::party(facts, admitted)) &&
        apply("called number", rules::called_number(facts, admitted)) &&  // finds an emergency before all judging
        apply("caller", rules::caller(facts, admitted)) && apply("destination", rules::destination(facts, admitted)) &&
        apply("availability", rules::availability(facts, admitted)))
        apply("limits", rules::trunk_limits(facts, admitted, gauges));
    return verdict;
}

}  // namespace sallyport::policy
