// The one clock of the process: starts at the wall clock's value and then moves with the steady clock, so that it never
// jumps and still dates records and nonces. One instance for all shards: their times are comparable.
#pragma once

#include <chrono>

#include "control/base/time.h"

namespace sallyport::io {

class Clock {
public:
    using Steady = std::chrono::steady_clock;

    Clock() : wall_(std::chrono::system_clock::now().time_since_epoch()), steady_(Steady::now()) {}

    TimePoint now() const { return at(Steady::now()); }
    TimePoint at(Steady::time_point t) const { return TimePoint(wall_ + (t - steady_)); }
    Steady::time_point steady(TimePoint t) const { return steady_ + (t.time_since_epoch() - wall_); }

private:
    Duration wall_;
    Steady::time_point steady_;
};

}  // namespace sallyport::io
