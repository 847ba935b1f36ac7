// Time as the core sees it: an argument, never a call. The shell feeds a clock that starts at the wall clock's
// value and then moves with the steady clock, so that it never jumps and still dates records and nonces.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sallyport {

using Duration = std::chrono::nanoseconds;
struct ShellClock {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<ShellClock, Duration>;
    static constexpr bool is_steady = true;  // deliberately without now(): nobody below the line may ask
};
using TimePoint = ShellClock::time_point;  // nanoseconds since 1970-01-01T00:00:00Z

using namespace std::chrono_literals;

inline std::int64_t unix_seconds(TimePoint t) {
    return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count();
}
inline std::int64_t unix_milliseconds(TimePoint t) {
    return std::chrono::floor<std::chrono::milliseconds>(t.time_since_epoch()).count();
}

// RFC 3339, UTC, milliseconds: "2026-11-21T12:30:00.125Z".
std::string rfc3339(TimePoint t);

}  // namespace sallyport
