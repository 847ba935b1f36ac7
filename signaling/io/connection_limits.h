// Who may open how many connections: in all, per source address, and how fast. Shared by the acceptors and the shards
// (one mutex; taken when a connection begins or ends, never per message). Refuses; closes nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "control/base/endpoint.h"
#include "control/base/time.h"

namespace sallyport::io {

struct ConnectionQuota {
    std::size_t total = 20'000;
    std::size_t per_source = 2'000;  // an IPv4 address or an IPv6 /64
    double rate_per_source = 200;    // new connections per second, with a burst of as many
};

enum class Admission : std::uint8_t { granted, too_many, too_many_of_source, too_fast };

class ConnectionLimits {
public:
    explicit ConnectionLimits(const ConnectionQuota& quota) : quota_(quota) {}

    Admission admit(const IpAddress& source, TimePoint now);
    void release(const IpAddress& source);  // of one that was granted
    std::size_t open() const;

private:
    struct Source {
        std::size_t open = 0;
        double tokens = 0;
        TimePoint last{};
    };
    void forget_idle(TimePoint now);

    ConnectionQuota quota_;
    mutable std::mutex mutex_;
    std::unordered_map<IpAddress, Source> sources_;
    std::size_t open_ = 0;
    TimePoint last_sweep_{};
};

}  // namespace sallyport::io
