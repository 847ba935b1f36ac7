#include "control/records/segment.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace sallyport::records {
namespace {

constexpr std::string_view prefix = "records-", suffix = ".jsonl";

std::optional<std::uint64_t> read_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

std::string Position::to_string() const { return std::to_string(segment) + ':' + std::to_string(offset); }

std::optional<Position> Position::parse(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == text.npos) return std::nullopt;
    const auto segment = read_number(text.substr(0, colon)), offset = read_number(text.substr(colon + 1));
    if (!segment || !offset) return std::nullopt;
    return Position{*segment, *offset};
}

std::filesystem::path segment_path(const std::filesystem::path& directory, std::uint64_t number) {
    char name[64];
    std::snprintf(name, sizeof name, "records-%010llu.jsonl", static_cast<unsigned long long>(number));
    return directory / name;
}

std::vector<Segment> list_segments(const std::filesystem::path& directory) {
    std::vector<Segment> segments;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        const auto name = entry->path().filename().string();
        if (!name.starts_with(prefix) || !name.ends_with(suffix)) continue;
        const auto digits = std::string_view(name).substr(prefix.size(), name.size() - prefix.size() - suffix.size());
        const auto number = read_number(digits);
        std::error_code no_size;
        const auto bytes = entry->file_size(no_size);
        if (number && !no_size) segments.push_back({*number, bytes});
    }
    std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
    return segments;
}

}  // namespace sallyport::records
