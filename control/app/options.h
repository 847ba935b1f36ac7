// The node file of sallyport-control: addresses, certificates and paths of this host. What is provisioned comes over
// the API and is not here.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "control/api/control_server.h"
#include "control/observe/log.h"
#include "control/yaml/fields.h"

namespace sallyport::app {

struct Options {
    api::ControlServerOptions server;
    std::filesystem::path store;
    std::string metrics_listen;  // empty: none
    observe::LogOptions log;
};

// All problems of the text, with places; the options count only when there are none.
Options parse_options(std::string_view text, yaml::Problems& problems);

}  // namespace sallyport::app
