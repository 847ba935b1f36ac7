// One client's Control stream: reads commands, keeps replies in command order although lcores answer as they like,
// writes replies and events. Bounded in both directions. Decides nothing about sessions: the Dispatcher does.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "media-plane/rpc/call_loop.h"
#include "media-plane/rpc/dispatcher.h"
#include "media-plane/rpc/media_convert.h"
#include "media-plane/rpc/outgoing.h"
#include "media-plane/rpc/served_call.h"

namespace sallyport::media::rpc {

namespace limits {
inline constexpr std::size_t commands_under_way = 1024;  // of one stream; more are refused as overloaded
inline constexpr int commands_together = 256;            // in one message
inline constexpr std::size_t unsent_replies = 1024;      // then nothing more is read until the client reads
}  // namespace limits

struct StreamStatistics {  // of all streams together; relaxed, several writers
    std::atomic<std::uint64_t> opened{0}, refused{0}, fenced{0}, events_lost{0}, invalid_commands{0};
};

class ControlStream final : public ServedCall<grpc::ServerAsyncReaderWriter<pb::ServerMessage, grpc::ByteBuffer>>,
                            public ClientLink,
                            public LateWriter,
                            public std::enable_shared_from_this<ControlStream> {
public:
    // Waits for a client, and then lives until gRPC is done with it and no command of its is under way. `opened` is
    // called when it has its client: another one may wait.
    static void wait(Dispatcher& dispatcher, StreamStatistics& statistics, CallLoop& loop, const Request& request,
                     std::function<void()> opened);

    void fence(const std::string& why) override;
    void deliver(Event event) override;
    void write_what_waits() override;

private:
    struct Slot {  // a command whose reply is due, in command order
        std::uint64_t sequence = 0;
        bool list = false;
        std::optional<pb::ServerMessage> reply;
    };

    ControlStream(Dispatcher& dispatcher, StreamStatistics& statistics, CallLoop& loop, std::function<void()> opened)
        : ServedCall(loop), dispatcher_(dispatcher), statistics_(statistics), opened_(std::move(opened)) {}

    void on_call() override;
    void on_read(bool ok) override;
    void on_written(bool ok) override;
    void on_cancel() override;
    void on_done() override;

    void on_hello();
    void on_commands();
    void on_command(const pb::ClientMessage& command);
    template <class Message>
    void on_session_command(std::uint64_t slot, const Message& message);
    std::uint64_t open_slot(const pb::ClientMessage& command);
    void answer(std::uint64_t slot, const std::string& session, const Reply& reply);
    void refuse(const grpc::Status& status, Code code);

    // With mutex_ held.
    void flush_slots();
    void write_soon();
    void write_next();
    void read_next();
    void finish_when_written(grpc::Status status);

    Dispatcher& dispatcher_;
    StreamStatistics& statistics_;
    std::function<void()> opened_;
    std::shared_ptr<ControlStream> self_;  // gRPC's share
    grpc::ByteBuffer arrived_;             // what `incoming_` is read from
    pb::ClientMessage incoming_;
    std::string client_;  // written once by the reading side, before welcomed_; likewise
    std::atomic<bool> takes_silence_{false}, takes_telephone_events_{false}, takes_codes_{false};
    std::atomic<bool> takes_sending_{false}, takes_replies_{false}, takes_key_terms_{false};
    std::uint64_t last_sequence_ = 0;

    std::mutex mutex_;
    std::deque<Slot> slots_;
    std::uint64_t first_slot_ = 0;
    Outgoing outgoing_;      // front: being written, if writing_
    bool welcomed_ = false;  // nothing but a refusal is written before Welcome
    bool writing_ = false, finished_ = false;
    bool write_due_ = false;  // the loop will come back to it
    bool reading_ = false;    // until what was read is dealt with
    std::optional<grpc::Status> finish_with_;
};

}  // namespace sallyport::media::rpc
