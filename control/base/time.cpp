#include "control/base/time.h"

#include <cstdio>

namespace sallyport {

std::string rfc3339(TimePoint t) {
    using namespace std::chrono;
    const auto since_epoch = floor<milliseconds>(t.time_since_epoch());
    const auto day = floor<days>(since_epoch);
    const year_month_day date{sys_days{day}};
    const hh_mm_ss clock{since_epoch - day};
    char text[48];
    const int n =
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return {text, static_cast<std::size_t>(n)};
}

}  // namespace sallyport
