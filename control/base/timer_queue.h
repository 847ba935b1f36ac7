// The one queue of deadlines a shard has. Asked for its next deadline by the shell (or by a test, which then
// jumps there); never reads a clock. Timers due at the same instant come out in the order they were set.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/base/check.h"
#include "control/base/time.h"

namespace sallyport {

using TimerId = std::uint64_t;  // 0 names nothing

template <class Payload>
class TimerQueue {
public:
    TimerId start(TimePoint when, Payload payload) {
        const TimerId id = ++last_;
        live_.emplace(id, std::move(payload));
        heap_.push({when, id});
        return id;
    }
    // False if it was never set, has fired or was cancelled: all the same to the caller.
    bool cancel(TimerId id) {
        if (live_.erase(id) == 0) return false;
        if (heap_.size() > 64 && heap_.size() > 4 * live_.size()) compact();
        return true;
    }
    std::optional<TimePoint> next_deadline() {
        drop_cancelled();
        if (heap_.empty()) return std::nullopt;
        return heap_.top().when;
    }
    std::optional<Payload> pop_due(TimePoint now) {
        drop_cancelled();
        if (heap_.empty() || heap_.top().when > now) return std::nullopt;
        const auto found = live_.find(heap_.top().id);
        SALLYPORT_CHECK(found != live_.end());
        Payload payload = std::move(found->second);
        live_.erase(found);
        heap_.pop();
        return payload;
    }
    std::size_t size() const { return live_.size(); }

private:
    struct Entry {
        TimePoint when;
        TimerId id;
        bool operator<(const Entry& other) const {  // a max-heap by default: the earliest is the greatest
            return when != other.when ? when > other.when : id > other.id;
        }
    };
    void drop_cancelled() {
        while (!heap_.empty() && !live_.contains(heap_.top().id)) heap_.pop();
    }
    void compact() {  // cancelled entries may not outgrow the live ones: a long-lived timer would pin them
        std::priority_queue<Entry> kept;
        while (!heap_.empty()) {
            if (live_.contains(heap_.top().id)) kept.push(heap_.top());
            heap_.pop();
        }
        heap_ = std::move(kept);
    }
    std::priority_queue<Entry> heap_;
    std::unordered_map<TimerId, Payload> live_;
    TimerId last_ = 0;
};

}  // namespace sallyport
