#include "media-plane/rpc/call_loop.h"

#include <pthread.h>
#include <sched.h>

namespace sallyport::media::rpc {
namespace {

thread_local CallLoop* loop_of_this_thread = nullptr;

}  // namespace

CallLoop::CallLoop(Plane& plane, std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : plane_(plane), queue_(std::move(queue)) {}

CallLoop::~CallLoop() { stop(); }

void CallLoop::start() {
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "rpc");
        sched_param none{};  // an lcore that wakes this thread does not make way for it
        pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
        loop_of_this_thread = this;
        run();
    });
}

void CallLoop::stop() {
    if (!thread_.joinable()) return;
    while (const unsigned left = calls_.load()) calls_.wait(left);
    queue_->Shutdown();
    thread_.join();
}

CallLoop* CallLoop::of_this_thread() { return loop_of_this_thread; }

void CallLoop::expect_outcome() {
    outcomes_due_.fetch_add(1, std::memory_order_relaxed);
    if (of_this_thread() == this) waits_left_ = limits::outcome_waits;
}

void CallLoop::run() {
    using Queue = grpc::CompletionQueue;
    void* tag = nullptr;
    bool ok = false;
    for (;;) {
        const bool more_to_do = !writers_.empty() || waits_for_outcomes();
        const auto next = more_to_do                ? queue_->AsyncNext(&tag, &ok, gpr_time_0(GPR_CLOCK_MONOTONIC))
                          : queue_->Next(&tag, &ok) ? Queue::GOT_EVENT
                                                    : Queue::SHUTDOWN;
        if (next == Queue::SHUTDOWN) return;
        if (next == Queue::GOT_EVENT) {
            static_cast<CallStep*>(tag)->over(ok);
            continue;
        }
        write_what_waits();
        if (!waits_for_outcomes()) continue;
        wait_for_outcomes();
        write_what_waits();
    }
}

void CallLoop::write_what_waits() {
    writing_.swap(writers_);
    for (const auto& writer : writing_) writer->write_what_waits();
    writing_.clear();
}

void CallLoop::wait_for_outcomes() {
    waits_left_ = plane_.collect(limits::outcome_wait) ? limits::outcome_waits : waits_left_ - 1;
}

}  // namespace sallyport::media::rpc
