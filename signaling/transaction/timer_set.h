// The running timers of one transaction in the shard's queue.
#pragma once

#include <array>

#include "signaling/transaction/step.h"
#include "signaling/transaction/timers.h"

namespace sallyport::transaction {

class TimerSet {
public:
    void apply(const Step& step, TimerOwner owner, std::uint64_t object, Timers& queue, TimePoint now) {
        for (std::size_t s = 0; s < timer_slots; ++s)
            if (step.stops(static_cast<TimerSlot>(s))) stop(s, queue);
        for (std::size_t i = 0; i < step.start_count(); ++i) {
            const auto [timer, after] = step.start_at(i);
            const auto s = static_cast<std::size_t>(slot_of(timer));
            stop(s, queue);
            running_[s] = queue.start(now + after, {owner, static_cast<std::uint8_t>(timer), object, 0});
        }
    }
    void fired(Timer timer) { running_[static_cast<std::size_t>(slot_of(timer))] = 0; }
    void stop_all(Timers& queue) {
        for (std::size_t s = 0; s < timer_slots; ++s) stop(s, queue);
    }

private:
    void stop(std::size_t s, Timers& queue) {
        if (running_[s] != 0) queue.cancel(running_[s]);
        running_[s] = 0;
    }
    std::array<TimerId, timer_slots> running_{};
};

}  // namespace sallyport::transaction
