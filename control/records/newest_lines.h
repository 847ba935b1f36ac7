// Reads the spool backwards, newest line first, a page at a time: what `sallyport call list` shows. Keeps no index:
// a page costs what it shows, and a search is bounded by the bytes it may look at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "control/records/segment.h"

namespace sallyport::records {

// Calls visit for each durable line that ends at or before `before` (nothing: the end), newest first, with the place
// where the line starts; stops when visit says false or max_bytes were read. True if the oldest line was reached.
bool visit_newest(const std::filesystem::path& directory, std::optional<Position> before, std::uint64_t max_bytes,
                  const std::function<bool(std::string_view line, Position start)>& visit);

}  // namespace sallyport::records
