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
        case Refusal::outside_hours: return "outside-hours";
        case Refusal::customer_disabled: return "customer-disabled";
        case Refusal::too_many_calls: return "too-many-calls";
        case Refusal::too_much_bandwidth: return "too-much-bandwidth";
        case Refusal::too_fast: return "too-fast";
        case Refusal::over_budget: return "over-budget";
        case Refusal::emergency_forward: return "emergency-forward";
        case Refusal::forward_loop: return "forward-loop";
    }
    SALLYPORT_CHECK(false);
}

std::string_view to_string(CallDirection direction) {
    switch (direction) {
        case CallDirection::from_pbx: return "from-pbx";
        case CallDirection::to_pbx: return "to-pbx";
        case CallDirection::forwarded: return "forwarded";
    }
    SALLYPORT_CHECK(false);
}

namespace {

// Runs one rule after the other, and remembers what each has said.
class Trial {
public:
    bool pass(std::string_view rule, rules::Outcome outcome) {
        verdict_.trace.push_back({rule, std::move(outcome.text)});
        verdict_.reject = outcome.reject;
        return !verdict_.reject;
    }
    Admitted& admitted() { return verdict_.admitted; }
    Verdict take() { return std::move(verdict_); }

private:
    Verdict verdict_;
};

}  // namespace

// The order is the policy: who may call comes before whether there is room, so that a refused stranger learns nothing
// of this node's load; the limits come last, because only they take something that must be given back.
Verdict decide(const CallFacts& facts, CallGauges& gauges) {
    Trial trial;
    Admitted& admitted = trial.admitted();
    if (trial.pass("party", rules::party(facts, admitted)) &&
        trial.pass("emergency", rules::emergency(facts, admitted)) &&  // before all judging
        trial.pass("standing", rules::standing(facts, admitted)) &&
        trial.pass("called number", rules::called_number(facts, admitted)) &&
        trial.pass("loop", rules::loop(facts, admitted)) && trial.pass("caller", rules::caller(facts, admitted)) &&
        trial.pass("permission", rules::permission(facts, admitted)) &&
        trial.pass("on net", rules::on_net(facts, admitted)) &&
        trial.pass("destination", rules::destination(facts, admitted)) &&
        trial.pass("customer", rules::customer(facts, admitted)) &&
        trial.pass("availability", rules::availability(facts, admitted)))
        trial.pass("limits", rules::limits(facts, admitted, gauges));
    return trial.take();
}

Verdict decide_standing(const CallFacts& facts) {
    Trial trial;
    if (trial.pass("party", rules::party(facts, trial.admitted())) &&
        trial.pass("standing", rules::standing(facts, trial.admitted())))
        trial.pass("customer", rules::customer(facts, trial.admitted()));
    return trial.take();
}

Verdict decide_forward(const CallFacts& facts, CallGauges& gauges) {
    Trial trial;
    Admitted& admitted = trial.admitted();
    admitted.trunk = facts.party.id;  // reads the number, and pays
    admitted.caller_trunk = facts.caller_trunk;
    if (trial.pass("emergency", rules::emergency(facts, admitted)) &&
        trial.pass("called number", rules::called_number(facts, admitted)) &&
        trial.pass("forward", rules::forward(facts, admitted)) &&
        trial.pass("permission", rules::permission(facts, admitted)) &&
        trial.pass("destination", rules::destination(facts, admitted)) &&
        trial.pass("customer", rules::customer(facts, admitted)))
        trial.pass("limits", rules::limits(facts, admitted, gauges));
    return trial.take();
}

Verdict decide_overflow(const CallFacts& facts, Admitted call, const std::string& trunk, CallGauges& gauges) {
    Trial trial;
    Admitted& admitted = trial.admitted();
    admitted = std::move(call);
    admitted.trunk = trunk;
    admitted.holding = {};
    if (trial.pass("customer", rules::customer(facts, admitted)))
        trial.pass("limits", rules::limits(facts, admitted, gauges));
    return trial.take();
}

}  // namespace sallyport::policy
