// What /metrics shows of how SIP travels: messages and transactions, datagrams, connections and who may open them, TLS
// certificates and their status, DNS.
#pragma once

#include <vector>

#include "signaling/app/metrics.h"
#include "signaling/app/shard_sums.h"

namespace sallyport::app {

void add_transport(const Sums& sums, const MetricSources& from, std::vector<observe::Metric>& out);

}  // namespace sallyport::app
