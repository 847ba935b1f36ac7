// A file that commands read, and what is wrong with a declarative one, told at its lines.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "control/cli/connection.h"
#include "control/cli/provision_yaml.h"

namespace sallyport::cli {

// "-": standard input. Throws Failure when it cannot be read.
std::string read_input(const std::string& file, std::istream& in);

// Each prints every problem and that nothing was `done` ("applied"), and returns the exit code. `label`: the file.
int tell_problems(std::ostream& err, const yaml::Problems& problems, const std::string& label, std::string_view done);
// Those that the server has found.
int tell_violations(std::ostream& err, const Provision& provision, const std::string& label, const Failure& failure,
                    std::string_view done);

}  // namespace sallyport::cli
