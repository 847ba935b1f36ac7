// What the shards of a node share, and nothing else: where PBXs are, who has proved himself and who has failed to, how
// many calls each trunk has and how it is, which connections carry calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "signaling/b2bua/connection_uses.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/session_turns.h"
#include "signaling/policy/trunk_states.h"
#include "signaling/registrar/digest_in_clear.h"
#include "signaling/registrar/location_store.h"
#include "signaling/registrar/lockouts.h"
#include "signaling/registrar/nonce_counts.h"
#include "signaling/registrar/proven_connections.h"
#include "signaling/stack/adopted_calls.h"

namespace sallyport::stack {

// A revision of the configuration takes effect shard by shard. What no trunk owns any more is cleared away only by the
// newest one that any shard has: to an older one, a trunk that has just come and registered looks like one that is
// gone.
class Pruning {
public:
    template <class Prune>
    void run(std::uint64_t revision, Prune&& prune) {
        const std::lock_guard lock(mutex_);  // held throughout: no newer revision may begin to register meanwhile
        if (revision < newest_) return;
        newest_ = revision;
        prune();
    }

private:
    std::mutex mutex_;
    std::uint64_t newest_ = 0;
};

struct Shared {
    registrar::LocationStore locations;
    policy::CallGauges gauges;
    policy::TrunkStates trunk_states;
    policy::SessionTurns turns;
    registrar::NonceCounts nonce_counts;
    registrar::Lockouts lockouts;
    registrar::ProvenConnections proven;
    registrar::DigestInClear digest_in_clear;
    Pruning pruning;
    b2bua::ConnectionUses connections;
    AdoptedCalls adopted;
    // What REGISTER is answered while bindings cannot be kept (SIPconnect 16.4.1.5); 0: it is taken. The shell knows.
    std::atomic<std::uint16_t> register_refusal{0};

    // A connection that is to be kept although nothing is said on it.
    bool is_in_use(const Flow& flow, TimePoint now) const {
        return connections.in_use(flow.connection) || locations.has_binding(flow, now);
    }
};

}  // namespace sallyport::stack
