// The node's file (/etc/sallyport/media.yaml) as values: every problem with its place, what is wrong and an example.
// Reads no other source and starts nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "control/base/time.h"
#include "control/observe/log.h"
#include "control/yaml/node.h"
#include "media-plane/dpdk/config.h"
#include "media-plane/rpc/rpc_server.h"

namespace sallyport::media::app {

struct Config {
    dpdk::DriverConfig driver;
    std::string grpc_listen;
    std::optional<rpc::ServerTls> grpc_tls;
    std::string metrics_listen;  // empty: none
    observe::LogOptions log;
    Duration lease{};
};

// `cpus`: those this process may run on; `lcores: 2` takes the last two of them.
Result<Config, std::vector<yaml::Problem>> read_config(std::string_view text, const std::vector<unsigned>& cpus);

}  // namespace sallyport::media::app
