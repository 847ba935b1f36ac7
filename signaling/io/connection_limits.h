// Who may open how many connections: in all, per source address, and how fast. A sixteenth of all is for calls for help
// alone: whoever has no other room may have one of those on trial, until it has shown what it came for. Shared by the
// acceptors and the shards (one mutex; taken when a connection begins, is known or ends, never per message). Refuses;
// closes nothing itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>

#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "signaling/transaction/flow.h"

namespace sallyport::io {

struct ConnectionQuota {
    std::size_t total = 20'000;
    std::size_t per_source = 2'000;  // an IPv4 address or an IPv6 /64
    double rate_per_source = 200;    // new connections per second, with a burst of as many
};

// Whose addresses count as one: an IPv4 address is its own, an IPv6 address its /64's.
IpAddress source_of(const IpAddress& address);

enum class Admission : std::uint8_t { granted, on_trial, too_many, too_many_of_source, too_fast };

class ConnectionLimits {
public:
    explicit ConnectionLimits(const ConnectionQuota& quota) : quota_(quota) {}

    using Provisioned = std::function<bool(RealmIndex realm, const IpAddress& source)>;

    Admission admit(RealmIndex realm, const IpAddress& source, TimePoint now);
    void release(const IpAddress& source, bool on_trial = false);  // of one that was granted, or had on trial
    // Whose addresses are known before anybody has come from there.
    void provision(Provisioned provisioned);
    // Somebody known has a connection from there: for as long as he has, and an hour after his last one began, that
    // source may have what is left when strangers have taken all they may, which is seven eighths of the total.
    void vouch(const IpAddress& source);
    bool is_known(RealmIndex realm, const IpAddress& source) const;
    std::size_t open() const;

private:
    struct Source {
        std::size_t open = 0, on_trial = 0;  // the latter are no part of the former
        double tokens = 0, trial_tokens = 0;
        TimePoint last{};
        bool known = false;
    };
    std::size_t for_help() const { return quota_.total / 16; }
    bool is_known(const Source& source, RealmIndex realm, const IpAddress& address) const;
    Admission judge(Source& source, RealmIndex realm, const IpAddress& address);
    bool may_try(Source& source, RealmIndex realm, const IpAddress& address);
    void forget_idle(TimePoint now);

    ConnectionQuota quota_;
    mutable std::mutex mutex_;
    std::unordered_map<IpAddress, Source> sources_;
    Provisioned provisioned_;
    std::size_t open_ = 0, on_trial_ = 0;
    TimePoint last_sweep_{};
};

}  // namespace sallyport::io
