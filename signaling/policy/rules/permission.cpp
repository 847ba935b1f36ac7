#include "signaling/policy/rules/rule.h"

namespace sallyport::policy::rules {
namespace {

constexpr std::uint16_t call_rejected = 21;

// 603 for each of them: a PBX that tries its next SP-SSE on 503 would call there.
Outcome refused(Refusal why, const Admitted& admitted, std::string_view text) {
    return {Reject{why, 603, call_rejected, false},
            "trunk " + admitted.trunk + " may not call " + admitted.called + std::string(text)};
}

std::string clock_text(const config::TimeZone& zone, const config::TimeZone::Instant& local) {
    const auto two = [](int value) { return std::string(value < 10 ? "0" : "") + std::to_string(value); };
    return std::string(config::weekday_name(local.weekday)) + ' ' + two(local.minute / 60) + ':' +
           two(local.minute % 60) + " in " + zone.name;
}

}  // namespace

// Whom this trunk may call, and when, so that a stolen secret earns nobody anything (SIPconnect 16.6.1).
Outcome permission(const CallFacts& facts, Admitted& admitted) {
    if (admitted.direction == CallDirection::to_pbx) return {{}, "to a number of this node"};
    if (admitted.emergency) return {{}, "help may be called always"};
    const auto found = facts.config.trunks.find(admitted.trunk);
    if (found == facts.config.trunks.end()) return {{}, "nobody's"};
    const config::Trunk& trunk = found->second;
    if (trunk.limits.bars(admitted.called)) return refused(Refusal::barred_destination, admitted, "");
    const auto& destinations = trunk.destinations;
    if (!destinations.allows(admitted.called))
        return refused(Refusal::barred_destination, admitted, ": it begins with no allowed prefix");
    const auto* hours = destinations.hours_of(admitted.called);
    if (hours == nullptr) return {{}, "may be called at any time"};
    const std::string now = destinations.zone
                                ? clock_text(*destinations.zone, destinations.zone->instant_at(unix_seconds(facts.now)))
                                : "a time that nobody knows in " + destinations.time_zone;
    if (destinations.is_open(*hours, unix_seconds(facts.now))) return {{}, "may be called now, on " + now};
    return refused(Refusal::outside_hours, admitted, " now, on " + now);
}

}  // namespace sallyport::policy::rules
