// Who has failed to prove himself too often: a source address together with a name that it used, a user name or an
// address of record. Of no RFC; SIPconnect 16.4.1.4 leaves it to policy. One table for all shards of a node, bounded,
// behind one lock that is not taken while the table is empty. Answers nobody.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/time.h"

namespace sallyport::registrar {

struct LockoutPolicy {
    std::uint32_t failures = 20;  // within `window`, then locked out; 0: never
    Duration window = 300s;
    // Not prolonged by what comes meanwhile. Below the 960 s that a PBX waits at most between its attempts (SIPconnect
    // 16.4.1.1), so that one with the right password comes back by itself.
    Duration lasts = 300s;
    bool silent = false;  // dropped instead of answered, which is 403 to REGISTER and 480 to all else
};

class Lockouts {
public:
    explicit Lockouts(LockoutPolicy policy = {}, std::size_t most = 16'384) : policy_(policy), most_(most) {}
    void set_policy(LockoutPolicy policy) { policy_ = policy; }  // before the first shard starts
    const LockoutPolicy& policy() const { return policy_; }

    // Whom an address stands for: itself, or of IPv6 its /64, within which anybody has as many as he likes.
    static IpAddress source_of(const IpAddress& address);

    bool is_locked(const IpAddress& source, std::string_view name, TimePoint now);
    // True: this failure was one too many, and the lock-out has begun.
    bool failed(const IpAddress& source, std::string_view name, TimePoint now);
    void succeeded(const IpAddress& source, std::string_view name);

    struct Entry {
        IpAddress source;
        std::string name;
        std::uint32_t failures = 0;
        TimePoint until{};  // locked out until then
    };
    std::vector<Entry> locked(TimePoint now) const;  // by source and name
    // Locked out or only counted so far: forgotten. How many were locked out.
    template <class Matches>
    std::size_t release(Matches&& matches, TimePoint now) {
        const std::lock_guard lock(mutex_);
        std::size_t released = 0;
        for (auto it = records_.begin(); it != records_.end();) {
            if (!matches(it->first.first, std::string_view(it->first.second))) {
                ++it;
                continue;
            }
            released += it->second.until > now ? 1 : 0;
            it = records_.erase(it);
        }
        size_.store(records_.size(), std::memory_order_relaxed);
        return released;
    }
    std::size_t size() const { return size_.load(std::memory_order_relaxed); }  // locked out or counted

private:
    struct Record {
        std::uint32_t failures = 0;
        TimePoint first{};  // of those that count
        TimePoint until{};
    };
    using Key = std::pair<IpAddress, std::string>;
    bool is_over(const Record& record, TimePoint now) const {
        return record.until <= now && now - record.first > policy_.window;
    }
    void make_room(TimePoint now);

    LockoutPolicy policy_;
    std::size_t most_;
    mutable std::mutex mutex_;
    std::map<Key, Record> records_;
    std::atomic<std::size_t> size_{0};
};

}  // namespace sallyport::registrar
