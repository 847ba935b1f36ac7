// Legs whose messages go to another shard than the one that the hash of their Call-ID names: their INVITE has taken
// somebody's place in a call of that shard (RFC 3891). By Call-ID and tag of the peer, so that whoever uses the Call-ID
// of a call that stands moves nothing of that call. Shared by all shards of a node; empty where nobody replaces
// anybody, and then it costs one read.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::stack {

class AdoptedCalls {
public:
    static constexpr std::size_t most =
        65'536;  // beyond them those that are over are forgotten at once, the oldest first
    static constexpr Duration afterglow = 64s;  // repetitions of what was said last find their transaction

    bool any() const { return count_.load(std::memory_order_acquire) != 0; }
    // `is_peers`: whether a tag is that of the peer, in a message of that Call-ID.
    template <class IsPeers>
    std::optional<std::uint32_t> find(std::string_view call_id, IsPeers&& is_peers) const {
        if (!any()) return std::nullopt;
        const std::string beginning = key(call_id, {});
        const std::lock_guard lock(mutex_);
        for (auto at = shards_.lower_bound(beginning); at != shards_.end() && at->first.starts_with(beginning); ++at)
            if (is_peers(std::string_view(at->first).substr(beginning.size()))) return at->second.shard;
        return std::nullopt;
    }
    void add(std::string_view call_id, std::string_view peers_tag, std::uint32_t shard, TimePoint now) {
        const std::lock_guard lock(mutex_);
        Place& place = shards_[key(call_id, peers_tag)];
        ++place.users;
        place.shard = shard;
        place.over.reset();
        forget_over(now);
    }
    void leave(std::string_view call_id, std::string_view peers_tag, TimePoint now) {
        if (!any()) return;
        const std::lock_guard lock(mutex_);
        const auto found = shards_.find(key(call_id, peers_tag));
        if (found != shards_.end() && found->second.users > 0 && --found->second.users == 0) {
            found->second.over = now + afterglow;
            over_.push_back({now + afterglow, found->first});
        }
        forget_over(now);
    }
    std::size_t size() const { return count_.load(std::memory_order_acquire); }

private:
    struct Place {
        std::uint32_t shard = 0;
        std::uint32_t users = 0;        // two INVITEs may have said the same
        std::optional<TimePoint> over;  // not needed any more after that
    };
    static std::string key(std::string_view call_id, std::string_view peers_tag) {
        std::string out(call_id);
        out += '\n';  // in neither
        out += peers_tag;
        return out;
    }
    // In the order of their time, so that each costs once what it costs.
    void forget_over(TimePoint now) {
        while (!over_.empty() && (over_.front().at < now || shards_.size() > most)) {
            const auto found = shards_.find(over_.front().leg);
            if (found != shards_.end() && found->second.over == over_.front().at) shards_.erase(found);
            over_.pop_front();
        }
        count_.store(shards_.size(), std::memory_order_release);
    }
    struct Over {
        TimePoint at;
        std::string leg;
    };
    mutable std::mutex mutex_;
    std::deque<Over> over_;
    std::map<std::string, Place> shards_;
    std::atomic<std::size_t> count_{0};
};

}  // namespace sallyport::stack
