// Who may open how many connections: in all, per source address, and how fast. Shared by the acceptors and the shards
// (one mutex; taken when a connection begins, is known or ends, never per message). Refuses; closes nothing itself.
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

// Whose addresses count as one: an IPv4 address is its own, an IPv6 address its /64's.
IpAddress source_of(const IpAddress& address);

enum class Admission : std::uint8_t { granted, too_many, too_many_of_source, too_fast };

class ConnectionLimits {
public:
    explicit ConnectionLimits(const ConnectionQuota& quota) : quota_(quota) {}

    Admission admit(const IpAddress& source, TimePoint now);
    void release(const IpAddress& source);  // of one that was granted
    // Somebody known has a connection from there: for as long as he has, and an hour after his last one began, that
    // source may have what is left when strangers have taken all they may, which is seven eighths of the total.
    void vouch(const IpAddress& source);
    bool is_known(const IpAddress& source) const;
    std::size_t open() const;

private:
    struct Source {
        std::size_t open = 0;
        double tokens = 0;
        TimePoint last{};
        bool known = false;
    };
    bool has_room_for(const IpAddress& source) const;
    void forget_idle(TimePoint now);

    ConnectionQuota quota_;
    mutable std::mutex mutex_;
    std::unordered_map<IpAddress, Source> sources_;
    std::size_t open_ = 0;
    TimePoint last_sweep_{};
};

}  // namespace sallyport::io
