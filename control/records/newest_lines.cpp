#include "control/records/newest_lines.h"

#include <algorithm>
#include <fstream>
#include <string>

#include "control/records/durable_end.h"

namespace sallyport::records {
namespace {

constexpr std::uint64_t chunk_bytes = 256u << 10;

enum class Walk { go_on, stopped };

// One segment, from `end` down. `buffer` holds bytes [from, from + buffer.size()); what precedes its first line feed
// may be the tail of a longer line and waits for the chunk before it.
class SegmentWalk {
public:
    SegmentWalk(const std::filesystem::path& path, std::uint64_t number, std::uint64_t end, std::uint64_t& budget)
        : file_(path, std::ios::binary), number_(number), from_(end), budget_(budget) {}

    Walk run(const std::function<bool(std::string_view, Position)>& visit) {
        while (from_ > 0) {
            if (budget_ == 0 || !read_chunk()) return budget_ == 0 ? Walk::stopped : Walk::go_on;
            if (deliver(visit) == Walk::stopped) return Walk::stopped;
        }
        return Walk::go_on;
    }

private:
    bool read_chunk() {
        const auto size = std::min({chunk_bytes, from_, budget_});
        std::string chunk(size, '\0');
        file_.clear();
        file_.seekg(static_cast<std::streamoff>(from_ - size));
        if (!file_.read(chunk.data(), static_cast<std::streamsize>(size))) return false;  // removed meanwhile
        budget_ -= size;
        from_ -= size;
        buffer_.insert(0, chunk);
        if (!trimmed_) {  // bytes behind the last line feed are a line that is still being written
            const auto last = buffer_.rfind('\n');
            buffer_.resize(last == buffer_.npos ? 0 : last + 1);
            trimmed_ = !buffer_.empty();
        }
        return true;
    }

    Walk deliver(const std::function<bool(std::string_view, Position)>& visit) {
        while (!buffer_.empty()) {
            const auto line_feed = buffer_.size() == 1 ? buffer_.npos : buffer_.rfind('\n', buffer_.size() - 2);
            if (line_feed == buffer_.npos && from_ > 0) return Walk::go_on;
            const auto start = line_feed == buffer_.npos ? 0 : line_feed + 1;
            const auto line = std::string_view(buffer_).substr(start, buffer_.size() - 1 - start);
            if (!visit(line, {number_, from_ + start})) return Walk::stopped;
            buffer_.resize(start);
        }
        return Walk::go_on;
    }

    std::ifstream file_;
    std::uint64_t number_, from_;
    std::uint64_t& budget_;
    std::string buffer_;
    bool trimmed_ = false;
};

}  // namespace

bool visit_newest(const std::filesystem::path& directory, std::optional<Position> before, std::uint64_t max_bytes,
                  const std::function<bool(std::string_view line, Position start)>& visit) {
    auto segments = durable_segments(directory);
    std::reverse(segments.begin(), segments.end());
    for (const auto& segment : segments) {
        std::uint64_t end = segment.bytes;
        if (before && segment.number > before->segment) continue;
        if (before && segment.number == before->segment) end = std::min(end, before->offset);
        SegmentWalk walk(segment_path(directory, segment.number), segment.number, end, max_bytes);
        if (walk.run(visit) == Walk::stopped) return false;
    }
    return true;
}

}  // namespace sallyport::records
