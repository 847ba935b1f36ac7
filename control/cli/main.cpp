// sallyport: the operator's command line.
#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <cstdlib>
#include <iostream>

#include "control/cli/command_line.h"

int main(int argc, char** argv) {
    // gRPC's own log lines say in jargon what we say in a sentence; who sets GRPC_VERBOSITY wants them.
    if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
    // Its threads come to their end before the process does: one of them might hold half a TLS handshake.
    grpc_init();
    const int status = sallyport::cli::run({argv + 1, argv + argc}, std::cin, std::cout, std::cerr);
    grpc_shutdown_blocking();
    return status;
}
