// Connections on which a static trunk has proved itself by Digest (SIPconnect 17.2): for as long as they live. One
// table for all shards of a node. Knows no registrations; they prove their flows themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "signaling/transaction/flow.h"

namespace sallyport::registrar {

class ProvenConnections {
public:
    // `most`: beyond it the oldest have to prove themselves again.
    explicit ProvenConnections(std::size_t most = 200'000) : most_(most) {}

    void add(const Flow& flow, std::string_view trunk) {
        if (flow.connection == 0) return;  // UDP has none
        const std::lock_guard lock(mutex_);
        trunks_.insert_or_assign(flow.connection, std::string(trunk));
        if (trunks_.size() > most_) trunks_.erase(trunks_.begin());
    }
    bool has(const Flow& flow, std::string_view trunk) const {
        if (flow.connection == 0) return false;
        const std::lock_guard lock(mutex_);
        const auto found = trunks_.find(flow.connection);
        return found != trunks_.end() && found->second == trunk;
    }
    void flow_closed(const Flow& flow) {
        if (flow.connection == 0) return;
        const std::lock_guard lock(mutex_);
        trunks_.erase(flow.connection);
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return trunks_.size();
    }

private:
    std::size_t most_;
    mutable std::mutex mutex_;
    std::map<std::uint64_t, std::string> trunks_;
};

}  // namespace sallyport::registrar
