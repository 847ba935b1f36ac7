// Connections that peers have opened and proven by their certificate: what we have for such a peer goes over the one
// it has (SIPconnect 17.1.2.2, in the spirit of RFC 5923), whichever shard wants to send. Opens and closes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "control/base/endpoint.h"

namespace sallyport::io {

class ProvenConnections {
public:
    void add(const std::string& party, const IpAddress& from, std::uint64_t connection) {
        const std::lock_guard lock(mutex_);
        connections_[{party, from}].insert(connection);
    }
    void remove(const std::string& party, const IpAddress& from, std::uint64_t connection) {
        const std::lock_guard lock(mutex_);
        const auto found = connections_.find({party, from});
        if (found == connections_.end()) return;
        found->second.erase(connection);
        if (found->second.empty()) connections_.erase(found);
    }
    // The youngest one from this address: numbers grow, and a peer that came back has left the older.
    std::optional<std::uint64_t> find(const std::string& party, const IpAddress& at) const {
        const std::lock_guard lock(mutex_);
        const auto found = connections_.find({party, at});
        return found == connections_.end() ? std::nullopt : std::optional(*found->second.rbegin());
    }

private:
    mutable std::mutex mutex_;  // taken when such a connection begins or ends, and when one is to be opened
    std::map<std::pair<std::string, IpAddress>, std::set<std::uint64_t>> connections_;
};

}  // namespace sallyport::io
