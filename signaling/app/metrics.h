// What /metrics of the signaling daemon shows: sums over the shards' single-writer counters, read as they are.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/config/snapshot.h"
#include "control/observe/metric.h"
#include "control/records/spool.h"
#include "signaling/app/registration_keeper.h"
#include "signaling/io/resolver.h"
#include "signaling/io/shards.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/trunk_states.h"
#include "signaling/registrar/digest_in_clear.h"
#include "signaling/registrar/lockouts.h"
#include "signaling/rpc/config_watch.h"
#include "signaling/rpc/media_client.h"

namespace sallyport::app {

// Written by one shard each: what its hooks did.
struct alignas(64) HookStatistics {
    Counter checkpoints;
};

struct MetricSources {  // all of them outlive the exposer
    const io::Shards& shards;
    const RealmTable& realms;
    const registrar::LocationStore& locations;
    const registrar::Lockouts& lockouts;
    const KeeperStatistics& keeper;
    const io::ResolverStatistics& dns;
    const std::vector<std::unique_ptr<rpc::MediaClient>>& media;  // one per shard
    const rpc::ConfigWatchStatistics& config;
    const records::SpoolStats& spool;
    const std::vector<HookStatistics>& hooks;
    const policy::TrunkStates& trunks;
    const registrar::DigestInClear& digest_in_clear;
    bool draining = false;
    const policy::CallGauges* gauges = nullptr;
    config::SnapshotPtr snapshot = {};  // nothing: not configured yet
};

std::vector<observe::Metric> collect(const MetricSources& sources);

}  // namespace sallyport::app
