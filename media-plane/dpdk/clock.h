// The plane's clock: the wall clock's value at start, moved on by the steady clock, so that it never jumps.
#pragma once

#include <chrono>

#include "control/base/time.h"

namespace sallyport::media::dpdk {

class Clock {
public:
    TimePoint now() const {
        return started_ + std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - steady_);
    }

private:
    std::chrono::steady_clock::time_point steady_ = std::chrono::steady_clock::now();
    TimePoint started_{std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())};
};

}  // namespace sallyport::media::dpdk
