// What policy says about a call attempt: one verdict, with the trace of the rules that led to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/policy/holding.h"
#include "signaling/policy/location_use.h"

namespace sallyport::policy {

enum class Refusal : std::uint8_t {
    draining,
    full,
    media_away,
    trunk_disabled,
    transport_not_allowed,
    not_registered,
    not_a_number,
    foreign_domain,
    privacy_not_possible,
    caller_not_allowed,
    unknown_number,
    no_route,
    barred_destination,
    outside_hours,
    customer_disabled,
    too_many_calls,
    too_much_bandwidth,
    too_fast,
    over_budget,
    emergency_forward,  // a callee has sent the call there
    forward_loop,       // the call has been there
};
std::string_view to_string(Refusal refusal);

// What a carrier's fraud desk wants to hear of (SIPconnect 16.6.1).
inline bool is_about_fraud(Refusal refusal) {
    return refusal == Refusal::barred_destination || refusal == Refusal::outside_hours ||
           refusal == Refusal::over_budget;
}

struct Reject {
    Refusal why = Refusal::full;
    std::uint16_t status = 503;
    std::uint16_t q850 = 0;
    bool retry_after = false;  // with a random number of seconds, so that peers do not come back together
};

enum class CallDirection : std::uint8_t {
    from_pbx,
    to_pbx,
    forwarded,  // to a PBX that has sent it elsewhere: from the core, and to the core again
};
std::string_view to_string(CallDirection direction);

struct Admitted {
    CallDirection direction = CallDirection::from_pbx;
    std::string trunk;  // whose call it is: its limits, its bill
    // Of a call from one PBX of this node straight to another: the trunk that calls, which holds a place of its own and
    // is billed beside `trunk`, the called one.
    std::string caller_trunk = {};
    std::string called;  // E.164, "+" included; an emergency number as it was dialled
    bool emergency = false;
    std::string route;                        // unless it goes to a PBX
    double price_per_minute = 0;              // the route's
    std::vector<std::string> carriers;        // to be tried in order; to_pbx: the one it came from
    LocationUse location = LocationUse::off;  // of an emergency, where its route goes by it
    std::string area = {};                    // whose answering points come first
    std::uint32_t media_kbps = 0;             // that its offer takes, let in or not; 0: nobody limits it
    Holding holding;                          // what it has been given of the limits; empty: it was not admitted
};

// As records have what became of its location: "no-area", "area:munich"; empty: nobody was to look at one.
inline std::string location_name(const Admitted& call) {
    if (call.location == LocationUse::off) return {};
    return std::string(to_string(call.location)) + (call.area.empty() ? "" : ":" + call.area);
}

// As records and explanations have it: "on-net" for a call between two PBXs of this node.
inline std::string_view direction_name(const Admitted& call) {
    const bool on_net = call.direction == CallDirection::to_pbx && !call.caller_trunk.empty();
    return on_net ? std::string_view("on-net") : to_string(call.direction);
}

struct TraceLine {
    std::string_view rule;
    std::string text;
};

struct Verdict {
    std::optional<Reject> reject;
    Admitted admitted;  // filled as far as the rules came; it holds a place in its gauges when not rejected
    std::vector<TraceLine> trace;
};

// What one call has been told, one verdict after the other, as it went from place to place.
struct Decisions {
    std::optional<Verdict> verdict;    // whose call it is in the end, with the trace of all
    std::vector<std::string> been_at;  // E.164, before
    void add(const Verdict& next) {
        if (!verdict) {
            verdict = next;
            return;
        }
        verdict->trace.insert(verdict->trace.end(), next.trace.begin(), next.trace.end());
        if (next.reject) return;
        if (next.admitted.called != verdict->admitted.called) been_at.push_back(verdict->admitted.called);
        verdict->admitted = next.admitted;
    }
};

}  // namespace sallyport::policy
