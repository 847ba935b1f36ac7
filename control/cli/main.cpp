// sallyport: the operator's command line.
#include <grpc/support/log.h>

#include <cstdlib>
#include <iostream>

#include "control/cli/command_line.h"

int main(int argc, char** argv) {
    // gRPC's own log lines say in jargon what we say in a sentence; who sets GRPC_VERBOSITY wants them.
    if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
    return sallyport::cli::run({argv + 1, argv + argc}, std::cin, std::cout, std::cerr);
}
