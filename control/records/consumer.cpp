#include "control/records/consumer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "control/records/durable_end.h"

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

bool is_line_start(const std::filesystem::path& path, std::uint64_t offset) {
    if (offset == 0) return true;
    std::ifstream file(path, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset - 1));
    return file.get() == '\n';
}

// Nothing when it lies between two durable lines, or is the beginning; a sentence otherwise.
std::optional<std::string> why_no_place(const std::filesystem::path& directory, Position position) {
    if (position == Position{}) return std::nullopt;
    const auto segments = durable_segments(directory);
    const auto segment =
        std::find_if(segments.begin(), segments.end(), [&](const Segment& s) { return s.number == position.segment; });
    if (segment == segments.end())
        return "the spool has no segment " + std::to_string(position.segment) + ": \"" + position.to_string() +
               "\" is not a place that a fetch returned";
    if (position.offset > segment->bytes)
        return '"' + position.to_string() + "\" is behind the last durable record, " +
               Position{segment->number, segment->bytes}.to_string();
    if (!is_line_start(segment_path(directory, position.segment), position.offset))
        return '"' + position.to_string() + "\" is in the middle of a record, not a place that a fetch returned";
    return std::nullopt;
}

// Held while one consumer's place is replaced; every holder has its own open file, so threads exclude each other too.
class AckLock {
public:
    explicit AckLock(const std::filesystem::path& file)
        : file_(open((file.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640)) {
        while (file_ >= 0 && !(held_ = flock(file_, LOCK_EX) == 0) && errno == EINTR) {
        }
    }
    ~AckLock() {
        if (file_ >= 0) close(file_);
    }
    AckLock(const AckLock&) = delete;
    AckLock& operator=(const AckLock&) = delete;
    bool held() const { return held_; }

private:
    int file_;
    bool held_ = false;
};

}  // namespace

std::vector<SpooledLine> read_lines(const std::filesystem::path& directory, Position from, std::size_t max_lines) {
    std::vector<SpooledLine> lines;
    for (const auto& segment : durable_segments(directory)) {
        if (segment.number < from.segment) continue;
        std::uint64_t offset = segment.number == from.segment ? from.offset : 0;
        if (offset >= segment.bytes) continue;
        std::ifstream file(segment_path(directory, segment.number), std::ios::binary);
        file.seekg(static_cast<std::streamoff>(offset));
        for (std::string text; lines.size() < max_lines && std::getline(file, text) && !file.eof();) {
            offset += text.size() + 1;
            if (offset > segment.bytes) break;
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

Result<void, AckError> Consumer::acknowledge(Position position) {
    const AckLock lock(file_);
    if (!lock.held()) return AckError{AckErrc::unavailable, failed("cannot lock", file_)};
    return acknowledge_locked(position);
}

Result<void, AckError> Consumer::acknowledge_locked(Position position) {
    const auto stored = read_position(file_);  // somebody else may have gone on since we were opened
    const auto current = stored.value_or(position_);
    if (position < current)
        return AckError{AckErrc::behind, '"' + position.to_string() + "\" is behind what was acknowledged, \"" +
                                             current.to_string() + "\": nothing was changed"};
    if (stored != position) {
        if (auto why_not = why_no_place(directory_, position)) return AckError{AckErrc::no_place, std::move(*why_not)};
        if (auto replaced = replace_file(file_, position.to_string() + '\n'); !replaced)
            return AckError{AckErrc::unavailable, replaced.error()};
    }
    position_ = position;
    return {};
}

std::vector<Backlog> backlogs(const std::filesystem::path& directory) {
    std::vector<Backlog> out;
    const auto segments = durable_segments(directory);
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
