// A token bucket as a virtual schedule (GCRA, ITU-T I.371 A): one number instead of a level and a time.
#pragma once

#include <algorithm>

#include "control/base/time.h"

namespace sallyport::media {

class Policer {
public:
    static constexpr Duration burst = std::chrono::seconds{1};  // what a full bucket holds

    // `interval`: between packets at the permitted rate; zero permits everything. `holds`: the bucket, of this packet.
    bool take(TimePoint now, Duration interval, Duration holds = burst) {
        if (next_ > now + holds - interval) return false;
        next_ = std::max(next_, now) + interval;
        return true;
    }

private:
    TimePoint next_{};  // when a packet is due if all came exactly at the permitted rate
};

}  // namespace sallyport::media
