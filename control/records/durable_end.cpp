#include "control/records/durable_end.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace sallyport::records {
namespace {

constexpr std::string_view file_name = "durable.end";
constexpr std::size_t line_bytes = 20 + 1 + 20 + 1 + 16 + 1;  // "segment:offset checksum\n", always of this length
constexpr int attempts = 5;                                   // of a reader that met the writer in the middle of a line

// FNV-1a. A line read while it is overwritten, or torn by a power failure, must not pass for a place further on.
unsigned long long checksum(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

std::string line_of(Position end) {
    std::array<char, line_bytes + 1> text;
    const int place =
        std::snprintf(text.data(), text.size(), "%020llu:%020llu", static_cast<unsigned long long>(end.segment),
                      static_cast<unsigned long long>(end.offset));
    const auto body = std::string(text.data(), static_cast<std::size_t>(place));
    std::snprintf(text.data(), text.size(), "%s %016llx\n", body.c_str(), checksum(body));
    return {text.data(), line_bytes};
}

std::optional<Position> parse_line(std::string_view line) {
    const auto end = Position::parse(line.substr(0, line.find(' ')));
    if (!end || line != line_of(*end)) return std::nullopt;
    return end;
}

}  // namespace

DurableEnd::~DurableEnd() {
    if (file_ >= 0) close(file_);
}

Result<void, std::string> DurableEnd::open(const std::filesystem::path& directory) {
    const auto path = directory / file_name;
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (file_ < 0) return "cannot open " + path.string() + ": " + std::strerror(errno);
    return {};
}

bool DurableEnd::publish(Position end) {
    const auto line = line_of(end);
    return pwrite(file_, line.data(), line.size(), 0) == static_cast<ssize_t>(line.size());
}

std::optional<Position> published_end(const std::filesystem::path& directory) {
    const auto path = directory / file_name;
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::nullopt;
    std::optional<Position> end;
    for (int i = 0; i < attempts && !end; ++i) {
        std::array<char, line_bytes> text;
        const auto size = pread(file, text.data(), text.size(), 0);
        if (size == static_cast<ssize_t>(line_bytes)) end = parse_line({text.data(), line_bytes});
    }
    close(file);
    return end;
}

std::vector<Segment> durable_segments(const std::filesystem::path& directory) {
    // In this order: a segment that is begun in between makes those before it whole, never more than that.
    const auto published = published_end(directory).value_or(Position{});
    auto segments = list_segments(directory);
    if (segments.empty()) return segments;
    const auto end = std::max(published, Position{segments.back().number, 0});
    if (segments.back().number == end.segment) segments.back().bytes = std::min(segments.back().bytes, end.offset);
    return segments;
}

}  // namespace sallyport::records
