// Lines on their way to the log: any number of threads put them in, one of its own writes them in batches, so that a
// line of a busy daemon costs its writer neither a system call nor the waking of a thread. Bounded: the oldest lines
// that wait give way. Knows no level and no format.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace sallyport::observe {

class LogQueue {
public:
    struct Options {
        std::size_t lines = 8'192;              // waiting at a time
        std::chrono::milliseconds gather{100};  // how long a line may wait for others; an urgent one does not
    };
    // `lines`: one or more, each ended by a line feed. Called on the queue's thread, one call after the other.
    using Write = std::function<void(std::string_view lines)>;

    LogQueue(Options options, Write write);
    ~LogQueue();  // writes what waits
    LogQueue(const LogQueue&) = delete;
    LogQueue& operator=(const LogQueue&) = delete;

    // A line without its line feed. `urgent`: it and all before it are written at once.
    void put(std::string_view line, bool urgent);
    std::uint64_t dropped() const;

    // For the handler of a fatal signal, on whatever thread: what waits goes to this descriptor. Allocates nothing, and
    // waits a tenth of a second at most for a writer that may never come back.
    void last_words(int descriptor);

private:
    void run();
    void drop_oldest();

    const Options options_;
    const Write write_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::string text_;       // the waiting lines, from begin_ on
    std::size_t begin_ = 0;  // before it: lines that were dropped
    std::size_t lines_ = 0;
    std::uint64_t dropped_ = 0;
    bool idle_ = false;  // the thread waits for a first line
    bool urgent_ = false, stopping_ = false, writing_ = false;
    std::thread thread_;
};

}  // namespace sallyport::observe
