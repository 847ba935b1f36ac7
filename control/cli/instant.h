// A time as it is typed: RFC 3339, in UTC and whole seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sallyport::cli {

// Seconds since 1970; nothing: it is no such time.
std::optional<std::int64_t> instant(const std::string& text);
std::string instant_problem(const std::string& text);  // a sentence; empty: it is one

}  // namespace sallyport::cli
