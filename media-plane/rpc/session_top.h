// The sessions that an operator should look at first: the worst or the most active by one measure, of a walk through
// all of them. Pure: it is shown one session after the other, and keeps as many as were asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "media-plane/core/commands.h"

namespace sallyport::media::rpc {

enum class TopBy : std::uint8_t { mos, loss, jitter, rtt, packets, drops, silence };

class SessionTop {
public:
    static constexpr std::size_t default_limit = 20, most = 200;

    SessionTop(TopBy by, std::size_t limit, std::string trunk) : by_(by), limit_(limit), trunk_(std::move(trunk)) {}

    void show(const SessionStatistics& session);

    struct Result {
        std::vector<SessionStatistics> sessions;  // the first is the first to look at
        std::uint64_t total = 0, silent_legs = 0, one_way_sessions = 0;
        double packets_per_second = 0;
    };
    Result take();

private:
    struct Entry {
        double weight = 0;
        std::uint64_t order = 0;
        SessionStatistics session;
        bool before(const Entry& other) const {
            return weight != other.weight ? weight > other.weight : order < other.order;
        }
    };
    TopBy by_;
    std::size_t limit_;
    std::string trunk_;
    std::vector<Entry> kept_;  // a heap, its last one in front
    Result result_;
};

}  // namespace sallyport::media::rpc
