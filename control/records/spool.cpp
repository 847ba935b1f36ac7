#include "control/records/spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/records/consumer.h"

namespace sallyport::records {
namespace {

std::string failed(std::string_view what, const std::filesystem::path& path) {
    return std::string(what) + " " + path.string() + ": " + std::strerror(errno);
}

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const auto n = write(file, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool sync_directory(const std::filesystem::path& path) {
    const int directory = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    const bool synced = fsync(directory) == 0;
    close(directory);
    return synced;
}

// Bytes up to and including the last line feed.
std::uint64_t whole_bytes(int file, std::uint64_t size) {
    std::vector<char> chunk(64u << 10);
    while (size > 0) {
        const auto n = std::min<std::uint64_t>(chunk.size(), size);
        if (pread(file, chunk.data(), n, static_cast<off_t>(size - n)) != static_cast<ssize_t>(n)) return size;
        for (auto i = n; i > 0; --i)
            if (chunk[i - 1] == '\n') return size - n + i;
        size -= n;
    }
    return 0;
}

}  // namespace

Result<std::unique_ptr<Spool>, std::string> Spool::open(SpoolOptions options) {
    std::unique_ptr<Spool> spool(new Spool(std::move(options)));
    if (auto prepared = spool->prepare(); !prepared) return prepared.error();
    spool->writer_ = std::thread([raw = spool.get()] { raw->run(); });
    return spool;
}

Result<void, std::string> Spool::prepare() {
    std::error_code error;
    std::filesystem::create_directories(options_.directory, error);
    if (error) return "cannot create " + options_.directory.string() + ": " + error.message();
    const auto lock = options_.directory / "writer.lock";
    lock_file_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock_file_ < 0) return failed("cannot open", lock);
    if (flock(lock_file_, LOCK_EX | LOCK_NB) != 0)
        return "another process writes records to " + options_.directory.string() + "; give each its own directory";
    const auto segments = list_segments(options_.directory);
    if (!segments.empty()) {
        segment_number_ = segments.back().number;
        if (auto repaired = repair(segments.back()); !repaired) return repaired;
    }
    // Numbers are never used twice, also when somebody removed the files: consumers remember them.
    if (const auto end = published_end(options_.directory))
        segment_number_ =
            std::max(segment_number_, end->offset == 0 && end->segment > 0 ? end->segment - 1 : end->segment);
    if (auto opened = durable_.open(options_.directory); !opened) return opened;
    publish();
    if (!published_) return failed("cannot write to", options_.directory);
    trim();
    return {};
}

// A crash in the middle of a write leaves half a line. Nobody was told that it is durable, so it may go; what is whole
// stays, is made durable now, and nothing is ever added to it: what comes next begins a segment, so that no place a
// consumer has can come to lie in the middle of another line.
Result<void, std::string> Spool::repair(const Segment& last) {
    const auto path = segment_path(options_.directory, last.number);
    const int file = ::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    if (file < 0) return failed("cannot open", path);
    const auto whole = whole_bytes(file, last.bytes);
    const bool torn = whole != last.bytes;
    const bool repaired = (!torn || ftruncate(file, static_cast<off_t>(whole)) == 0) && fsync(file) == 0;
    const auto text = repaired ? std::string() : failed("cannot repair", path);
    close(file);
    if (!repaired) return text;
    if (!sync_directory(options_.directory)) return failed("cannot sync", options_.directory);
    if (torn) stats_.repaired.add();
    return {};
}

Spool::~Spool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (writer_.joinable()) writer_.join();
    close_segment();
    if (lock_file_ >= 0) close(lock_file_);
}

void Spool::append(std::string line, Done done) {
    {
        const std::lock_guard lock(mutex_);
        const auto queued = queue_.size() + in_flight_;
        if (!stopping_ && queued < options_.queued_lines) {
            queue_.push_back({std::move(line), std::move(done)});
            stats_.queued = queued + 1;
            // The writer comes for the others without being told, unless they are many.
            if (queue_.size() == 1 || queue_.size() == options_.queued_lines / 2) wake_.notify_one();
            return;
        }
        stats_.refused.add();
    }
    if (done) done(false);
}

void Spool::run() {
    Batch batch;
    while (take_batch(batch)) commit(batch);
}

bool Spool::take_batch(Batch& batch) {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return stopping_ || !queue_.empty(); };
    while (!something()) {
        if (!published_) {
            if (!wake_.wait_for(lock, options_.retry_after, something)) publish();
        } else if (segment_ < 0 || segment_size_ == 0) {
            wake_.wait(lock, something);
        } else if (!wake_.wait_until(lock, segment_since_ + options_.segment_age, something)) {
            close_segment();  // an hour has passed: whole-file consumers may have it
        }
    }
    // An fsync costs more than all that is written with it, and what is not durable is no more lost for being 20 ms
    // late.
    wake_.wait_for(lock, options_.gather, [this] { return stopping_ || queue_.size() >= options_.queued_lines / 2; });
    batch.clear();
    batch.swap(queue_);
    in_flight_ = batch.size();
    return !batch.empty();
}

void Spool::commit(Batch& batch) {
    bool durable = write_batch(batch);
    while (!durable) {
        std::unique_lock lock(mutex_);
        if (wake_.wait_for(lock, options_.retry_after, [this] { return stopping_; })) break;
        lock.unlock();
        durable = write_batch(batch);
    }
    if (durable) stats_.written.add(batch.size());
    for (auto& waiting : batch)
        if (waiting.done) waiting.done(durable);
    const std::lock_guard lock(mutex_);
    if (!durable) stats_.refused.add(batch.size());
    in_flight_ = 0;
    stats_.queued = queue_.size();
}

bool Spool::write_batch(const Batch& batch) {
    const auto began = std::chrono::steady_clock::now();
    if (uncut_ && !cut_back()) return false;
    if (segment_ >= 0 && segment_size_ >= options_.segment_bytes) close_segment();
    if (segment_ < 0 && !open_segment()) return false;
    std::string text;
    for (const auto& waiting : batch) {
        text += waiting.line;
        text += '\n';
    }
    if (!write_all(segment_, text) || fdatasync(segment_) != 0) {
        trouble(failed("cannot write", segment_path(options_.directory, segment_number_)));
        uncut_ = true;
        cut_back();
        return false;
    }
    segment_size_ += text.size();
    publish();
    stats_.bytes.add(text.size());
    stats_.commit_seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    return true;
}

bool Spool::open_segment() {
    const auto path = segment_path(options_.directory, segment_number_ + 1);
    segment_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (segment_ < 0) return trouble(failed("cannot create", path));
    if (!sync_directory(options_.directory)) {  // a file whose name may vanish is no place for records
        trouble(failed("cannot sync", options_.directory));
        close_segment();
        unlink(path.c_str());
        return false;
    }
    ++segment_number_;
    segment_size_ = 0;
    segment_since_ = std::chrono::steady_clock::now();
    trim();
    return true;
}

void Spool::close_segment() {
    if (segment_ >= 0) close(segment_);
    segment_ = -1;
    segment_size_ = 0;
}

// After a failed write or fsync nobody knows what the kernel still holds of this file: cut it back to what is known
// to be durable and go on in a new one. Not before that is durable itself: the same lines come again, and a later
// segment shows readers the whole of this one.
bool Spool::cut_back() {
    if (ftruncate(segment_, static_cast<off_t>(segment_size_)) != 0 || fsync(segment_) != 0)
        return trouble(failed("cannot cut back", segment_path(options_.directory, segment_number_)));
    close_segment();
    uncut_ = false;
    return true;
}

void Spool::publish() {
    const auto end = segment_ >= 0 ? Position{segment_number_, segment_size_} : Position{segment_number_ + 1, 0};
    published_ = durable_.publish(end);
    if (!published_) trouble(failed("cannot tell readers of new records in", options_.directory));
}

bool Spool::trouble(std::string_view what) {
    stats_.write_errors.add();
    if (options_.on_trouble) options_.on_trouble(what);
    return false;
}

// Records are money: what a consumer has not acknowledged stays, whatever the size. Without any consumer the oldest go.
void Spool::trim() {
    const auto segments = list_segments(options_.directory);
    std::uint64_t total = 0;
    for (const auto& segment : segments) total += segment.bytes;
    const auto passed = acknowledged_by_all(options_.directory);
    for (const auto& segment : segments) {
        if (total <= options_.total_bytes || segment.number == segment_number_) break;
        if (passed && segment.number >= passed->segment) break;
        std::error_code error;
        if (!std::filesystem::remove(segment_path(options_.directory, segment.number), error)) break;
        total -= segment.bytes;
        stats_.segments_removed.add();
    }
    stats_.bytes.set(total);
}

}  // namespace sallyport::records
