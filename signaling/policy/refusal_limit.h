// How many refused attempts of one party this node goes to the expense of: a call, a record, a ladder and log lines for
// each. What comes faster is refused in one message and only counted, so that dialling nonsense costs whoever does it
// more than this node. Attempts that are let in are the gauges' business.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::policy {

class RefusalLimit {
public:
    static constexpr int per_second = 20;  // and as many at once
    // `party`: identified, so there are no more of them than are provisioned.
    bool try_take(std::string_view party, TimePoint now);
    void forget_idle(TimePoint now);
    std::size_t size() const { return next_.size(); }

private:
    std::map<std::string, TimePoint, std::less<>> next_;  // theoretical arrival time (GCRA)
};

}  // namespace sallyport::policy
