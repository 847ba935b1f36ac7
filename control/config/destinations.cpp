#include "control/config/destinations.h"

#include <algorithm>
#include <array>

namespace sallyport::config {
namespace {

constexpr std::array<std::string_view, 7> weekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

std::string clock(std::uint16_t minutes) {
    const auto two = [](int value) { return std::string(value < 10 ? "0" : "") + std::to_string(value); };
    return two(minutes / 60) + ':' + two(minutes % 60);
}

}  // namespace

std::string_view weekday_name(int weekday) { return weekdays.at(static_cast<std::size_t>(weekday)); }

bool WeeklyWindow::contains(TimeZone::Instant local) const {
    const auto begins_on = [&](int weekday) { return (days >> weekday & 1) != 0; };
    if (from < to) return begins_on(local.weekday) && local.minute >= from && local.minute < to;
    return (begins_on(local.weekday) && local.minute >= from) ||
           (begins_on((local.weekday + 6) % 7) && local.minute < to);  // that began yesterday
}

std::string WeeklyWindow::to_string() const {
    std::string text;
    for (int day = 0; day < 7 && days != every_day; ++day)
        if ((days >> day & 1) != 0) text += (text.empty() ? "" : ",") + std::string(weekday_name(day));
    return text + (text.empty() ? "" : " ") + clock(from) + '-' + clock(to);
}

bool Destinations::allows(std::string_view e164) const {
    return allowed_prefixes.empty() || std::any_of(allowed_prefixes.begin(), allowed_prefixes.end(),
                                                   [&](const std::string& prefix) { return e164.starts_with(prefix); });
}

const CallingHours* Destinations::hours_of(std::string_view e164) const {
    const CallingHours* found = nullptr;
    std::size_t longest = 0;
    for (const auto& entry : hours)
        for (const auto& prefix : entry.prefixes) {
            if (!e164.starts_with(prefix) || (found != nullptr && prefix.size() <= longest)) continue;
            found = &entry;
            longest = prefix.size();
        }
    return found;
}

bool Destinations::is_open(const CallingHours& entry, std::int64_t unix_seconds) const {
    if (!zone) return false;
    const auto local = zone->instant_at(unix_seconds);
    return std::any_of(entry.windows.begin(), entry.windows.end(),
                       [&](const WeeklyWindow& window) { return window.contains(local); });
}

}  // namespace sallyport::config
