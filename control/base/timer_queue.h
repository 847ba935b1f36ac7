// The one queue of deadlines a shard has. Asked for its next deadline by the shell (or by a test, which then
// jumps there); never reads a clock. Timers due at the same instant come out in the order they were set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "control/base/time.h"

namespace sallyport {

using TimerId = std::uint64_t;  // 0 names nothing

// No allocation for each: places are used again, and an id that outlives its timer names nothing.
template <class Payload>
class TimerQueue {
public:
    TimerId start(TimePoint when, Payload payload) {
        std::uint32_t place = static_cast<std::uint32_t>(places_.size());
        if (vacant_.empty()) {
            places_.emplace_back();
        } else {
            place = vacant_.back();
            vacant_.pop_back();
        }
        Place& p = places_[place];
        p.payload = std::move(payload);
        if (++last_ == 0) ++last_;
        p.id = std::uint64_t{last_} << 32 | place;
        heap_.push({when, ++order_, p.id});
        return p.id;
    }
    // False if it was never set, has fired or was cancelled: all the same to the caller.
    bool cancel(TimerId id) {
        if (!is_live(id)) return false;
        vacate(id);
        if (heap_.size() > 64 && heap_.size() > 4 * size()) compact();
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
        const TimerId id = heap_.top().id;
        Payload payload = std::move(places_[place_of(id)].payload);
        vacate(id);
        heap_.pop();
        return payload;
    }
    std::size_t size() const { return places_.size() - vacant_.size(); }

private:
    struct Place {
        TimerId id = 0;  // of the timer that has it; 0: vacant
        Payload payload{};
    };
    struct Entry {
        TimePoint when;
        std::uint64_t order;  // in which they were set
        TimerId id;
        bool operator<(const Entry& other) const {  // a max-heap by default: the earliest is the greatest
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    static std::size_t place_of(TimerId id) { return static_cast<std::uint32_t>(id); }
    bool is_live(TimerId id) const {
        return id != 0 && place_of(id) < places_.size() && places_[place_of(id)].id == id;
    }
    void vacate(TimerId id) {
        Place& p = places_[place_of(id)];
        p.id = 0;
        p.payload = {};
        vacant_.push_back(static_cast<std::uint32_t>(place_of(id)));
    }
    void drop_cancelled() {
        while (!heap_.empty() && !is_live(heap_.top().id)) heap_.pop();
    }
    void compact() {  // cancelled entries may not outgrow the live ones: a long-lived timer would pin them
        std::vector<Entry> kept;
        kept.reserve(size());
        for (; !heap_.empty(); heap_.pop())
            if (is_live(heap_.top().id)) kept.push_back(heap_.top());
        heap_ = std::priority_queue<Entry>(std::less<Entry>(), std::move(kept));
    }
    std::vector<Place> places_;
    std::vector<std::uint32_t> vacant_;
    std::priority_queue<Entry> heap_;
    std::uint64_t order_ = 0;
    std::uint32_t last_ = 0;
};

}  // namespace sallyport
