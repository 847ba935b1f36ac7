// The command line of sallyport-signaling: what is asked for, and nothing of how it is done.
#pragma once

#include <string>

namespace sallyport::app {

struct Options {
    std::string config_file;
    bool check_config = false;
};

// Either options, or an exit code because everything asked for was printed (--help, --version) or the usage is wrong.
struct ParsedOptions {
    Options options;
    int exit_code = -1;  // below 0: go on
};
ParsedOptions parse_options(int argc, char** argv);

}  // namespace sallyport::app
