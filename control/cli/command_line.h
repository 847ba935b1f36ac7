// The `sallyport` command: arguments in, exit code out. Everything it touches is handed in, so that tests can hold it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace sallyport::cli {

// arguments: without the program's name. 0 done, 1 refused or failed, 2 wrong usage.
int run(std::vector<std::string> arguments, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace sallyport::cli
