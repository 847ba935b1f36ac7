#include "signaling/policy/refusal_limit.h"

#include <algorithm>

namespace sallyport::policy {
namespace {

constexpr Duration spacing = Duration(1s) / RefusalLimit::per_second;
constexpr Duration burst = Duration(1s) - spacing;

}  // namespace

bool RefusalLimit::try_take(std::string_view party, TimePoint now) {
    auto found = next_.find(party);
    if (found == next_.end()) found = next_.emplace(std::string(party), now).first;
    TimePoint& next = found->second;
    if (next > now + burst) return false;
    next = std::max(next, now) + spacing;
    return true;
}

void RefusalLimit::forget_idle(TimePoint now) {
    std::erase_if(next_, [&](const auto& entry) { return entry.second <= now; });
}

}  // namespace sallyport::policy
