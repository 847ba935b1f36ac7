// The clock on the wall of a place, as a value: its offsets from UTC and when they change. Who reads them from a
// database is not this room's business.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport::config {

struct TimeZone {
    struct Change {
        std::int64_t at = 0;       // seconds since 1970-01-01T00:00:00Z
        std::int32_t seconds = 0;  // east of UTC, from then on
        friend bool operator==(const Change&, const Change&) = default;
    };
    std::string name;             // of the IANA database: "Europe/Berlin"
    std::int32_t seconds = 0;     // east of UTC, before the first change
    std::vector<Change> changes;  // by time

    std::int32_t offset_at(std::int64_t unix_seconds) const;
    struct Instant {
        int weekday = 0;  // 0: Monday .. 6: Sunday
        int minute = 0;   // of the day, 0..1439
        friend bool operator==(const Instant&, const Instant&) = default;
    };
    Instant instant_at(std::int64_t unix_seconds) const;
};

}  // namespace sallyport::config
