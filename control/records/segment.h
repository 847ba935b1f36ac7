// Names and sizes of the spool's segments: records-0000000012.jsonl, ascending. What writer and readers share.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::records {

struct Segment {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
};

// A place between two lines: everything before it was read.
struct Position {
    std::uint64_t segment = 0, offset = 0;
    friend auto operator<=>(const Position&, const Position&) = default;

    std::string to_string() const;  // "12:4096"
    static std::optional<Position> parse(std::string_view text);
};

std::filesystem::path segment_path(const std::filesystem::path& directory, std::uint64_t number);
std::vector<Segment> list_segments(const std::filesystem::path& directory);  // ascending; empty on any error

}  // namespace sallyport::records
