// A reader of the spool that remembers how far it got: billing takes lines in order, and acknowledges them when it
// has them safe. Its place is a file <name>.ack in the spool's directory. Other readers do not disturb it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "control/records/segment.h"

namespace sallyport::records {

struct SpooledLine {
    std::string text;
    Position next;  // the place after it: what to acknowledge, or to read on from
};

// At most max_lines whole lines from here on; what is not durable yet is left for the next time.
std::vector<SpooledLine> read_lines(const std::filesystem::path& directory, Position from, std::size_t max_lines);

bool is_consumer_name(std::string_view name);  // [a-z0-9-]{1,63}

enum class AckErrc : std::uint8_t {
    no_place,     // not between two durable lines of the spool
    behind,       // of what was acknowledged before
    unavailable,  // the disk refused; nothing has changed
};
struct AckError {
    AckErrc code;
    std::string sentence;
};

class Consumer {
public:
    // The error is a sentence. A consumer that never acknowledged starts at the oldest line.
    static Result<Consumer, std::string> open(std::filesystem::path directory, std::string_view name);

    Position acknowledged() const { return position_; }
    std::vector<SpooledLine> next(std::size_t max_lines) const { return read_lines(directory_, position_, max_lines); }
    // Durable when it succeeds. Only forward: a late repetition must not bring lines back that were billed. The place
    // acknowledged last is accepted again. Threads and processes that do this at once wait for each other.
    Result<void, AckError> acknowledge(Position position);

private:
    Result<void, AckError> acknowledge_locked(Position position);
    Consumer(std::filesystem::path directory, std::filesystem::path file, Position position)
        : directory_(std::move(directory)), file_(std::move(file)), position_(position) {}
    std::filesystem::path directory_, file_;
    Position position_;
};

// How much each consumer has not acknowledged yet.
struct Backlog {
    std::string consumer;
    std::uint64_t bytes = 0;
};
std::vector<Backlog> backlogs(const std::filesystem::path& directory);

// The place that every consumer has passed, or nothing when no consumer ever acknowledged.
std::optional<Position> acknowledged_by_all(const std::filesystem::path& directory);

}  // namespace sallyport::records
