// One call of a client, served over gRPC's completion queue: what is over comes to the derived class, on the thread of
// its CallLoop, one after the other. gRPC's callbacks go through a pool whose threads hand each event from one to the
// next, and all of them wait for every connection.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_stream.h>

#include <atomic>
#include <functional>
#include <memory>

#include "control/base/handover.h"
#include "media-plane/rpc/call_loop.h"

namespace sallyport::media::rpc {

// Call: ServerAsyncReaderWriter or ServerAsyncWriter.
template <class Call>
class ServedCall {
public:
    // The service's RequestMethod for these two; the tag tells that a client has called, or that the server ends.
    using Request = std::function<void(grpc::ServerContext&, Call&, CallStep*)>;

    virtual ~ServedCall() = default;

protected:
    explicit ServedCall(CallLoop& loop) : loop_(loop) {
        loop_.call_begins();
        wire_->context.AsyncNotifyWhenDone(static_cast<CallStep*>(&ended_));
    }
    CallLoop& loop() { return loop_; }

    // Waits for a client; on_call() comes if there is one.
    void wait_for_call(const Request& request) {
        const OneAfterTheOther step(this);
        ++under_way_;
        request(wire_->context, wire_->call, &accepted_);
    }
    const grpc::ServerContext& context() const { return wire_->context; }

    // Any thread, from on_call() until finish(); one read and one write at a time.
    template <class In>
    void start_read(In* message) {
        ++under_way_;
        wire_->call.Read(message, static_cast<CallStep*>(&read_));
    }
    template <class Out>
    void start_write(const Out& message, grpc::WriteOptions options = {}) {
        ++under_way_;
        wire_->call.Write(message, options, static_cast<CallStep*>(&written_));
    }
    void finish_call(const grpc::Status& status) {
        ++under_way_;
        wire_->call.Finish(status, static_cast<CallStep*>(&finished_));
    }

    virtual void on_call() = 0;
    virtual void on_read(bool) {}
    virtual void on_written(bool ok) = 0;
    virtual void on_cancel() = 0;  // the client is gone; finish_call() is due all the same
    virtual void on_done() = 0;    // nothing is under way any more; may delete this

private:
    struct Wire {  // the server does not end before it is gone
        grpc::ServerContext context;
        Call call{&context};
    };
    class Step final : public CallStep {
    public:
        Step(ServedCall& call, void (ServedCall::*handle)(bool)) : call_(call), handle_(handle) {}
        void over(bool ok) override { call_.over(handle_, ok); }

    private:
        ServedCall& call_;
        void (ServedCall::*handle_)(bool);
    };

    void over(void (ServedCall::*handle)(bool), bool ok) {
        {
            const OneAfterTheOther step(this);
            (this->*handle)(ok);
        }
        if (--under_way_ != 0) return;
        CallLoop& loop = loop_;
        {
            const auto last = std::move(wire_);
            on_done();
        }
        loop.call_ended();
    }
    void accepted(bool ok) {
        if (!ok) return;  // the server ends; the end of this call is not told then
        ++under_way_;
        on_call();
    }
    void read(bool ok) { on_read(ok); }
    void written(bool ok) { on_written(ok); }
    void finished(bool) {}
    void ended(bool) {
        if (wire_->context.IsCancelled()) on_cancel();
    }

    CallLoop& loop_;
    std::unique_ptr<Wire> wire_ = std::make_unique<Wire>();
    std::atomic<unsigned> under_way_{0};  // tags that will come
    Step accepted_{*this, &ServedCall::accepted}, read_{*this, &ServedCall::read},
        written_{*this, &ServedCall::written}, finished_{*this, &ServedCall::finished},
        ended_{*this, &ServedCall::ended};
};

}  // namespace sallyport::media::rpc
