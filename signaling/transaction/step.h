// What one step of a transaction machine asks of the layer, and the timers of RFC 3261 Table 4 by their letters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "control/base/check.h"
#include "control/base/time.h"
#include "signaling/transaction/effects.h"

namespace sallyport::transaction {

enum class Timer : std::uint8_t {
    A,
    B,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
    trying,     // RFC 3261 17.2.1: 200 ms without an answer of the user, then 100
    cancelled,  // RFC 3261 9.1: 64*T1 after CANCEL the INVITE is given up
    abandoned,  // 64*T1 after a non-INVITE request its client has given up (timer F): nothing may be sent any more
};

// No machine ever runs two timers of one kind: three slots hold them all.
enum class TimerSlot : std::uint8_t { repeat, give_up, linger };
inline constexpr std::size_t timer_slots = 3;
constexpr TimerSlot slot_of(Timer timer) {
    switch (timer) {
        case Timer::A:
        case Timer::E:
        case Timer::G:
        case Timer::trying: return TimerSlot::repeat;
        case Timer::B:
        case Timer::F:
        case Timer::H:
        case Timer::cancelled:
        case Timer::abandoned: return TimerSlot::give_up;
        case Timer::D:
        case Timer::I:
        case Timer::J:
        case Timer::K:
        case Timer::L:
        case Timer::M: return TimerSlot::linger;
    }
    SALLYPORT_CHECK(false);
}

struct Step {
    SharedText transmit;       // send these bytes
    bool repeated = false;     // they have been sent before
    bool deliver = false;      // the message that caused the step goes to the user
    bool acknowledge = false;  // answer the final response with ACK (RFC 3261 17.1.1.3)
    bool send_cancel = false;
    bool make_trying = false;        // compose and send 100
    std::optional<Failure> failure;  // tell the user
    bool ended = false;              // the transaction is over
    bool acknowledged = true;        // INVITE server: false when timer H ended it

    // Replaces a running timer of the same slot.
    void start(Timer timer, Duration after) {
        SALLYPORT_CHECK(start_count_ < starts_.size());
        starts_[start_count_++] = {timer, after};
    }
    void stop(TimerSlot slot) { stopped_ |= 1u << static_cast<unsigned>(slot); }
    bool stops(TimerSlot slot) const { return (stopped_ >> static_cast<unsigned>(slot) & 1u) != 0; }
    std::size_t start_count() const { return start_count_; }
    std::pair<Timer, Duration> start_at(std::size_t i) const { return starts_[i]; }

private:
    std::array<std::pair<Timer, Duration>, 3> starts_{};
    std::size_t start_count_ = 0;
    unsigned stopped_ = 0;  // before the starts
};

}  // namespace sallyport::transaction
