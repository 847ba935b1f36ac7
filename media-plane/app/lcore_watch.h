// Which lcores go round, by the count of their polls. Looks when asked, and decides nothing about the rest.
#pragma once

#include <vector>

#include "control/base/time.h"
#include "media-plane/core/plane.h"

namespace sallyport::media::app {

class LcoreWatch {
public:
    static constexpr Duration patience = std::chrono::seconds{5};  // a loop that stands still as long is stuck

    // By lcore: true for one that is stuck.
    std::vector<bool> look(const PlaneStatus& status, TimePoint now) {
        seen_.resize(status.lcores.size());
        std::vector<bool> stuck(seen_.size());
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (status.lcores[i].polls != seen_[i].polls || seen_[i].at == TimePoint{})
                seen_[i] = {status.lcores[i].polls, now};
            stuck[i] = now - seen_[i].at >= patience;
        }
        return stuck;
    }

private:
    struct Seen {
        std::uint64_t polls = 0;
        TimePoint at{};
    };
    std::vector<Seen> seen_;
};

}  // namespace sallyport::media::app
