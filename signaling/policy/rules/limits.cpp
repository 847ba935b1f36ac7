#include <algorithm>

#include "control/base/check.h"
#include "signaling/policy/bandwidth.h"
#include "signaling/policy/caller.h"
#include "signaling/policy/engine.h"
#include "signaling/policy/limit_levels.h"
#include "signaling/policy/rules/rule.h"
#include "signaling/sip/content.h"

namespace sallyport::policy {
namespace {

// The number of this node's whose call it is, and the trunk that has it. A call of a PBX is its caller's, one that a
// PBX sends on is the number's it came to, one to a PBX is the called number's, also where another trunk takes or has
// taken the overflow.
std::pair<const config::Trunk*, std::string> number_of(const CallFacts& facts, const Admitted& admitted) {
    const auto owner_of = [&](const std::string& number) {
        const auto* owner = facts.config.trunk_by_number(number);
        return owner != nullptr ? owner : facts.config.disabled_trunk_by_number(number);
    };
    if (admitted.direction == CallDirection::to_pbx) return {owner_of(admitted.called), admitted.called};
    if (admitted.direction == CallDirection::forwarded) {
        if (facts.been_at.empty()) return {};
        return {owner_of(facts.been_at.back()), facts.been_at.back()};
    }
    const auto found = facts.config.trunks.find(admitted.trunk);
    if (found == facts.config.trunks.end()) return {};
    const config::Trunk& trunk = found->second;
    return {&trunk, facts.invite == nullptr ? default_number(trunk) : own_caller(*facts.invite, trunk)};
}

// A call has one place in each gauge, also where both of its ends are counted there.
void add(Level level, std::vector<Level>& levels) {
    const auto there =
        std::find_if(levels.begin(), levels.end(), [&](const Level& l) { return l.gauge == level.gauge; });
    if (there == levels.end()) return levels.push_back(std::move(level));
    if (!level.pays || there->pays) return;
    there->pays = true;
    there->cost_per_day = level.cost_per_day;
}

void add_number(const config::Trunk* owner, const std::string& number, std::vector<Level>& levels) {
    if (owner == nullptr) return;
    const auto& limits = owner->number_limits;
    const auto found = std::find_if(limits.begin(), limits.end(),
                                    [&](const config::NumberLimit& limit) { return limit.numbers.contains(number); });
    if (found == limits.end()) return;
    if (found->concurrent_calls > 0)
        add({.gauge = number_gauge(owner->id, "range " + found->numbers.to_string()),
             .concurrent_calls = found->concurrent_calls},
            levels);
    if (found->concurrent_calls_each > 0)
        add({.gauge = number_gauge(owner->id, number), .concurrent_calls = found->concurrent_calls_each}, levels);
}

enum class Pays : std::uint8_t { yes, no };  // for what the call costs, of its budget

void add_trunk(const CallFacts& facts, const std::string& id, Turn turn, Pays pays, std::vector<Level>& levels) {
    static const config::Trunk nobody;
    const auto found = facts.config.trunks.find(id);
    const config::Trunk& trunk = found == facts.config.trunks.end() ? nobody : found->second;
    if (const auto* customer = facts.config.customer_of(trunk)) {
        const auto& l = customer->limits;
        add({customer_gauge(customer->id), l.concurrent_calls, l.calls_per_second, l.burst, l.bandwidth_kbps, 0, turn},
            levels);
    }
    const auto& l = trunk.limits;
    const double cost_per_day = pays == Pays::yes ? l.cost_per_day : 0;
    add({trunk_gauge(id), l.concurrent_calls, l.calls_per_second, l.burst, l.bandwidth_kbps, cost_per_day, turn,
         pays == Pays::yes},
        levels);
}

// Of the trunk at the beginning of a call between PBXs, which has had its turn once the call is under way.
void add_caller(const CallFacts& facts, const Admitted& admitted, std::vector<Level>& levels) {
    const auto found = facts.config.trunks.find(admitted.caller_trunk);
    if (found == facts.config.trunks.end()) return;
    const config::Trunk& trunk = found->second;
    add_trunk(facts, trunk.id, facts.holding == nullptr ? Turn::needed : Turn::had, Pays::no, levels);
    add_number(&trunk, facts.invite == nullptr ? default_number(trunk) : own_caller(*facts.invite, trunk), levels);
}

}  // namespace

std::vector<Level> limit_levels(const CallFacts& facts, const Admitted& admitted) {
    std::vector<Level> levels;
    add_caller(facts, admitted, levels);
    // What its PBX sends on has had its turn when it came to that PBX.
    const bool sent_on = admitted.direction != CallDirection::from_pbx && facts.party.kind == PartyKind::trunk &&
                         facts.party.id == admitted.trunk && admitted.trunk != admitted.caller_trunk;
    add_trunk(facts, admitted.trunk, sent_on ? Turn::had : Turn::needed, Pays::yes, levels);
    const auto [owner, number] = number_of(facts, admitted);
    add_number(owner, number, levels);
    return levels;
}

std::string limit_name(std::string_view gauge) {
    const auto slash = gauge.find('/');
    const auto rest = gauge.substr(slash + 1);
    if (is_trunk_gauge(gauge)) return "trunk " + std::string(rest);
    if (!is_number_gauge(gauge)) return "customer " + std::string(rest);
    const auto numbers = rest.substr(rest.find('/') + 1);
    constexpr std::string_view range = "range ";
    return numbers.starts_with(range) ? "numbers " + std::string(numbers.substr(range.size()))
                                      : "number " + std::string(numbers);
}

namespace rules {
namespace {

// Towards the PBX a limit is 503, as SIPconnect lets it be: it means this server and this trunk. Towards the core 503
// would take the whole node out of the carrier's hunt group for one trunk's sake, so there a full trunk is busy (486)
// and a too fast one temporarily unavailable (480). Retry-After only where waiting helps. The same for a customer and
// for a number: whoever calls cannot tell which of them it is.
Reject refusal(Admission admission, bool pbx_calls) {
    constexpr std::uint16_t user_busy = 17, call_rejected = 21, no_circuit = 34, congestion = 42;
    if (admission == Admission::too_many_calls || admission == Admission::too_much_bandwidth) {
        const auto why = admission == Admission::too_many_calls ? Refusal::too_many_calls : Refusal::too_much_bandwidth;
        return pbx_calls ? Reject{why, 503, no_circuit, false} : Reject{why, 486, user_busy, false};
    }
    // 603: a PBX that tries its next SP-SSE on 503 would have a budget at each.
    if (admission == Admission::over_budget) return {Refusal::over_budget, 603, call_rejected, false};
    return pbx_calls ? Reject{Refusal::too_fast, 503, congestion, true}
                     : Reject{Refusal::too_fast, 480, congestion, false};
}

// What a description takes on the leg that takes more of it: a call between PBXs has one with each.
std::uint32_t kbps_between(const config::Snapshot& config, std::string_view description, const Admitted& call) {
    std::uint32_t most = 0;
    for (const auto& id : {call.trunk, call.caller_trunk})
        if (const auto trunk = config.trunks.find(id); trunk != config.trunks.end())
            most = std::max(most, offered_kbps(description, trunk->second));
    return most;
}

// Only where somebody limits it: reading a description costs. 0: nobody does, and so it is never asked again.
std::uint32_t measured_kbps(const CallFacts& facts, const Admitted& admitted, const std::vector<Level>& levels) {
    const bool limited =
        std::any_of(levels.begin(), levels.end(), [](const Level& level) { return level.bandwidth_kbps > 0; });
    if (!limited || facts.invite == nullptr) return 0;
    return std::max(1u, kbps_between(facts.config, sip::session_description(*facts.invite), admitted));
}

// Whether it is the limit of a PBX that calls. In a call between PBXs the called one's is that of a callee: busy.
bool is_callers(const Level& level, const CallFacts& facts, const Admitted& admitted) {
    if (admitted.caller_trunk.empty()) return admitted.direction == CallDirection::from_pbx;
    std::vector<Level> own;
    add_caller(facts, admitted, own);
    return std::any_of(own.begin(), own.end(), [&](const Level& l) { return l.gauge == level.gauge; });
}

std::uint32_t bandwidth_of(const config::Snapshot& config, std::string_view gauge) {
    const std::string_view id = gauge.substr(gauge.find('/') + 1);
    if (is_number_gauge(gauge)) return 0;
    if (is_trunk_gauge(gauge)) {
        const auto trunk = config.trunks.find(id);
        return trunk == config.trunks.end() ? 0 : trunk->second.limits.bandwidth_kbps;
    }
    const auto customer = config.customers.find(id);
    return customer == config.customers.end() ? 0 : customer->second.limits.bandwidth_kbps;
}

std::string room_text(const std::vector<Level>& levels, const Holding& call) {
    std::string text;
    for (const auto& level : levels)
        if (level.concurrent_calls > 0 || level.bandwidth_kbps > 0)
            text += (text.empty() ? ": " : ", ") + limit_name(level.gauge);
    if (call.kbps > 0) text += ", " + std::to_string(call.kbps) + " kbit/s";
    return "within the limits" + text;
}

std::string refusal_text(Admission admission, const Level& level, const Holding& call) {
    const std::string name = limit_name(level.gauge);
    switch (admission) {
        case Admission::admitted: break;
        case Admission::too_many_calls:
            return name + " has all its " + std::to_string(level.concurrent_calls) + " calls";
        case Admission::too_much_bandwidth:
            return name + " has no " + std::to_string(call.kbps) + " of its " + std::to_string(level.bandwidth_kbps) +
                   " kbit/s left";
        case Admission::too_fast: return name + " calls faster than it may";
        case Admission::over_budget: return name + " has spent what its calls may cost within a day";
    }
    SALLYPORT_CHECK(false);
}

}  // namespace

Outcome limits(const CallFacts& facts, Admitted& admitted, CallGauges& gauges) {
    const auto levels = limit_levels(facts, admitted);
    Holding call{{}, measured_kbps(facts, admitted, levels), admitted.price_per_minute};
    admitted.media_kbps = call.kbps;
    if (admitted.emergency) {  // SIPconnect 13; counted all the same
        for (const auto& level : levels) call.gauges.push_back(level.gauge);
        gauges.hold(call);
        admitted.holding = std::move(call);
        return {{}, "no limit holds for an emergency"};
    }
    const auto answer = gauges.admit(levels, call, facts.now, facts.holding);
    if (answer.admission != Admission::admitted)
        return {refusal(answer.admission, is_callers(levels[answer.level], facts, admitted)),
                refusal_text(answer.admission, levels[answer.level], call)};
    std::string text = room_text(levels, call);
    admitted.holding = std::move(call);
    return {{}, std::move(text)};
}

}  // namespace rules

namespace {

bool contains(const std::vector<std::string>& gauges, std::string_view gauge) {
    return std::find(gauges.begin(), gauges.end(), gauge) != gauges.end();
}

std::vector<std::string> gauges_of(const std::vector<Level>& levels) {
    std::vector<std::string> out;
    for (const auto& level : levels) out.push_back(level.gauge);
    return out;
}

// What a call goes on holding when a PBX leaves it: the place of the other one, and that of the number that was called.
// `call`: whose it is then.
std::vector<std::string> kept_gauges(const CallFacts& facts, const TakenPlace& place, const Admitted& call) {
    std::vector<std::string> others;
    if (!place.stays.empty()) {
        const Admitted other{.direction = CallDirection::to_pbx, .trunk = place.stays, .called = call.called};
        others = gauges_of(limit_levels(facts, other));
    }
    const auto customer_of = [&](const std::string& id) {
        const auto trunk = facts.config.trunks.find(id);
        const auto* customer = trunk == facts.config.trunks.end() ? nullptr : facts.config.customer_of(trunk->second);
        return customer == nullptr ? std::string() : customer_gauge(customer->id);
    };
    for (const auto& trunk : {call.trunk, call.caller_trunk}) {  // who sent the call on pays for it still
        others.push_back(trunk_gauge(trunk));
        others.push_back(customer_of(trunk));
    }
    const std::string numbers = number_gauge(place.leaves, {}), customer = customer_of(place.leaves);
    std::vector<std::string> out;
    for (const auto& gauge : call.holding.gauges) {
        const bool leavers =
            gauge == trunk_gauge(place.leaves) || gauge == customer || (place.callers && gauge.starts_with(numbers));
        if (!leavers || contains(others, gauge)) out.push_back(gauge);
    }
    return out;
}

// Where the newcomer has no place by what the call holds.
std::vector<Level> new_levels(std::vector<Level> newcomers, const Holding& before) {
    std::erase_if(newcomers, [&](const Level& level) { return contains(before.gauges, level.gauge); });
    for (auto& level : newcomers) level.turn = Turn::needed;
    return newcomers;
}

std::vector<Level> bandwidth_levels(const config::Snapshot& config, const std::vector<std::string>& gauges) {
    std::vector<Level> out;
    for (const auto& gauge : gauges)
        out.push_back({.gauge = gauge, .bandwidth_kbps = rules::bandwidth_of(config, gauge)});
    return out;
}

// No more than a call ever begins with: what has another name or customer since is held beside what it is today. What
// it has held longest goes first, but for its trunks.
void let_go(std::vector<std::string>& gauges) {
    for (auto at = gauges.begin(); gauges.size() > Holding::most_gauges && at != gauges.end();)
        at = is_trunk_gauge(*at) ? at + 1 : gauges.erase(at);
}

Takeover refused(Admission admission, const Level& level, const Holding& asked, Admitted call) {
    Takeover out;
    out.verdict.reject = rules::refusal(admission, true);
    out.verdict.trace.push_back({"limits", rules::refusal_text(admission, level, asked)});
    out.verdict.admitted = std::move(call);
    return out;
}

}  // namespace

// Where the call has a place by now nothing is asked but for the kbit/s that are more than before: it has been let in
// there, and what it has cost stays.
Takeover decide_takeover(const CallFacts& facts, const TakenPlace& place, Admitted call, CallGauges& gauges) {
    Takeover out;
    const Holding before = call.holding;
    const Admitted newcomer{.direction = place.callers ? CallDirection::from_pbx : CallDirection::to_pbx,
                            .trunk = facts.party.id,
                            .called = call.called};
    if (place.callers && call.caller_trunk == place.leaves)
        call.caller_trunk = facts.party.id;
    else if (call.trunk == place.leaves)
        call.trunk = facts.party.id;
    auto newcomers = limit_levels(facts, newcomer);
    // The number that was called has its place, under whatever name.
    if (!place.callers) std::erase_if(newcomers, [](const Level& level) { return is_number_gauge(level.gauge); });
    for (auto& level : newcomers) level.pays = level.gauge == trunk_gauge(call.trunk);
    out.after = {kept_gauges(facts, place, call), 0, before.price_per_minute};
    for (const auto& level : newcomers)
        if (!contains(out.after.gauges, level.gauge)) out.after.gauges.push_back(level.gauge);
    let_go(out.after.gauges);
    if (before.price_per_minute > 0) out.after.payers = {trunk_gauge(call.trunk)};
    const auto asked =
        before.kbps > 0 ? std::max(1u, rules::kbps_between(facts.config, sip::session_description(*facts.invite), call))
                        : rules::measured_kbps(facts, call, newcomers);
    const Holding held{before.gauges, before.kbps, 0};
    Holding more{before.gauges, std::max(before.kbps, asked), 0};
    Holding fresh{{}, more.kbps, before.price_per_minute};
    const auto levels = new_levels(newcomers, before);
    std::string text = "no limit holds for an emergency";
    if (call.emergency) {
        fresh.gauges = gauges_of(levels);
        gauges.hold(fresh);
        gauges.exchange(more, held);
    } else {
        if (const auto answer = gauges.admit(levels, fresh, facts.now); answer.admission != Admission::admitted)
            return refused(answer.admission, levels[answer.level], fresh, std::move(call));
        const auto grown = bandwidth_levels(facts.config, before.gauges);
        if (more.kbps > held.kbps)
            if (const auto answer = gauges.admit(grown, more, facts.now, &held);
                answer.admission != Admission::admitted) {
                gauges.release(fresh);
                return refused(answer.admission, grown[answer.level], Holding{{}, fresh.kbps}, std::move(call));
            }
        text = rules::room_text(levels, fresh);
    }
    call.holding = {before.gauges, fresh.kbps, before.price_per_minute, before.payers};
    call.holding.gauges.insert(call.holding.gauges.end(), fresh.gauges.begin(), fresh.gauges.end());
    call.holding.payers.insert(call.holding.payers.end(), fresh.payers.begin(), fresh.payers.end());
    out.verdict.trace.push_back({"limits", std::move(text)});
    out.verdict.admitted = std::move(call);
    return out;
}

void hold_offer(const config::Snapshot& config, std::string_view description, Admitted& call, CallGauges& gauges) {
    const auto kbps = rules::kbps_between(config, description, call);
    if (call.holding.kbps == 0 || kbps <= call.holding.kbps) return;
    gauges.exchange({call.holding.gauges, kbps, 0}, {call.holding.gauges, call.holding.kbps, 0});
    call.holding.kbps = kbps;
}

std::optional<std::string> decide_offer(const config::Snapshot& config, std::string_view description, TimePoint now,
                                        Admitted& call, CallGauges& gauges) {
    if (call.holding.kbps == 0) return std::nullopt;
    const auto kbps = rules::kbps_between(config, description, call);
    if (kbps <= call.holding.kbps) return std::nullopt;
    // Its budget has nothing to do with it: what it pays for is kept as it is.
    Holding before{call.holding.gauges, call.holding.kbps, 0}, next{call.holding.gauges, kbps, 0};
    if (call.emergency) {
        gauges.exchange(next, before);
    } else {
        std::vector<Level> levels;
        for (const auto& gauge : before.gauges)
            levels.push_back({.gauge = gauge, .bandwidth_kbps = rules::bandwidth_of(config, gauge)});
        const auto answer = gauges.admit(levels, next, now, &before);
        if (answer.admission != Admission::admitted)
            return rules::refusal_text(answer.admission, levels[answer.level], next);
    }
    call.holding.kbps = kbps;
    return std::nullopt;
}

}  // namespace sallyport::policy
