// The pairs of UDP ports (even RTP, odd RTCP; RFC 3550 11) that one lcore hands out on one media port.
//
// Unpredictable, so that nobody can spray the next call's port before it rings; and a pair that was given back is
// not given out again before half of the free ones were, so that a late packet of the old call finds nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/base/random.h"

namespace sallyport::media {

class PortPool {
public:
    // `first` even, `last` odd: whole pairs.
    PortPool(std::uint16_t first, std::uint16_t last, RandomSource& random);

    std::optional<std::uint16_t> take();  // the even port; nothing when all are out
    bool take(std::uint16_t rtp_port);    // this very one, if it is a pair of ours and free
    void give_back(std::uint16_t rtp_port);

    std::size_t free() const { return free_; }
    std::size_t total() const { return ring_.size(); }

private:
    using Pair = std::uint16_t;  // index of a pair
    std::size_t at(std::size_t place) const { return (head_ + place) % ring_.size(); }
    void swap(std::size_t slot, std::size_t other);
    std::uint16_t pop();

    std::uint16_t first_;
    RandomSource& random_;
    std::vector<Pair> ring_;           // the free ones, oldest first, from head_ on
    std::vector<std::uint32_t> slot_;  // pair -> its slot in ring_; taken if it is out
    std::size_t head_ = 0, free_ = 0;
};

}  // namespace sallyport::media
