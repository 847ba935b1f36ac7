// Why a command could not be carried out, for people: one readable text and the exit code. No gRPC words in it.
#pragma once

#include <stdexcept>
#include <string>

namespace sallyport::cli {

enum ExitCode : int { done = 0, refused = 1, wrong_usage = 2 };

class Failure : public std::runtime_error {
public:
    Failure(ExitCode code, const std::string& text) : std::runtime_error(text), code_(code) {}
    ExitCode code() const { return code_; }

private:
    ExitCode code_;
};

}  // namespace sallyport::cli
