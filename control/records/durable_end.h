// How far the spool is on the disk. The writer says so in the file durable.end after each fdatasync, the readers, other
// processes, stop there: nobody bills a line that a power failure can take back. Reads and writes no record.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "control/base/result.h"
#include "control/records/segment.h"

namespace sallyport::records {

// The writer's side. The file is overwritten in place and not synced: what a power failure leaves of it is a place that
// was durable before, or a line whose checksum is wrong, which readers take for none.
class DurableEnd {
public:
    DurableEnd() = default;
    ~DurableEnd();
    DurableEnd(const DurableEnd&) = delete;
    DurableEnd& operator=(const DurableEnd&) = delete;

    Result<void, std::string> open(const std::filesystem::path& directory);
    bool publish(Position end);  // everything before it is on the disk; false: errno says why not

private:
    int file_ = -1;
};

// Nothing: never published, or unreadable.
std::optional<Position> published_end(const std::filesystem::path& directory);

// What readers may see: each segment with its durable length, the newest last. A segment is begun only when all before
// it are durable, so that without a published end everything but the newest counts.
std::vector<Segment> durable_segments(const std::filesystem::path& directory);

}  // namespace sallyport::records
