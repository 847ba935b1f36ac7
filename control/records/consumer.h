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

// At most max_lines whole lines from here on; a line still being written is left for the next time.
std::vector<SpooledLine> read_lines(const std::filesystem::path& directory, Position from, std::size_t max_lines);

bool is_consumer_name(std::string_view name);  // [a-z0-9-]{1,63}

class Consumer {
public:
    // The error is a sentence. A consumer that never acknowledged starts at the oldest line.
    static Result<Consumer, std::string> open(std::filesystem::path directory, std::string_view name);

    Position acknowledged() const { return position_; }
    std::vector<SpooledLine> next(std::size_t max_lines) const { return read_lines(directory_, position_, max_lines); }
    // Durable when it returns true. Going back is allowed: the lines come again.
    Result<void, std::string> acknowledge(Position position);

private:
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
