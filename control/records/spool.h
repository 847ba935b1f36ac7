// The spool of call records: a directory of segments, each a file of JSON lines. One process writes (a lock file
// says who), any number read. Interprets no record; a line is durable when its callback says so, and is there once.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/base/counter.h"
#include "control/base/histogram.h"
#include "control/base/result.h"
#include "control/records/durable_end.h"
#include "control/records/segment.h"

namespace sallyport::records {

struct SpoolOptions {
    std::filesystem::path directory;
    std::uint64_t segment_bytes = 64u << 20;       // then the next segment is begun
    std::chrono::seconds segment_age{3'600};       // likewise, so that a consumer of whole files waits an hour at most
    std::uint64_t total_bytes = 4ull << 30;        // oldest acknowledged segments go first when there are more
    std::size_t queued_lines = 65'536;             // waiting for the disk; then append() refuses
    std::chrono::milliseconds gather{20};          // how long a line waits for others to share its fsync
    std::chrono::milliseconds retry_after{1'000};  // a disk that refused is asked again
    std::function<void(std::string_view)> on_trouble;  // a sentence for the log; called on the writer thread
};

// Written by the spool, readable by a scrape at any time.
struct SpoolStats {
    Counter written;           // lines durable
    Counter refused;           // queue full: the callback said no
    Counter write_errors;      // attempts of the disk; the lines were kept and tried again
    Counter repaired;          // torn last lines cut off at start
    Counter segments_removed;  // to keep the directory within total_bytes
    Counter bytes;             // in the directory
    std::atomic<std::uint64_t> queued{0};
    SecondsHistogram commit_seconds{seconds_bounds};
};

class Spool {
public:
    // Called on the writer thread, once: true after the line is on the disk (fsync), false when it never will be.
    using Done = std::function<void(bool durable)>;

    // Creates the directory, cuts off a line that a crash tore, takes the lock. The error is a sentence.
    static Result<std::unique_ptr<Spool>, std::string> open(SpoolOptions options);
    ~Spool();  // writes what is queued; what the disk refuses then is answered with false
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    // Any thread, never waits for the disk: lines that arrive together share one fsync. The line has no line feed.
    void append(std::string line, Done done = {});

    const SpoolStats& stats() const { return stats_; }

private:
    struct Waiting {
        std::string line;
        Done done;
    };
    using Batch = std::vector<Waiting>;
    explicit Spool(SpoolOptions options) : options_(std::move(options)) {}
    Result<void, std::string> prepare();
    Result<void, std::string> repair(const Segment& last);
    void run();
    bool take_batch(Batch& batch);  // waits; false: nothing is left and nothing will come
    void commit(Batch& batch);
    bool write_batch(const Batch& batch);
    bool open_segment();
    void close_segment();
    bool cut_back();
    void publish();
    bool trouble(std::string_view what);  // always false
    void trim();

    SpoolOptions options_;
    SpoolStats stats_;
    int lock_file_ = -1;

    // The writer thread's own.
    int segment_ = -1;
    std::uint64_t segment_number_ = 0;  // the newest that is taken; 0: none
    std::uint64_t segment_size_ = 0;    // durable bytes of the open one
    std::chrono::steady_clock::time_point segment_since_;
    bool uncut_ = false;  // a write failed, and what it left in the open segment is still there
    DurableEnd durable_;
    bool published_ = true;  // readers know of all that is durable

    std::mutex mutex_;  // guards what follows
    std::condition_variable wake_;
    Batch queue_;
    std::size_t in_flight_ = 0;
    bool stopping_ = false;
    std::thread writer_;
};

}  // namespace sallyport::records
