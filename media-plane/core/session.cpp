#include "media-plane/core/session.h"

#include <algorithm>

namespace sallyport::media {
namespace {

// A peer can only be expected to send once both ends are known to each other, and not while it is on hold.
bool should_send(const Leg& leg) {
    return !leg.disabled && leg.answered() && leg.peer_sends() && !leg.opposite->disabled && leg.opposite->answered() &&
           !leg.opposite->held && leg.opposite->peer_receives();
}

}  // namespace

void Session::settle(TimePoint now) {
    for (auto& stream : streams) {
        for (Leg& leg : stream->legs) leg.settle();
        stream->legs[0].settle_flows();
        for (Leg& leg : stream->legs) {
            if (!should_send(leg))
                leg.expected_since = TimePoint{};
            else if (leg.expected_since == TimePoint{})
                leg.expected_since = now;
        }
    }
}

bool Session::has_fallen_silent(Side s, TimePoint now) {
    const Duration inactivity = std::chrono::seconds{inactivity_seconds};
    if (inactivity == Duration::zero()) return false;
    TimePoint active{};  // the last sign of life, or the moment from which on one was due
    bool expected = false;
    for (const auto& stream : streams) {
        const Leg& leg = stream->leg(s);
        if (leg.expected_since == TimePoint{}) continue;
        expected = true;
        active = std::max({active, leg.expected_since, leg.flow->last});
        // Who receives a page says nothing for minutes, but then the other one speaks.
        if (leg.udptl) active = std::max(active, leg.opposite->flow->last);
    }
    SessionSide& state = side(s);
    if (active != state.active_at) state.inactivity_reported = false;
    state.active_at = active;
    if (!expected || state.inactivity_reported || now - active < inactivity) return false;
    state.inactivity_reported = true;
    return true;
}

std::uint32_t Session::first_expected(Side s) const {
    for (const auto& stream : streams)
        if (stream->leg(s).expected_since != TimePoint{}) return stream->leg(s).stream;
    return 0;
}

std::vector<LocalEndpoint> Session::local_endpoints() const {
    std::vector<LocalEndpoint> all;
    all.reserve(streams.size() * 2);
    for (const auto& stream : streams)
        for (const Leg& leg : stream->legs) {
            Endpoint rtcp = leg.local;
            ++rtcp.port;
            all.push_back({leg.stream, leg.side, leg.local, rtcp});
        }
    return all;
}

std::vector<LegKeyUse> Session::key_use() const {
    std::vector<LegKeyUse> all;
    for (const auto& stream : streams)
        for (const Leg& leg : stream->legs)
            if (leg.secure()) all.push_back({leg.stream, leg.side, leg.key_use()});
    return all;
}

std::vector<LegLatched> Session::latched() const {
    std::vector<LegLatched> all;
    for (const auto& stream : streams)
        for (const Leg& leg : stream->legs)
            if (auto latched = leg.latched()) all.push_back({leg.stream, leg.side, *latched});
    return all;
}

SessionStatistics Session::statistics(TimePoint now) const {
    SessionStatistics s{key, names.call(), names.trunk(), now - created, {}};
    s.legs.reserve(streams.size() * 2);
    for (const auto& stream : streams)
        for (const Leg& leg : stream->legs) s.legs.push_back(leg.statistics(now));
    return s;
}

}  // namespace sallyport::media
