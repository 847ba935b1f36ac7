#include "control/observe/log_queue.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace sallyport::observe {
namespace {

constexpr std::size_t kept_bytes = 256u << 10;  // of a buffer between batches; a flood's is given back

}  // namespace

LogQueue::LogQueue(Options options, Write write) : options_(options), write_(std::move(write)) {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "log");
        run();
    });
}

LogQueue::~LogQueue() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void LogQueue::put(std::string_view line, bool urgent) {
    bool wakes = false;
    {
        const std::lock_guard lock(mutex_);
        if (lines_ >= options_.lines) drop_oldest();
        text_.append(line).push_back('\n');
        ++lines_;
        // Half full: it is written before anything has to be dropped.
        const bool now = urgent || lines_ == std::max<std::size_t>(1, options_.lines / 2);
        wakes = idle_ || (now && !urgent_);
        urgent_ |= now;
        idle_ = false;
    }
    if (wakes) wake_.notify_one();
}

void LogQueue::drop_oldest() {
    begin_ = text_.find('\n', begin_) + 1;
    --lines_;
    ++dropped_;
    if (begin_ < text_.size() / 2) return;  // each byte is moved once for each line feed that passes over it, not more
    text_.erase(0, begin_);
    begin_ = 0;
}

std::uint64_t LogQueue::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

void LogQueue::run() {
    std::string batch;
    std::unique_lock lock(mutex_);
    for (;;) {
        idle_ = lines_ == 0;
        wake_.wait(lock, [this] { return lines_ != 0 || stopping_; });
        idle_ = false;
        wake_.wait_for(lock, options_.gather, [this] { return urgent_ || stopping_; });
        if (lines_ == 0) return;  // and stopping
        batch.swap(text_);
        const std::size_t begin = std::exchange(begin_, 0);
        lines_ = 0;
        urgent_ = false;
        writing_ = true;
        lock.unlock();
        write_(std::string_view(batch).substr(begin));
        batch.clear();
        if (batch.capacity() > kept_bytes) batch.shrink_to_fit();
        lock.lock();
        writing_ = false;
    }
}

void LogQueue::last_words(int descriptor) {
    constexpr timespec pause{0, 1'000'000};
    for (int left = 100; left >= 0; --left) {
        if (mutex_.try_lock()) {
            if (!writing_ || left == 0) {  // never unlocked: what comes now is too late
                std::string_view rest = std::string_view(text_).substr(begin_);
                while (!rest.empty()) {
                    const auto n = ::write(descriptor, rest.data(), rest.size());
                    if (n <= 0) return;
                    rest.remove_prefix(static_cast<std::size_t>(n));
                }
                return;
            }
            mutex_.unlock();
        }
        nanosleep(&pause, nullptr);
    }
}

}  // namespace sallyport::observe
