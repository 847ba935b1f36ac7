// A mistyped command, group or kind, with what was probably meant: CLI11 says only that a subcommand is required.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::cli {

// A sentence; nothing: the words name a command, as far as they go.
std::optional<std::string> unknown_command(CLI::App& root, const std::vector<std::string>& arguments);

}  // namespace sallyport::cli
