// sallyport: the operator's command line.
#include <cstdlib>
#include <iostream>

#include "control/cli/command_line.h"

int main(int argc, char** argv) { return sallyport::cli::run({argv + 1, argv + argc}, std::cin, std::cout, std::cerr); }
