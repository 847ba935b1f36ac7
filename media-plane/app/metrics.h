// What /metrics of the media plane shows: relaxed reads of counters, turned into names, units and sentences.
#pragma once

#include <vector>

#include "control/observe/metric.h"
#include "media-plane/core/plane.h"
#include "media-plane/rpc/dispatcher.h"
#include "media-plane/rpc/rpc_server.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media::app {

std::vector<observe::Metric> plane_metrics(const PlaneStatus& status);
std::vector<observe::Metric> srtp_metrics(const srtp::Engine& engine);
std::vector<observe::Metric> command_metrics(const rpc::DispatcherStatistics& dispatcher,
                                             const rpc::ServerStatistics& server);

}  // namespace sallyport::media::app
