// The pairs of UDP ports (even RTP, odd RTCP; RFC 3550 11) that one lcore hands out on one media port.
//
// Unpredictable, so that nobody can spray the next call's port before it rings; and a pair that was given back is
// not given out again before half of the free ones were, nor before it has rested, so that a late packet of the old
// call, or a peer that has not read our BYE yet, finds nobody. Where all that are free rest, the one that has done so
// for longest is taken if its call's packets must have left the network; else there is none: a call that is refused is
// tried elsewhere, and one that hears another is not forgiven.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/base/random.h"
#include "control/base/time.h"

namespace sallyport::media {

class PortPool {
public:
    // `first` even, `last` odd: whole pairs.
    PortPool(std::uint16_t first, std::uint16_t last, RandomSource& random);

    static constexpr Duration rest = std::chrono::seconds{5};        // a few retransmissions of a BYE
    static constexpr Duration least_rest = std::chrono::seconds{1};  // what no packet takes, and no jitter buffer

    // The even port; nothing when all are out, or were only just given back.
    std::optional<std::uint16_t> take(TimePoint now);
    // The one that has been free the longest, rested or not: for whoever calls for help when none has rested.
    std::optional<std::uint16_t> take_oldest(TimePoint now);
    // This very one, if it is a pair of ours and free, rested or not: it was its call's before.
    bool take(std::uint16_t rtp_port, TimePoint now);
    void give_back(std::uint16_t rtp_port, TimePoint now);

    std::size_t free() const { return free_; }
    std::size_t resting(TimePoint now) {  // of those free
        settle(now);
        return free_ - rested_;
    }
    std::size_t total() const { return ring_.size(); }

private:
    using Pair = std::uint16_t;  // index of a pair
    std::size_t at(std::size_t place) const { return (head_ + place) % ring_.size(); }
    void swap(std::size_t slot, std::size_t other);
    std::uint16_t pop();
    void settle(TimePoint now);

    std::uint16_t first_;
    RandomSource& random_;
    std::vector<Pair> ring_;             // the free ones, oldest first, from head_ on
    std::vector<std::uint32_t> slot_;    // pair -> its slot in ring_; taken if it is out
    std::vector<TimePoint> given_back_;  // by pair
    std::size_t head_ = 0, free_ = 0;
    std::size_t rested_ = 0;  // the first so many of those free; the others are in the order of their return
};

}  // namespace sallyport::media
