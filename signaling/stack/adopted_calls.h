// Call-IDs whose messages go to another shard than the one that their hash names: a leg whose INVITE has taken
// somebody's place in a call of that shard (RFC 3891). Shared by all shards of a node; empty where nobody
// replaces anybody, and then it costs one read.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
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
    std::optional<std::uint32_t> find(std::string_view call_id) const {
        if (!any()) return std::nullopt;
        const std::lock_guard lock(mutex_);
        const auto found = shards_.find(call_id);
        return found == shards_.end() ? std::nullopt : std::optional(found->second.shard);
    }
    void add(std::string_view call_id, std::uint32_t shard, TimePoint now) {
        const std::lock_guard lock(mutex_);
        shards_.insert_or_assign(std::string(call_id), Place{shard, std::nullopt});
        forget_over(now);
    }
    void leave(std::string_view call_id, TimePoint now) {
        if (!any()) return;
        const std::lock_guard lock(mutex_);
        const auto found = shards_.find(call_id);
        if (found != shards_.end() && !found->second.over) {
            found->second.over = now + afterglow;
            over_.push_back({now + afterglow, found->first});
        }
        forget_over(now);
    }
    std::size_t size() const { return count_.load(std::memory_order_acquire); }
    // Some trunk or carrier may replace parties: INVITEs are looked at for it before they are handed to a shard.
    std::atomic<bool> looked_for{false};

private:
    struct Place {
        std::uint32_t shard = 0;
        std::optional<TimePoint> over;  // not needed any more after that
    };
    // In the order of their time, so that each costs once what it costs.
    void forget_over(TimePoint now) {
        while (!over_.empty() && (over_.front().at < now || shards_.size() > most)) {
            const auto found = shards_.find(over_.front().call_id);
            if (found != shards_.end() && found->second.over == over_.front().at) shards_.erase(found);
            over_.pop_front();
        }
        count_.store(shards_.size(), std::memory_order_release);
    }
    struct Over {
        TimePoint at;
        std::string call_id;
    };
    mutable std::mutex mutex_;
    std::deque<Over> over_;
    std::map<std::string, Place, std::less<>> shards_;
    std::atomic<std::size_t> count_{0};
};

}  // namespace sallyport::stack
