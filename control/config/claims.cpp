#include "control/config/claims.h"

#include <algorithm>

namespace sallyport::config {

const Claim* KeyClaims::add(const std::string& key, Claim claim) {
    const auto [entry, fresh] = claims_.try_emplace(key, claim);
    return fresh || entry->second.resource == claim.resource ? nullptr : &entry->second;
}

const Claim* KeyClaims::find(const std::string& key) const {
    const auto entry = claims_.find(key);
    return entry == claims_.end() ? nullptr : &entry->second;
}

std::vector<IntervalClaims::Meeting> IntervalClaims::settle() {
    std::stable_sort(intervals_.begin(), intervals_.end(),
                     [](const Interval& a, const Interval& b) { return a.first < b.first; });
    reach_.clear();
    std::vector<Meeting> meetings;
    const Interval* farthest = nullptr;
    for (const auto& interval : intervals_) {
        if (farthest != nullptr && interval.first <= farthest->last) meetings.push_back({farthest, &interval});
        if (farthest == nullptr || interval.last > farthest->last) farthest = &interval;
        reach_.push_back(farthest->last);
    }
    return meetings;
}

std::vector<const IntervalClaims::Interval*> IntervalClaims::meeting(std::string_view first,
                                                                     std::string_view last) const {
    std::vector<const Interval*> found;
    const auto behind = std::upper_bound(intervals_.begin(), intervals_.end(), last,
                                         [](std::string_view value, const Interval& i) { return value < i.first; });
    for (auto i = static_cast<std::size_t>(behind - intervals_.begin()); i > 0 && reach_[i - 1] >= first; --i)
        if (intervals_[i - 1].last >= first) found.push_back(&intervals_[i - 1]);
    return found;
}

}  // namespace sallyport::config
