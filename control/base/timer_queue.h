// The one queue of deadlines a shard has. Asked for its next deadline by the shell (or by a test, which then
// jumps there); never reads a clock. Timers due at the same instant come out in the order they were set.
//
// Nearly all deadlines are within a minute and most of them come: that of an answered transaction for one. In one
// heap each would cost a walk through memory that no cache holds. So what is due within the horizon lies in the slot
// of its sixteenth of a second, in no order, and a slot becomes a heap when its time has come.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
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
        put({when, ++order_, p.id});
        return p.id;
    }
    // False if it was never set, has fired or was cancelled: all the same to the caller.
    bool cancel(TimerId id) {
        if (!is_live(id)) return false;
        vacate(id);
        if (entries_ > 64 && entries_ > 2 * size()) compact();
        return true;
    }
    std::optional<TimePoint> next_deadline() {
        const Entries* first = first_due();
        if (first == nullptr) return std::nullopt;
        return first->top().when;
    }
    std::optional<Payload> pop_due(TimePoint now) {
        Entries* first = first_due();
        if (first == nullptr || first->top().when > now) {
            base_ = std::max(base_, tick_of(now));  // every slot before it is empty
            return std::nullopt;
        }
        const TimerId id = first->top().id;
        Payload payload = std::move(places_[place_of(id)].payload);
        vacate(id);
        first->pop();
        --entries_;
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
    // A heap once it is in order, a heap of things before.
    class Entries {
    public:
        bool empty() const { return entries_.empty(); }
        bool in_order() const { return in_order_; }
        const Entry& top() const { return entries_.front(); }
        void push(const Entry& entry) {
            entries_.push_back(entry);
            if (in_order_) std::push_heap(entries_.begin(), entries_.end());
        }
        void pop() {
            std::pop_heap(entries_.begin(), entries_.end());
            entries_.pop_back();
        }
        void put_in_order() {
            std::make_heap(entries_.begin(), entries_.end());
            in_order_ = true;
        }
        template <class Predicate>
        std::size_t erase_if(Predicate predicate) {
            in_order_ = false;
            return std::erase_if(entries_, predicate);
        }
        void shrink_to_fit() { entries_.shrink_to_fit(); }
        void renew() {  // empty it is
            entries_ = {};
            in_order_ = false;
        }

    private:
        std::vector<Entry> entries_;
        bool in_order_ = false;
    };

    static constexpr std::size_t slots = 1024;  // the horizon: 68.7 s
    static constexpr int tick_bits = 26;        // a tick: 67.1 ms
    static std::int64_t tick_of(TimePoint when) { return when.time_since_epoch().count() >> tick_bits; }
    static std::size_t slot_of(std::int64_t tick) { return static_cast<std::uint64_t>(tick) % slots; }
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
    void put(const Entry& entry) {
        ++entries_;
        const std::int64_t tick = std::max(tick_of(entry.when), base_);  // overdue: with those of now
        if (tick - base_ >= static_cast<std::int64_t>(slots)) return far_.push(entry);
        const std::size_t slot = slot_of(tick);
        near_[slot].push(entry);
        occupied_[slot / 64] |= std::uint64_t{1} << slot % 64;
    }
    // Whose top is the first of all live timers; null: there is none.
    Entries* first_due() {
        trim(far_);
        while (const auto slot = first_occupied()) {
            Entries& near = near_[*slot];
            trim(near);
            if (!near.empty()) return far_.empty() || far_.top() < near.top() ? &near : &far_;
            near.renew();
            occupied_[*slot / 64] &= ~(std::uint64_t{1} << *slot % 64);
        }
        return far_.empty() ? nullptr : &far_;
    }
    std::optional<std::size_t> first_occupied() const {
        const std::size_t from = slot_of(base_);
        std::uint64_t word = occupied_[from / 64] & ~std::uint64_t{0} << from % 64;
        for (std::size_t i = from / 64, left = occupied_.size();; word = occupied_[i]) {
            if (word != 0) return i * 64 + static_cast<std::size_t>(std::countr_zero(word));
            if (left-- == 0) return std::nullopt;  // also the part of the first word that is before `from`
            i = (i + 1) % occupied_.size();
        }
    }
    // In order, and with a live one on top.
    void trim(Entries& entries) {
        if (!entries.in_order()) {
            drop_cancelled(entries);
            entries.put_in_order();
        }
        for (; !entries.empty() && !is_live(entries.top().id); --entries_) entries.pop();
    }
    void drop_cancelled(Entries& entries) {
        entries_ -= entries.erase_if([this](const Entry& entry) { return !is_live(entry.id); });
    }
    void compact() {  // cancelled entries may not outgrow the live ones: a long-lived timer would pin them
        for (Entries& near : near_) compact(near);
        compact(far_);
    }
    void compact(Entries& entries) {
        drop_cancelled(entries);
        entries.shrink_to_fit();
    }

    std::vector<Place> places_;
    std::vector<std::uint32_t> vacant_;
    std::array<Entries, slots> near_;
    std::array<std::uint64_t, slots / 64> occupied_{};  // a bit for each slot that has or had entries
    Entries far_;                                       // beyond the horizon when they were set
    std::int64_t base_ = 0;                             // the tick that the first slot stands for
    std::size_t entries_ = 0;                           // of near_ and far_, cancelled ones too
    std::uint64_t order_ = 0;
    std::uint32_t last_ = 0;
};

}  // namespace sallyport
