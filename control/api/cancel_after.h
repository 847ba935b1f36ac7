// Ends what has waited too long: a call whose client does not read keeps a thread of gRPC's synchronous server for
// ever.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sallyport::api {

// Calls `cancel` on a thread of its own once `patience` is over, unless it is gone before.
class CancelAfter {
public:
    CancelAfter(std::chrono::milliseconds patience, std::function<void()> cancel)
        : thread_([this, patience, cancel = std::move(cancel)] {
              std::unique_lock lock(mutex_);
              if (!changed_.wait_for(lock, patience, [this] { return over_; })) cancel();
          }) {}
    ~CancelAfter() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    CancelAfter(const CancelAfter&) = delete;
    CancelAfter& operator=(const CancelAfter&) = delete;

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace sallyport::api
