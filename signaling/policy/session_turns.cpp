#include "signaling/policy/session_turns.h"

#include <utility>

namespace sallyport::policy {

std::size_t SessionTurns::come(std::string place, std::uint32_t hops_left, TimePoint now) {
    Stripe& s = stripes_[std::hash<std::string>{}(place) % stripe_count];
    const std::lock_guard lock(s.mutex);
    while (!s.ages.empty() && (now - s.ages.front().first > remembered || s.ages.size() >= most / stripe_count)) {
        s.turns.erase(s.ages.front().second);
        s.ages.pop_front();
    }
    const auto [found, fresh] = s.turns.try_emplace(place, Turns{hops_left, 0});
    if (fresh) {
        s.ages.emplace_back(now, std::move(place));
        return 0;
    }
    Turns& turns = found->second;
    if (hops_left >= turns.least_hops) return 0;
    turns.least_hops = hops_left;
    return ++turns.count;
}

std::size_t SessionTurns::size() const {
    std::size_t all = 0;
    for (const Stripe& s : stripes_) {
        const std::lock_guard lock(s.mutex);
        all += s.turns.size();
    }
    return all;
}

}  // namespace sallyport::policy
