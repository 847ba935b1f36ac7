#include "control/base/time.h"

#include <cstddef>

namespace sallyport {

std::string rfc3339(TimePoint t) {
    using namespace std::chrono;
    const auto since_epoch = floor<milliseconds>(t.time_since_epoch());
    const auto day = floor<days>(since_epoch);
    const year_month_day date{sys_days{day}};
    const hh_mm_ss clock{since_epoch - day};
    char text[] = "0000-00-00T00:00:00.000Z";  // by hand: every line of the log has one
    const auto put = [&text](std::size_t at, std::size_t digits, unsigned value) {
        for (; digits > 0; value /= 10) text[at + --digits] = static_cast<char>('0' + value % 10);
    };
    put(0, 4, static_cast<unsigned>(static_cast<int>(date.year())));  // 1677 to 2262: nanoseconds in 64 bits
    put(5, 2, static_cast<unsigned>(date.month()));
    put(8, 2, static_cast<unsigned>(date.day()));
    put(11, 2, static_cast<unsigned>(clock.hours().count()));
    put(14, 2, static_cast<unsigned>(clock.minutes().count()));
    put(17, 2, static_cast<unsigned>(clock.seconds().count()));
    put(20, 3, static_cast<unsigned>(clock.subseconds().count()));
    return {text, sizeof text - 1};
}

}  // namespace sallyport
