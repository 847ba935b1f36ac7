// The timer values of RFC 3261 17 and Table 4, and what a deadline of the shard's one queue is for.
#pragma once

#include <cstdint>

#include "control/base/time.h"
#include "control/base/timer_queue.h"

namespace sallyport::transaction {

struct TimerValues {
    Duration t1 = 500ms;
    Duration t2 = 4s;
    Duration t4 = 5s;
    Duration t64() const { return 64 * t1; }  // timers B, F, H, J, L, M
};
inline constexpr Duration timer_c = 180s;  // RFC 3261 16.6: a bit more than three minutes for a ringing call
inline constexpr Duration timer_d = 32s;   // unreliable transports

// Who set it, which of its timers, for which object. Plain numbers: the owner understands them.
enum class TimerOwner : std::uint8_t {
    client_transaction,
    server_transaction,
    call,
    registrar,
    health,
    subscriptions,
    trunk_review,
    flow_probes
};
struct TimerKey {
    TimerOwner owner{};
    std::uint8_t kind = 0;
    std::uint64_t object = 0;  // Id<...>::number()
    std::uint64_t extra = 0;
    friend bool operator==(const TimerKey&, const TimerKey&) = default;
};
using Timers = TimerQueue<TimerKey>;

}  // namespace sallyport::transaction
