#include "signaling/registrar/lockouts.h"

#include <algorithm>

namespace sallyport::registrar {

IpAddress Lockouts::source_of(const IpAddress& address) {
    IpAddress out = address;
    if (out.family == Family::v6) std::fill(out.bytes.begin() + 8, out.bytes.end(), std::uint8_t{0});
    return out;
}

bool Lockouts::is_locked(const IpAddress& source, std::string_view name, TimePoint now) {
    if (size() == 0) return false;
    const std::lock_guard lock(mutex_);
    const auto found = records_.find({source_of(source), std::string(name)});
    if (found == records_.end()) return false;
    if (found->second.until > now) return true;
    if (is_over(found->second, now)) {
        records_.erase(found);
        size_.store(records_.size(), std::memory_order_relaxed);
    }
    return false;
}

bool Lockouts::failed(const IpAddress& source, std::string_view name, TimePoint now) {
    if (policy_.failures == 0) return false;
    const std::lock_guard lock(mutex_);
    const Key key{source_of(source), std::string(name)};
    auto found = records_.find(key);
    if (found == records_.end()) {
        if (records_.size() >= most_) make_room(now);
        found = records_.emplace(key, Record{}).first;
        size_.store(records_.size(), std::memory_order_relaxed);
    }
    Record& record = found->second;
    if (record.until > now) return false;
    // What was before a lock-out, or longer ago than the window, is forgiven.
    if (record.failures == 0 || record.until != TimePoint{} || now - record.first > policy_.window)
        record = {0, now, {}};
    if (++record.failures < policy_.failures) return false;
    record.until = now + policy_.lasts;
    return true;
}

void Lockouts::succeeded(const IpAddress& source, std::string_view name) {
    if (size() == 0) return;
    const std::lock_guard lock(mutex_);
    records_.erase({source_of(source), std::string(name)});
    size_.store(records_.size(), std::memory_order_relaxed);
}

std::vector<Lockouts::Entry> Lockouts::locked(TimePoint now) const {
    std::vector<Entry> out;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, record] : records_)
        if (record.until > now) out.push_back({key.first, key.second, record.failures, record.until});
    return out;
}

// What is over first; else whoever was longest ago: he is let off, which is better than forgetting everybody else.
void Lockouts::make_room(TimePoint now) {
    std::erase_if(records_, [&](const auto& entry) { return is_over(entry.second, now); });
    if (records_.size() < most_) return;
    records_.erase(std::min_element(records_.begin(), records_.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second.until, a.second.first) < std::pair(b.second.until, b.second.first);
    }));
}

}  // namespace sallyport::registrar
