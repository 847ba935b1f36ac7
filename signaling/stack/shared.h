// What the shards of a node share, and nothing else: where PBXs are, and how many calls each trunk has.
#pragma once

#include "signaling/policy/gauges.h"
#include "signaling/registrar/location_store.h"

namespace sallyport::stack {
#include "signaling/registrar/nonce_counts.h"

struct Shared {
    registrar::LocationStore locations;
    policy::TrunkGauges gauges;
};

    registrar::NonceCounts nonce_counts;
}  // namespace sallyport::stack
