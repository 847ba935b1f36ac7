// Connections on which a static trunk has proved itself by Digest (SIPconnect 17.2), and which may carry what is for
// it: for as long as they live. One table for all shards of a node. Knows no registrations; they prove their flows
// themselves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "signaling/transaction/flow.h"

namespace sallyport::registrar {

class ProvenConnections {
public:
    // `most`: beyond it the oldest have to prove themselves again.
    explicit ProvenConnections(std::size_t most = 200'000) : most_(most) {}

    // `username`: of the credential that has proved it.
    void add(const Flow& flow, std::string_view trunk, std::string_view username = {}) {
        if (flow.connection == 0) return;  // UDP has none
        const std::lock_guard lock(mutex_);
        erase(proofs_.find(flow.connection));
        const auto at = places_.try_emplace(Place{trunk, flow.transport, flow.realm, flow.remote.address}).first;
        at->second.insert(flow.connection);
        proofs_.emplace(flow.connection, Proof{at, std::string(username)});
        if (proofs_.size() > most_) erase(proofs_.begin());
    }
    bool has(const Flow& flow, std::string_view trunk) const {
        if (flow.connection == 0) return false;
        const std::lock_guard lock(mutex_);
        const auto found = proofs_.find(flow.connection);
        return found != proofs_.end() && std::get<std::string>(found->second.place->first) == trunk;
    }
    bool has_any(const Flow& flow) const {  // of whichever trunk
        if (flow.connection == 0) return false;
        const std::lock_guard lock(mutex_);
        return proofs_.contains(flow.connection);
    }
    // The youngest one that the trunk has from the address of `to`, by its transport and in its realm: numbers grow,
    // and a PBX that came back has left the older.
    std::optional<std::uint64_t> find(const Flow& to, std::string_view trunk) const {
        const std::lock_guard lock(mutex_);
        const auto found = places_.find(Place{trunk, to.transport, to.realm, to.remote.address});
        return found == places_.end() ? std::nullopt : std::optional(*found->second.rbegin());
    }
    void flow_closed(const Flow& flow) {
        if (flow.connection == 0) return;
        const std::lock_guard lock(mutex_);
        erase(proofs_.find(flow.connection));
    }
    // Forgets what `keep(trunk, username)` returns false of.
    template <class Keep>
    void prune(Keep&& keep) {
        const std::lock_guard lock(mutex_);
        for (auto at = proofs_.begin(); at != proofs_.end();) {
            const auto next = std::next(at);
            if (!keep(std::get<std::string>(at->second.place->first), at->second.username)) erase(at);
            at = next;
        }
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return proofs_.size();
    }

private:
    using Place = std::tuple<std::string, Transport, RealmIndex, IpAddress>;
    using Places = std::map<Place, std::set<std::uint64_t>>;
    struct Proof {
        Places::iterator place;
        std::string username;
    };
    using Proofs = std::map<std::uint64_t, Proof>;  // by connection

    void erase(Proofs::iterator proof) {
        if (proof == proofs_.end()) return;
        const auto at = proof->second.place;
        at->second.erase(proof->first);
        if (at->second.empty()) places_.erase(at);
        proofs_.erase(proof);
    }

    std::size_t most_;
    mutable std::mutex mutex_;
    Places places_;
    Proofs proofs_;
};

}  // namespace sallyport::registrar
