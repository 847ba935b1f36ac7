#include "signaling/io/connection_limits.h"

#include <algorithm>
#include <utility>

#include "control/base/check.h"

namespace sallyport::io {
namespace {

constexpr std::size_t max_sources = 65'536;  // remembered; beyond it only idle ones are forgotten first

constexpr Duration known_for = 1h;
constexpr double least_trial_burst = 4;  // who fails the first time must not be refused for trying again

double seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

IpAddress source_of(const IpAddress& address) {
    IpAddress source = address;
    if (source.family == Family::v6) std::fill(source.bytes.begin() + 8, source.bytes.end(), std::uint8_t{0});
    return source;
}

Admission ConnectionLimits::admit(RealmIndex realm, const IpAddress& address, TimePoint now) {
    const std::lock_guard lock(mutex_);
    const IpAddress source = source_of(address);
    const Duration since = now - last_sweep_;  // sweeping costs: seldom, and not at every refusal when it did not help
    if (since > 10s || (sources_.size() >= max_sources && since > 100ms)) forget_idle(now);
    if (sources_.size() >= max_sources && !sources_.contains(source)) return Admission::too_many;
    const auto [found, fresh] = sources_.try_emplace(source);
    Source& s = found->second;
    const auto refill = [&](double tokens, double rate, double burst) {
        return fresh ? burst : std::min(burst, tokens + seconds(now - s.last) * rate);
    };
    const double trials = quota_.rate_per_source / 16;
    s.tokens = refill(s.tokens, quota_.rate_per_source, quota_.rate_per_source);
    s.trial_tokens = refill(s.trial_tokens, std::max(trials, 1.0), std::max(trials, least_trial_burst));
    s.last = now;
    const Admission verdict = judge(s, realm, address);
    if (verdict == Admission::granted) {
        s.tokens -= 1;
        ++s.open;
        ++open_;
        return verdict;
    }
    if (!may_try(s, realm, address)) return verdict;
    s.trial_tokens -= 1;
    ++s.on_trial;
    ++on_trial_;
    return Admission::on_trial;
}

// Strangers have seven eighths of all, who is known has all but what is for calls for help.
Admission ConnectionLimits::judge(Source& source, RealmIndex realm, const IpAddress& address) {
    if (open_ >= quota_.total - for_help()) return Admission::too_many;
    if (open_ >= quota_.total - quota_.total / 8 && !is_known(source, realm, address)) return Admission::too_many;
    if (source.open >= quota_.per_source) return Admission::too_many_of_source;
    return source.tokens < 1 ? Admission::too_fast : Admission::granted;
}

// Of what is for calls for help a source has a sixteenth of what it may have otherwise, and strangers together half.
bool ConnectionLimits::may_try(Source& source, RealmIndex realm, const IpAddress& address) {
    const std::size_t room = is_known(source, realm, address) ? for_help() : for_help() / 2;
    return on_trial_ < room && source.on_trial < quota_.per_source / 16 && source.trial_tokens >= 1;
}

void ConnectionLimits::release(const IpAddress& address, bool on_trial) {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(source_of(address));
    SALLYPORT_CHECK(found != sources_.end());
    std::size_t& of_source = on_trial ? found->second.on_trial : found->second.open;
    std::size_t& of_all = on_trial ? on_trial_ : open_;
    SALLYPORT_CHECK(of_source > 0 && of_all > 0);
    --of_source;
    --of_all;
}

void ConnectionLimits::provision(Provisioned provisioned) {
    const std::lock_guard lock(mutex_);
    provisioned_ = std::move(provisioned);
}

void ConnectionLimits::vouch(const IpAddress& address) {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(source_of(address));
    if (found != sources_.end()) found->second.known = true;
}

bool ConnectionLimits::is_known(RealmIndex realm, const IpAddress& address) const {
    const std::lock_guard lock(mutex_);
    const auto found = sources_.find(source_of(address));
    return found != sources_.end() && is_known(found->second, realm, address);
}

bool ConnectionLimits::is_known(const Source& source, RealmIndex realm, const IpAddress& address) const {
    return source.known || (provisioned_ && provisioned_(realm, address));
}

std::size_t ConnectionLimits::open() const {
    const std::lock_guard lock(mutex_);
    return open_ + on_trial_;
}

// A source without connections whose bucket is full again is as good as new, unless somebody known was there.
void ConnectionLimits::forget_idle(TimePoint now) {
    last_sweep_ = now;
    std::erase_if(sources_, [&](const auto& entry) {
        const Source& source = entry.second;
        return source.open + source.on_trial == 0 && now - source.last > (source.known ? known_for : Duration(1s));
    });
}

}  // namespace sallyport::io
