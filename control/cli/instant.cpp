#include "control/cli/instant.h"

#include <ctime>

namespace sallyport::cli {

std::optional<std::int64_t> instant(const std::string& text) {
    std::tm fields{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &fields);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return ::timegm(&fields);
}

std::string instant_problem(const std::string& text) {
    return instant(text) ? std::string() : "\"" + text + "\" is no time in UTC, e.g. 2026-11-29T03:00:00Z";
}

}  // namespace sallyport::cli
