#include "signaling/registrar/nonce_counts.h"

#include <algorithm>
#include <functional>

namespace sallyport::registrar {
namespace {

constexpr std::uint32_t window_bits = 64;  // how far requests may overtake one another

}  // namespace

NonceCounts::NonceCounts(std::size_t max_nonces, std::size_t stripes)
    : stripe_count_(std::max<std::size_t>(1, stripes)),
      most_in_stripe_(std::max<std::size_t>(1, max_nonces / stripe_count_)),
      stripes_(std::make_unique<Stripe[]>(stripe_count_)) {}

NonceCounts::Stamp NonceCounts::stamp_of(std::string_view nonce) {
    Stamp stamp{};
    std::copy_n(nonce.begin(), std::min(nonce.size(), stamp.size()), stamp.begin());
    return stamp;
}

NonceCounts::Stripe& NonceCounts::stripe(const Stamp& stamp) const {
    return stripes_[std::hash<std::string_view>{}({stamp.data(), stamp.size()}) % stripe_count_];
}

bool NonceCounts::is_forgotten(std::string_view nonce) const {
    const Stamp stamp = stamp_of(nonce);
    const Stripe& s = stripe(stamp);
    const std::lock_guard lock(s.mutex);
    return stamp <= s.forgotten;
}

bool NonceCounts::use(std::string_view nonce, std::uint32_t count, TimePoint expires, TimePoint now) {
    if (count == 0) return false;  // counting begins at one
    const Stamp stamp = stamp_of(nonce);
    Stripe& s = stripe(stamp);
    const std::lock_guard lock(s.mutex);
    auto& windows = s.windows;
    while (!windows.empty() && windows.begin()->second.expires <= now) windows.erase(windows.begin());
    if (stamp <= s.forgotten) return false;
    if (const auto found = windows.find(stamp); found != windows.end()) return found->second.use(count);
    if (windows.size() >= most_in_stripe_) {
        s.forgotten = windows.begin()->first;
        windows.erase(windows.begin());
        if (stamp <= s.forgotten) return false;
    }
    windows.emplace_hint(windows.end(), stamp, Window{count, 1, expires});  // most are the latest
    return true;
}

bool NonceCounts::Window::use(std::uint32_t count) {
    if (count > highest) {
        const std::uint32_t ahead = count - highest;
        seen = ahead >= window_bits ? 1 : seen << ahead | 1;
        highest = count;
        return true;
    }
    const std::uint32_t behind = highest - count;
    if (behind >= window_bits || (seen >> behind & 1) != 0) return false;
    seen |= 1ull << behind;
    return true;
}

}  // namespace sallyport::registrar
