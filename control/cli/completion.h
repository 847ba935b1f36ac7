// The bash completion script, made from the commands that there are.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace sallyport::cli {

std::string bash_completion(const CLI::App& app);

}  // namespace sallyport::cli
