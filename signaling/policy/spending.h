// What a trunk's calls cost: grows by the minute while they are up, is forgiven evenly over a day.
#pragma once

#include <algorithm>
#include <chrono>

#include "control/base/time.h"

namespace sallyport::policy {

class Spending {
public:
    // A call with this price asks for its place: it, and every call that has one, is counted for three minutes ahead,
    // or a burst of them would be let in before the first has cost anything. `allowance`: what a day may cost, 0:
    // unlimited.
    bool take_place(double per_minute, double allowance, TimePoint now) {
        settle(now);
        if (allowance_ = allowance; allowance_ <= 0) {
            spent_ = 0;  // nobody counts: a limit that comes later begins with a full day's
        } else {
            spent_ = std::min(spent_, allowance_);  // calls that went on beyond it cost no second day
            if (spent_ + minutes_ahead * (placed_ + per_minute) > allowance_) return false;
        }
        placed_ += per_minute;
        return true;
    }
    void hold_place(double per_minute) { placed_ += per_minute; }
    void give_place(double per_minute) { placed_ = std::max(0.0, placed_ - per_minute); }
    // It is answered, or was at `since` and has been found again.
    void begin(double per_minute, TimePoint since, TimePoint now) {
        settle(now);
        spent_ += per_minute * minutes(now - since);
        running_ += per_minute;
    }
    void end(double per_minute, TimePoint now) {
        settle(now);
        running_ = std::max(0.0, running_ - per_minute);
    }

    // The same, `later`.
    Spending moved(Duration later) const {
        Spending out = *this;
        if (at_ != TimePoint{}) out.at_ += later;
        return out;
    }

private:
    static constexpr double minutes_ahead = 3, minutes_of_day = 24 * 60;
    static double minutes(Duration time) { return std::max(0.0, std::chrono::duration<double>(time).count() / 60); }
    void settle(TimePoint now) {  // shards may be some microseconds apart
        if (at_ == TimePoint{}) at_ = now;
        spent_ = std::max(0.0, spent_ + minutes(now - at_) * (running_ - allowance_ / minutes_of_day));
        at_ = std::max(at_, now);
    }
    double spent_ = 0, allowance_ = 0;
    double placed_ = 0, running_ = 0;  // per minute: of calls admitted, of calls answered
    TimePoint at_{};
};

}  // namespace sallyport::policy
