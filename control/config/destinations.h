// Whom a trunk may call, and when: prefixes, and weekly windows by the clock of a time zone. Values and the two
// questions they answer; knows no call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/time_zone.h"

namespace sallyport::config {

struct WeeklyWindow {
    static constexpr std::uint8_t every_day = 0x7f;
    static constexpr std::uint16_t end_of_day = 24 * 60;
    std::uint8_t days = every_day;            // on which it begins; bit 0: Monday
    std::uint16_t from = 0, to = end_of_day;  // minutes of the day; to <= from: ends on the next day
    bool contains(TimeZone::Instant local) const;
    std::string to_string() const;  // "monday,friday 08:00-18:00"
    friend bool operator==(const WeeklyWindow&, const WeeklyWindow&) = default;
};
struct CallingHours {
    std::vector<std::string> prefixes;  // E.164 with "+"; "": every number
    std::vector<WeeklyWindow> windows;  // none: never
    friend bool operator==(const CallingHours&, const CallingHours&) = default;
};
struct Destinations {
    std::vector<std::string> allowed_prefixes;  // E.164 with "+"; none: every number
    std::string time_zone;                      // IANA name
    // What it stands for on this machine; nullptr: it knows no such zone. No part of what was provisioned.
    std::shared_ptr<const TimeZone> zone;
    std::vector<CallingHours> hours;

    bool allows(std::string_view e164) const;
    // The entry with the longest prefix of the number, or nullptr: it may be called at any time.
    const CallingHours* hours_of(std::string_view e164) const;
    // Within a window of it. Where the zone is not known, never: nobody knows what time it is there.
    bool is_open(const CallingHours& entry, std::int64_t unix_seconds) const;
    friend bool operator==(const Destinations& a, const Destinations& b) {
        return a.allowed_prefixes == b.allowed_prefixes && a.time_zone == b.time_zone && a.hours == b.hours;
    }
};

std::string_view weekday_name(int weekday);  // 0: "monday"

}  // namespace sallyport::config
