#include "signaling/registrar/nonce_counts.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace sallyport::registrar {
namespace {

constexpr std::uint32_t window_bits = 64;  // how far requests may overtake one another

}  // namespace

NonceCounts::NonceCounts(std::size_t max_nonces, std::size_t stripes)
    : stripe_count_(std::max<std::size_t>(1, stripes)),
      most_in_stripe_(std::max<std::size_t>(1, max_nonces / stripe_count_)),
      stripes_(std::make_unique<Stripe[]>(stripe_count_)) {}

// A nonce that is none of ours has a stamp as well, one that is worth nothing.
NonceCounts::Stamp NonceCounts::stamp_of(std::string_view nonce) {
    const auto number = [&](std::size_t at) {
        const auto digits = nonce.substr(std::min(at, nonce.size()), 16);
        std::uint64_t value = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        return value;
    };
    return {number(0), number(16)};
}

// One that has expired is not taken for new either, by a shard whose clock was read a little before.
void NonceCounts::drop_oldest(Stripe& s) {
    s.forgotten = s.ages.front().stamp;
    s.windows.erase(s.ages.front().stamp);
    s.ages.pop_front();
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
    while (!s.ages.empty() && s.ages.front().expires <= now) drop_oldest(s);
    if (stamp <= s.forgotten) return false;
    if (const auto found = s.windows.find(stamp); found != s.windows.end()) return found->second.use(count);
    if (s.ages.size() >= most_in_stripe_) {
        drop_oldest(s);
        if (stamp <= s.forgotten) return false;
    }
    s.windows.emplace(stamp, Window{count, 1});
    auto place = s.ages.end();  // most are the latest
    while (place != s.ages.begin() && std::prev(place)->stamp > stamp) --place;
    s.ages.insert(place, {stamp, expires});
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
