// One bidirectional gRPC stream as a client: a queue of messages to write, and a listener for what is read and for the
// end. Its events come on a thread of its own, which is all that waits for it: gRPC's callbacks go through a pool whose
// threads hand each event from one to the next. Reconnects nothing and interprets nothing.
#pragma once

#include <grpcpp/grpcpp.h>
#include <pthread.h>
#include <sched.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "control/base/handover.h"

namespace sallyport::rpc {

// Whoever owns it ends it: its ClientContext may hold the last reference to the channel, and a channel that goes on one
// of gRPC's threads waits for that very thread and frees the queue it is working on.
template <class Out, class In>
class BidiStream {
public:
    using Call = grpc::ClientAsyncReaderWriter<Out, In>;
    struct Events {
        std::function<void(In&)> message;
        std::function<void(const grpc::Status&)> end;  // the last call
    };
    using Prepare = std::function<std::unique_ptr<Call>(grpc::ClientContext*, grpc::CompletionQueue*)>;

    // `prepare` is the stub's PrepareAsyncMethod(context, queue).
    BidiStream(const Prepare& prepare, Events events) : events_(std::move(events)), call_(prepare(&context_, &queue_)) {
        call_->StartCall(tag(Step::started));
        thread_ = std::thread([this] {
            pthread_setname_np(pthread_self(), "rpc");
            // Whoever writes wakes this thread while it holds locks of gRPC that are needed here: it does not make way.
            sched_param none{};
            pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
            run();
        });
    }
    // Cancels, and waits for the end: afterwards no event comes any more.
    ~BidiStream() {
        cancel();
        thread_.join();
    }
    BidiStream(const BidiStream&) = delete;
    BidiStream& operator=(const BidiStream&) = delete;

    void write(Out message) {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        waiting_.push_back(std::move(message));
        write_next();
    }
    void cancel() { context_.TryCancel(); }
    bool done() {
        const std::lock_guard lock(mutex_);
        return done_;
    }

private:
    enum class Step : std::uintptr_t { started = 1, read, written, finished };  // a tag says which operation is over
    static void* tag(Step step) { return reinterpret_cast<void*>(step); }

    void run() {
        void* step = nullptr;
        bool ok = false;
        while (queue_.Next(&step, &ok)) {
            const OneAfterTheOther operation(this);
            switch (static_cast<Step>(reinterpret_cast<std::uintptr_t>(step))) {
                case Step::started: on_started(ok); break;
                case Step::read: on_read(ok); break;
                case Step::written: on_written(ok); break;
                case Step::finished: on_finished(); break;
            }
        }
        events_.end(status_);
        const std::lock_guard lock(mutex_);
        done_ = true;
    }
    void on_started(bool ok) {
        const std::lock_guard lock(mutex_);
        if (!ok) return finish();
        started_ = true;
        call_->Read(&in_, tag(Step::read));
        write_next();
    }
    void on_read(bool ok) {
        if (ok) {
            events_.message(in_);
            in_.Clear();
            return call_->Read(&in_, tag(Step::read));
        }
        const std::lock_guard lock(mutex_);
        finish();
    }
    void on_written(bool ok) {
        const std::lock_guard lock(mutex_);
        writing_ = false;
        waiting_.pop_front();
        if (!ok && !ended_) {  // the read that is pending fails next
            ended_ = true;
            context_.TryCancel();
        }
        if (ended_) waiting_.clear();
        if (finished_) return queue_.Shutdown();
        write_next();
    }
    void on_finished() {
        const std::lock_guard lock(mutex_);
        finished_ = true;
        if (!writing_) queue_.Shutdown();  // else when that is over: no operation may be left
    }

    // With mutex_ held.
    void write_next() {
        if (!started_ || ended_ || writing_ || waiting_.empty()) return;
        writing_ = true;
        grpc::WriteOptions options;
        if (waiting_.size() > 1) options.set_buffer_hint();  // the next one follows at once
        call_->Write(waiting_.front(), options, tag(Step::written));
    }
    void finish() {
        ended_ = true;
        call_->Finish(&status_, tag(Step::finished));
    }

    grpc::ClientContext context_;
    grpc::CompletionQueue queue_;
    Events events_;
    std::unique_ptr<Call> call_;
    In in_;
    grpc::Status status_;
    std::mutex mutex_;         // guards what follows
    std::deque<Out> waiting_;  // front: being written, if writing_
    bool started_ = false, writing_ = false, ended_ = false, finished_ = false, done_ = false;
    std::thread thread_;
};

}  // namespace sallyport::rpc
