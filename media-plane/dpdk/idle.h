// How long an lcore may rest between two polls that found nothing. Trades the delay of the first packet after a
// silence (at most the rest it was in) for a core that does not burn. Decides; sleeps not.
#pragma once

#include <cstdint>

#include "control/base/time.h"

namespace sallyport::media::dpdk {

class Idle {
public:
    enum class Kind : std::uint8_t { spin, sleep };
    // What a poll found. `more`: something that is not media, such as commands, and the next poll may find more of it.
    enum class Found : std::uint8_t { nothing, more, media };
    struct Rest {
        Kind kind = Kind::spin;
        Duration duration{};
    };

    explicit Idle(bool poll_always) : poll_always_(poll_always) {}

    Rest rest(Found found, TimePoint now) {
        if (found == Found::more) return {};  // at once, but it is no talk that keeps the lcore awake
        if (found == Found::media || poll_always_) {
            empty_polls_ = 0;
            last_work_ = now;
            return {};
        }
        if (empty_polls_ == 0 && last_work_ == TimePoint{}) last_work_ = now;
        if (++empty_polls_ <= spin_polls) return {};
        if (now - last_work_ > quiet_after) return {Kind::sleep, longest_rest};
        const auto steps = (empty_polls_ - spin_polls) / polls_per_step;
        return {Kind::sleep, steps >= 4 ? busy_rest : first_rest + steps * first_rest};
    }

    static constexpr std::uint32_t spin_polls = 256;  // some 10 us: a burst's tail comes without a nap
    static constexpr std::uint32_t polls_per_step = 16;
    static constexpr Duration first_rest = 50us, busy_rest = 250us;  // while calls are up: far below a packet's 20 ms
    static constexpr Duration quiet_after = 1s, longest_rest = 1ms;  // nobody talks: 1,000 wake-ups a second at most
    // What is promised: the longest rest, and the scheduler's delay, which is counted where it is more than this.
    static constexpr Duration late = 1ms;

private:
    bool poll_always_;
    std::uint32_t empty_polls_ = 0;
    TimePoint last_work_{};
};

}  // namespace sallyport::media::dpdk
