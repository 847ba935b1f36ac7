#include "media-plane/rpc/session_top.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace sallyport::media::rpc {
namespace {

template <class F>
double worst(const SessionStatistics& session, F&& of) {
    double most = std::numeric_limits<double>::lowest();
    for (const auto& leg : session.legs) most = std::max(most, of(leg));
    return most;
}
template <class F>
double sum(const SessionStatistics& session, F&& of) {
    return std::accumulate(session.legs.begin(), session.legs.end(), 0.0,
                           [&](double total, const LegStatistics& leg) { return total + of(leg); });
}
double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

// Greater is earlier. Who cannot be judged comes last.
double weight(const SessionStatistics& session, TopBy by) {
    constexpr double unknown_mos = 5;
    switch (by) {
        case TopBy::mos:
            return worst(session, [](const LegStatistics& leg) {
                const double mos = leg.recent_mos > 0 ? leg.recent_mos : leg.mos;
                return -(mos > 0 ? mos : unknown_mos);
            });
        case TopBy::loss: return worst(session, [](const LegStatistics& leg) { return leg.recent_loss; });
        case TopBy::jitter: return worst(session, [](const LegStatistics& leg) { return leg.jitter_seconds; });
        case TopBy::rtt:
            return worst(session,
                         [](const LegStatistics& leg) { return seconds(leg.round_trip.value_or(Duration{})); });
        case TopBy::packets: return sum(session, [](const LegStatistics& leg) { return leg.packets_per_second; });
        case TopBy::drops: return sum(session, [](const LegStatistics& leg) { return leg.drops_per_second; });
        case TopBy::silence:
            return worst(session, [](const LegStatistics& leg) {
                constexpr double day = 86'400;
                return seconds(leg.one_way) * day + seconds(leg.silent);
            });
    }
    return 0;
}

// A stream of which one side is silent while the other one is not.
bool is_one_way(const SessionStatistics& session) {
    const auto silent =
        std::count_if(session.legs.begin(), session.legs.end(), [](const LegStatistics& leg) { return leg.is_silent; });
    return silent > 0 && std::any_of(session.legs.begin(), session.legs.end(), [](const LegStatistics& leg) {
               return !leg.is_silent && leg.packets_per_second > 0;
           });
}

}  // namespace

void SessionTop::show(const SessionStatistics& session) {
    if (!trunk_.empty() && session.trunk != trunk_) return;
    result_.silent_legs += static_cast<std::uint64_t>(std::count_if(
        session.legs.begin(), session.legs.end(), [](const LegStatistics& leg) { return leg.is_silent; }));
    if (is_one_way(session)) ++result_.one_way_sessions;
    result_.packets_per_second += sum(session, [](const LegStatistics& leg) { return leg.packets_per_second; });
    const auto before = [](const Entry& a, const Entry& b) { return a.before(b); };
    Entry entry{weight(session, by_), result_.total++, {}};
    if (kept_.size() >= limit_) {
        if (!entry.before(kept_.front())) return;
        std::pop_heap(kept_.begin(), kept_.end(), before);
        kept_.pop_back();
    }
    entry.session = session;
    kept_.push_back(std::move(entry));
    std::push_heap(kept_.begin(), kept_.end(), before);
}

SessionTop::Result SessionTop::take() {
    std::sort(kept_.begin(), kept_.end(), [](const Entry& a, const Entry& b) { return a.before(b); });
    for (auto& entry : kept_) result_.sessions.push_back(std::move(entry.session));
    kept_.clear();
    return std::move(result_);
}

}  // namespace sallyport::media::rpc
