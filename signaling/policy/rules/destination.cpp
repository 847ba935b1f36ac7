#include <algorithm>

#include "control/base/random.h"
#include "signaling/policy/area.h"
#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {
namespace {

constexpr std::uint16_t unallocated = 1, no_route = 3, subscriber_absent = 20, facility_rejected = 29;
constexpr std::string_view any_number;  // the number of the route with the prefix ""

// Nobody is registered whom a call could reach.
bool is_absent(const CallFacts& facts, const config::Trunk& trunk) {
    return trunk.mode == config::TrunkMode::registration && facts.locations.usable(trunk.id, facts.now).empty();
}

Outcome to_trunk(const CallFacts& facts, Admitted& admitted) {
    const auto* trunk = facts.config.trunk_by_number(admitted.called);
    if (trunk == nullptr) {
        const auto* disabled = facts.config.disabled_trunk_by_number(admitted.called);
        if (disabled == nullptr)
            return {Reject{Refusal::unknown_number, 404, unallocated, false}, "no trunk has " + admitted.called};
        admitted.trunk = disabled->id;
        return {Reject{Refusal::trunk_disabled, 480, facility_rejected, false},
                "trunk " + disabled->id + " is disabled"};
    }
    admitted.trunk = trunk->id;
    if (!is_absent(facts, *trunk)) return {{}, "trunk " + trunk->id};
    if (const auto* to = trunk->overflow.number_for(admitted.called))  // the call turns to it by itself
        return {{}, "trunk " + trunk->id + " is not registered: overflow to number " + *to};
    const auto overflow = facts.config.trunks.find(trunk->overflow.trunk);
    if (overflow != facts.config.trunks.end() && !overflow->second.disabled && !is_absent(facts, overflow->second)) {
        admitted.trunk = overflow->first;
        return {{}, "trunk " + trunk->id + " is not registered: overflow to trunk " + overflow->first};
    }
    return {Reject{Refusal::not_registered, 480, subscriber_absent, false},
            "trunk " + trunk->id + " is not registered"};
}

// By priority, and among equals drawn by weight, as RFC 2782 orders targets; a sum of 0 gives each the same share.
std::vector<std::string> in_order(std::vector<config::RouteChoice> choices, std::uint32_t draw) {
    std::stable_sort(choices.begin(), choices.end(),
                     [](const auto& a, const auto& b) { return a.priority < b.priority; });
    SeededRandom random(draw);
    std::vector<std::string> ids;
    while (!choices.empty()) {
        const auto end = std::find_if(choices.begin(), choices.end(),
                                      [&](const auto& c) { return c.priority != choices.front().priority; });
        std::uint32_t total = 0;
        std::for_each(choices.begin(), end, [&](const auto& c) { total += c.weight; });
        const auto equals = static_cast<std::uint32_t>(end - choices.begin());
        auto chosen = choices.begin();
        if (std::uint32_t drawn = random.below(total == 0 ? equals : total); total == 0)
            chosen += drawn;
        else
            while (drawn >= chosen->weight) drawn -= (chosen++)->weight;
        ids.push_back(std::move(chosen->carrier));
        choices.erase(chosen);
    }
    return ids;
}

// A service that is called by its name goes where the trunk's emergency number does.
std::string routed_as(const CallFacts& facts, const Admitted& admitted) {
    if (!admitted.called.starts_with("urn:")) return admitted.called;
    const auto trunk = facts.config.trunks.find(admitted.trunk);
    const auto& numbers = trunk->second.numbering.dial_plan.emergency_numbers;  // the first rule has seen it
    return numbers.empty() ? "112" : numbers.front();
}

// Of a route, or of an area of one.
std::vector<std::string> enabled_carriers(const CallFacts& facts, const auto& list) {
    auto ids = list.choices.empty() ? list.carriers : in_order(list.choices, facts.draw);
    std::erase_if(ids, [&](const std::string& id) {
        const auto carrier = facts.config.carriers.find(id);
        return carrier == facts.config.carriers.end() || carrier->second.disabled;
    });
    return ids;
}

// A call for help that asks to be routed by its place goes to the answering points there first (SIPconnect 13.1). What
// has become of its location, for the trace.
std::string take_carriers(const CallFacts& facts, const config::Route* route, Admitted& admitted) {
    admitted.carriers.clear();
    if (route == nullptr) return {};
    std::string text;
    if (admitted.emergency && route->use_location && facts.invite != nullptr) {
        const auto finding = find_area(*facts.invite, route->areas, facts.draw);
        admitted.location = finding.use;
        admitted.area = finding.area != nullptr ? finding.area->name : "";
        if (finding.area != nullptr) admitted.carriers = enabled_carriers(facts, *finding.area);
        text = ", " + finding.text;
    }
    for (auto& id : enabled_carriers(facts, *route))
        if (std::find(admitted.carriers.begin(), admitted.carriers.end(), id) == admitted.carriers.end())
            admitted.carriers.push_back(std::move(id));
    return text;
}

// A call for help goes where its number is routed; where that leads nowhere, where every other number goes.
Outcome to_carriers(const CallFacts& facts, Admitted& admitted) {
    const auto* route = facts.config.route_for(routed_as(facts, admitted));
    std::string location = take_carriers(facts, route, admitted);
    if (admitted.emergency && admitted.carriers.empty()) {
        route = facts.config.route_for(any_number);
        location = take_carriers(facts, route, admitted);
    }
    if (route == nullptr) return {Reject{Refusal::no_route, 404, no_route, false}, "no route for " + admitted.called};
    admitted.route = route->id;
    admitted.price_per_minute = admitted.emergency ? 0 : route->price_per_minute;
    if (admitted.carriers.empty())
        return {Reject{Refusal::no_route, 404, no_route, false}, "route " + route->id + " has no enabled carrier"};
    return {{}, "route " + route->id + location};
}

}  // namespace

Outcome destination(const CallFacts& facts, Admitted& admitted) {
    return admitted.direction == CallDirection::to_pbx ? to_trunk(facts, admitted) : to_carriers(facts, admitted);
}

}  // namespace sallyport::policy::rules
