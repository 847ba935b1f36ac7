#include "signaling/io/connection_limits.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::io {
namespace {

constexpr std::size_t max_sources = 65'536;  // remembered; beyond it only idle ones are forgotten first

constexpr Duration known_for = 1h;

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

IpAddress source_of(const IpAddress& address) {
    IpAddress source = address;
    if (source.family == Family::v6) std::fill(source.bytes.begin() + 8, source.bytes.end(), std::uint8_t{0});
    return source;
}

Admission ConnectionLimits::admit(const IpAddress& address, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const IpAddress source = source_of(address);
    const Duration since = now - last_sweep_;  // sweeping costs: seldom, and not at every refusal when it did not help
    if (since > 10s || (sources_.size() >= max_sources && since > 100ms)) forget_idle(now);
    if (!has_room_for(source) || sources_.size() >= max_sources) return Admission::too_many;
    const auto [found, fresh] = sources_.try_emplace(source);
    Source& s = found->second;
    if (fresh) {
        s.tokens = quota_.rate_per_source;
    } else {
        s.tokens = std::min(quota_.rate_per_source, s.tokens + seconds(now - s.last) * quota_.rate_per_source);
    }
    s.last = now;
    if (s.open >= quota_.per_source) return Admission::too_many_of_source;
    if (s.tokens < 1) return Admission::too_fast;
    s.tokens -= 1;
    ++s.open;
    ++open_;
    return Admission::granted;
}

void ConnectionLimits::release(const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(source_of(address));
    SALLYPORT_CHECK(found != sources_.end() && found->second.open > 0 && open_ > 0);
    --found->second.open;
    --open_;
}

void ConnectionLimits::vouch(const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(source_of(address));
    if (found != sources_.end()) found->second.known = true;
}

bool ConnectionLimits::is_known(const IpAddress& address) const {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(source_of(address));
    return found != sources_.end() && found->second.known;
}

bool ConnectionLimits::has_room_for(const IpAddress& source) const {
    if (open_ < quota_.total - quota_.total / 8) return true;
    if (open_ >= quota_.total) return false;
    const auto found = sources_.find(source);
    return found != sources_.end() && found->second.known;
}

std::size_t ConnectionLimits::open() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

// A source without connections whose bucket is full again is as good as new, unless somebody known was there.
void ConnectionLimits::forget_idle(TimePoint now) {
    last_sweep_ = now;
    std::erase_if(sources_, [&](const auto& entry) {
        const Source& source = entry.second;
        return source.open == 0 && now - source.last > (source.known ? known_for : Duration(1s));
    });
}

}  // namespace sallyport::io
