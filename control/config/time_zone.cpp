#include "control/config/time_zone.h"

#include <algorithm>

namespace sallyport::config {
namespace {

constexpr std::int64_t minute = 60, day = 86'400, week = 7 * day;
constexpr std::int64_t weekday_of_1970 = 3;  // its first day was a Thursday

std::int64_t modulo(std::int64_t value, std::int64_t by) { return (value % by + by) % by; }

}  // namespace

std::int32_t TimeZone::offset_at(std::int64_t unix_seconds) const {
    const auto next = std::upper_bound(changes.begin(), changes.end(), unix_seconds,
                                       [](std::int64_t at, const Change& change) { return at < change.at; });
    return next == changes.begin() ? seconds : std::prev(next)->seconds;
}

TimeZone::Instant TimeZone::instant_at(std::int64_t unix_seconds) const {
    const auto of_week = modulo(unix_seconds + offset_at(unix_seconds) + weekday_of_1970 * day, week);
    return {static_cast<int>(of_week / day), static_cast<int>(of_week % day / minute)};
}

}  // namespace sallyport::config
