// Shell completion, made from the command line's own definition.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sallyport::cli {

// For `source <(sallyport completion bash)`.
std::string bash_completion(const CLI::App& root);

}  // namespace sallyport::cli
