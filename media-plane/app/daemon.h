// The composition root: driver, dispatcher, gRPC server and exposer put together, run until a signal, taken apart.
#pragma once

#include "media-plane/app/config_file.h"

namespace sallyport::media::app {

// Returns the process' exit code. SIGTERM and SIGINT must be blocked in every thread; here they are waited for.
int run_daemon(Config config);

}  // namespace sallyport::media::app
