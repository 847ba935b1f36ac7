// What the shards of a node share, and nothing else: where PBXs are, how many calls each trunk has, which connections
// carry calls.
#pragma once

#include "signaling/b2bua/connection_uses.h"
#include "signaling/policy/gauges.h"
#include "signaling/registrar/location_store.h"

namespace sallyport::stack {
#include "signaling/registrar/nonce_counts.h"

struct Shared {
    registrar::LocationStore locations;
    policy::TrunkGauges gauges;
    b2bua::ConnectionUses connections;

    // A connection that is to be kept although nothing is said on it.
    bool is_in_use(const Flow& flow, TimePoint now) const {
        return connections.in_use(flow.connection) || locations.has_binding(flow, now);
    }
};

    registrar::NonceCounts nonce_counts;
}  // namespace sallyport::stack
