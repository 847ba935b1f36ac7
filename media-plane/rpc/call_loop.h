// The one thread that waits for the server's connections. It reads commands and hands them to the plane; then it waits
// for the outcomes itself, as they are due at once, and writes the replies: no other thread is woken on the way.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "media-plane/core/plane.h"

namespace sallyport::media::rpc {

namespace limits {
// An lcore looks for commands once a millisecond at least. One that does not come back is not waited for again until
// another command comes: its outcomes arrive by the plane's reply thread.
inline constexpr Duration outcome_wait = 2ms;
inline constexpr unsigned outcome_waits = 8;
}  // namespace limits

class CallStep {  // what the queue hands out as a tag
public:
    virtual void over(bool ok) = 0;

protected:
    ~CallStep() = default;
};

// Has something to write that shall share a system call with what else comes in this round.
class LateWriter {
public:
    virtual ~LateWriter() = default;
    virtual void write_what_waits() = 0;
};

class CallLoop {
public:
    CallLoop(Plane& plane, std::unique_ptr<grpc::ServerCompletionQueue> queue);
    ~CallLoop();
    CallLoop(const CallLoop&) = delete;
    CallLoop& operator=(const CallLoop&) = delete;

    grpc::ServerCompletionQueue& queue() { return *queue_; }
    void start();
    // When the server has ended, which ends every call. Waits for their last steps: what one of them starts on a queue
    // that is shut down aborts the process.
    void stop();

    // A call that is served here, from before its first step until after its last.
    void call_begins() { calls_.fetch_add(1); }
    void call_ended() {  // on the loop's thread
        if (calls_.fetch_sub(1) == 1) calls_.notify_all();
    }

    // A command's outcome is due, or has come. Any thread.
    void expect_outcome();
    void outcome_came() { outcomes_due_.fetch_sub(1, std::memory_order_relaxed); }

    // The loop whose thread this is; else nothing.
    static CallLoop* of_this_thread();
    // On the loop's thread: writes before it waits for anything.
    void write_later(std::shared_ptr<LateWriter> writer) { writers_.push_back(std::move(writer)); }

private:
    void run();
    void write_what_waits();
    bool waits_for_outcomes() const { return outcomes_due_.load(std::memory_order_relaxed) != 0 && waits_left_ != 0; }
    void wait_for_outcomes();

    Plane& plane_;
    std::unique_ptr<grpc::ServerCompletionQueue> queue_;
    std::atomic<unsigned> outcomes_due_{0};
    std::atomic<unsigned> calls_{0};
    unsigned waits_left_ = 0;  // of the loop's thread
    std::vector<std::shared_ptr<LateWriter>> writers_, writing_;
    std::thread thread_;
};

}  // namespace sallyport::media::rpc
