// One entry of `ports` in the node's file: device, addresses, gateways, UDP range.
#pragma once

#include "control/yaml/fields.h"
#include "media-plane/dpdk/config.h"

namespace sallyport::media::app {

dpdk::PortConfig read_port(yaml::Fields& fields);

}  // namespace sallyport::media::app
