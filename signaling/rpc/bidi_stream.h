// One bidirectional gRPC stream as a client: a queue of messages to write, and a listener for what is read and for the
// end. Its calls come on gRPC's threads. Reconnects nothing and interprets nothing.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "control/base/handover.h"

namespace sallyport::rpc {

// Whoever owns it ends it: its ClientContext may hold the last reference to the channel, and a channel that goes on one
// of gRPC's threads waits for that very thread and frees the queue it is working on.
template <class Out, class In>
class BidiStream final : public grpc::ClientBidiReactor<Out, In> {
public:
    struct Events {
        std::function<void(In&)> message;
        std::function<void(const grpc::Status&)> end;  // the last call
    };
    using Start = std::function<void(grpc::ClientContext*, grpc::ClientBidiReactor<Out, In>*)>;

    // `start` is the stub's async()->Method(context, reactor).
    BidiStream(const Start& start, Events events) : events_(std::move(events)) {
        const OneAfterTheOther first(this);
        const std::lock_guard lock(mutex_);  // whole before gRPC's threads see it
        start(&context_, this);
        this->StartRead(&in_);
        this->StartCall();
    }
    // Cancels, and waits for the end: afterwards no event comes any more.
    ~BidiStream() override {
        cancel();
        std::unique_lock lock(mutex_);
        done_condition_.wait(lock, [this] { return done_; });
    }
    void write(Out message) {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        queue_.push_back(std::move(message));
        if (queue_.size() == 1) this->StartWrite(&queue_.front());
    }
    void cancel() { context_.TryCancel(); }
    bool done() {
        const std::lock_guard lock(mutex_);
        return done_;
    }

private:
    void OnReadDone(bool ok) override {
        const OneAfterTheOther callback(this);
        if (ok) {
            events_.message(in_);
            in_.Clear();
            this->StartRead(&in_);
            return;
        }
        const std::lock_guard lock(mutex_);
        ended_ = true;  // no operation may be started once none is pending
    }
    void OnWriteDone(bool ok) override {
        const std::lock_guard lock(mutex_);
        queue_.pop_front();
        if (!ok) {
            ended_ = true;
            queue_.clear();
            context_.TryCancel();
        }
        if (!queue_.empty() && !ended_) this->StartWrite(&queue_.front());
    }
    void OnDone(const grpc::Status& status) override {
        take_over(this);
        events_.end(status);
        const std::lock_guard lock(
            mutex_);  // the owner's thread is on its way once this is released: nothing comes after
        done_ = true;
        done_condition_.notify_all();
    }

    grpc::ClientContext context_;
    Events events_;
    In in_;
    std::mutex mutex_;
    std::condition_variable done_condition_;
    std::deque<Out> queue_;
    bool ended_ = false, done_ = false;
};

}  // namespace sallyport::rpc
