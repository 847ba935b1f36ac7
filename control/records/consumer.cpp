#include "control/records/consumer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace sallyport::records {
namespace {

constexpr std::size_t line_bytes = 1u << 20;  // a longer "line" is a damaged file, not a record

std::string failed(std::string_view what, const std::filesystem::path& path) {
    return std::string(what) + " " + path.string() + ": " + std::strerror(errno);
}

// The new text is in the file completely or not at all, whenever the power fails.
Result<void, std::string> replace_file(const std::filesystem::path& path, std::string_view text) {
    const auto fresh = std::filesystem::path(path.string() + ".new");
    const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (file < 0) return failed("cannot write", fresh);
    const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
    const auto error = written ? std::string() : failed("cannot write", fresh);
    close(file);
    if (!written) return error;
    if (rename(fresh.c_str(), path.c_str()) != 0) return failed("cannot replace", path);
    const int directory = open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    return {};
}

std::optional<Position> read_position(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::string text;
    if (!std::getline(in, text)) return std::nullopt;
    return Position::parse(text);
}

}  // namespace

std::vector<SpooledLine> read_lines(const std::filesystem::path& directory, Position from, std::size_t max_lines) {
    std::vector<SpooledLine> lines;
    for (const auto& segment : list_segments(directory)) {
        if (segment.number < from.segment) continue;
        std::uint64_t offset = segment.number == from.segment ? from.offset : 0;
        std::ifstream file(segment_path(directory, segment.number), std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        for (std::string text; lines.size() < max_lines && std::getline(file, text) && !file.eof();) {
            offset += text.size() + 1;
            if (text.size() <= line_bytes) lines.push_back({std::move(text), {segment.number, offset}});
        }
        if (lines.size() == max_lines) break;
    }
    return lines;
}

bool is_consumer_name(std::string_view name) {
    return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Result<Consumer, std::string> Consumer::open(std::filesystem::path directory, std::string_view name) {
    if (!is_consumer_name(name))
        return "a consumer's name is 1 to 63 of a-z, 0-9 and \"-\", e.g. \"billing\", not \"" + std::string(name) + '"';
    auto file = directory / (std::string(name) + ".ack");
    std::error_code error;
    Position position;
    if (std::filesystem::exists(file, error)) {
        const auto stored = read_position(file);
        if (!stored) return "cannot read a position from " + file.string() + ", expected e.g. \"12:4096\"";
        position = *stored;
    }
    return Consumer(std::move(directory), std::move(file), position);
}

Result<void, std::string> Consumer::acknowledge(Position position) {
    auto replaced = replace_file(file_, position.to_string() + '\n');
    if (replaced) position_ = position;
    return replaced;
}

std::vector<Backlog> backlogs(const std::filesystem::path& directory) {
    std::vector<Backlog> out;
    const auto segments = list_segments(directory);
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().extension() != ".ack") continue;
        const auto position = read_position(entry->path()).value_or(Position{});
        Backlog backlog{entry->path().stem().string()};
        for (const auto& segment : segments) {
            if (segment.number < position.segment) continue;
            const auto passed = segment.number == position.segment ? std::min(position.offset, segment.bytes) : 0;
            backlog.bytes += segment.bytes - passed;
        }
        out.push_back(std::move(backlog));
    }
    return out;
}

std::optional<Position> acknowledged_by_all(const std::filesystem::path& directory) {
    std::optional<Position> least;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        if (entry->path().extension() != ".ack") continue;
        const auto position = read_position(entry->path()).value_or(Position{});  // unreadable: keep everything
        least = least ? std::min(*least, position) : position;
    }
    return least;
}

}  // namespace sallyport::records
