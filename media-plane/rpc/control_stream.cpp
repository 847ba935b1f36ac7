#include "media-plane/rpc/control_stream.h"

#include <utility>

#include "control/base/check.h"
#include "media-plane/rpc/wiped_message.h"

namespace sallyport::media::rpc {
namespace {

std::string session_of(const pb::ClientMessage& message) {
    switch (message.body_case()) {
        case pb::ClientMessage::kAllocate: return message.allocate().session();
        case pb::ClientMessage::kModify: return message.modify().session();
        case pb::ClientMessage::kRelease: return message.release().session();
        default: return {};
    }
}

}  // namespace

void ControlStream::wait(Dispatcher& dispatcher, StreamStatistics& statistics, CallLoop& loop, const Request& request,
                         std::function<void()> opened) {
    auto* stream = new ControlStream(dispatcher, statistics, loop, std::move(opened));
    stream->self_.reset(stream);
    stream->wait_for_call(request);
}

void ControlStream::on_call() {
    statistics_.opened.fetch_add(1, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        read_next();
    }
    opened_();
}

void ControlStream::on_read(bool ok) {
    ok = ok && read_and_wipe(arrived_, incoming_);
    if (ok && client_.empty())
        on_hello();
    else if (ok && incoming_.has_commands())
        on_commands();
    else if (ok)
        on_command(incoming_);
    else if (!client_.empty())  // the client has ended its half, or is gone
        dispatcher_.closed(*this, client_, dispatcher_.plane().now());
    wipe_keys(incoming_);
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (!ok && !welcomed_) finish_when_written({grpc::StatusCode::INVALID_ARGUMENT, "no Hello was said"});
    if (!ok) finish_when_written(grpc::Status::OK);
    read_next();
}

void ControlStream::on_hello() {
    if (incoming_.body_case() != pb::ClientMessage::kHello || incoming_.sequence() != 0)
        return refuse({grpc::StatusCode::INVALID_ARGUMENT, "the first message of a stream is Hello, with sequence 0"},
                      Code::invalid);
    auto hello = from_proto(incoming_.hello());
    if (!hello) return refuse({grpc::StatusCode::INVALID_ARGUMENT, hello.error().text}, Code::invalid);
    takes_silence_ = hello->takes_silence;
    takes_telephone_events_ = hello->takes_telephone_events;
    takes_codes_ = hello->takes_codes;
    takes_sending_ = hello->takes_sending;
    takes_key_terms_ = hello->takes_key_terms;
    takes_replies_ = hello->takes_replies;
    Greeting greeting{hello->client, hello->epoch, std::nullopt};
    if (hello->lease_seconds != 0) greeting.lease = std::chrono::seconds(hello->lease_seconds);
    auto welcome = dispatcher_.greet(greeting, shared_from_this(), dispatcher_.plane().now());
    if (!welcome) {
        if (welcome.error() == GreetingErrc::stale_epoch)
            return refuse({grpc::StatusCode::FAILED_PRECONDITION, "hello.epoch: a newer one of this client is known"},
                          Code::stale_epoch);
        return refuse({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many clients"}, Code::overloaded);
    }
    client_ = hello->client;
    pb::ServerMessage message;
    message.mutable_welcome()->set_node(welcome->node);
    message.mutable_welcome()->set_incarnation(welcome->incarnation);
    for (const auto feature : features) message.mutable_welcome()->add_features(feature);
    for (auto& session : welcome->sessions) message.mutable_welcome()->add_sessions(std::move(session));
    const std::lock_guard lock(mutex_);
    if (finish_with_ || finished_) return;     // another stream of this client has come meanwhile
    outgoing_.push_front(std::move(message));  // before any event that came in the meantime
    welcomed_ = true;
    write_next();
}

// The client learns the code in a last reply and the reason in the stream's status.
void ControlStream::refuse(const grpc::Status& status, Code code) {
    statistics_.refused.fetch_add(1, std::memory_order_relaxed);
    pb::ServerMessage message;
    *message.mutable_reply() = to_proto(incoming_.sequence(), {}, {.code = code, .text = status.error_message()});
    const std::lock_guard lock(mutex_);
    outgoing_.push(std::move(message));
    finish_when_written(status);
    write_next();
}

void ControlStream::on_commands() {
    const auto& commands = incoming_.commands().commands();
    if (commands.size() > limits::commands_together)
        return refuse(
            {grpc::StatusCode::INVALID_ARGUMENT, "commands: more than " + std::to_string(limits::commands_together)},
            Code::invalid);
    for (const auto& command : commands) on_command(command);
}

void ControlStream::on_command(const pb::ClientMessage& command) {
    const std::uint64_t slot = open_slot(command);
    const auto refuse_command = [&](Code code, const char* text) {
        statistics_.invalid_commands.fetch_add(code == Code::invalid ? 1 : 0, std::memory_order_relaxed);
        answer(slot, session_of(command), {.code = code, .text = text});
    };
    if (command.sequence() <= last_sequence_) return refuse_command(Code::invalid, "sequence: does not increase");
    last_sequence_ = command.sequence();
    bool full = false;
    {
        const std::lock_guard lock(mutex_);
        full = slots_.size() > limits::commands_under_way;
    }
    if (full) return refuse_command(Code::overloaded, "too many commands of this stream wait for their reply");
    switch (command.body_case()) {
        case pb::ClientMessage::kAllocate: return on_session_command(slot, command.allocate());
        case pb::ClientMessage::kModify: return on_session_command(slot, command.modify());
        case pb::ClientMessage::kRelease: return on_session_command(slot, command.release());
        case pb::ClientMessage::kList:
        case pb::ClientMessage::kKeepAlive: return answer(slot, {}, {});
        case pb::ClientMessage::kHello: return refuse_command(Code::invalid, "hello: was said before");
        case pb::ClientMessage::kCommands: return refuse_command(Code::invalid, "commands: are within commands");
        case pb::ClientMessage::BODY_NOT_SET:
            return refuse_command(Code::invalid, "body: is missing or not known here");
    }
    SALLYPORT_CHECK(false);
}

template <class Message>
void ControlStream::on_session_command(std::uint64_t slot, const Message& message) {
    auto converted = from_proto(client_, message);
    if (!converted) {
        statistics_.invalid_commands.fetch_add(1, std::memory_order_relaxed);
        return answer(slot, message.session(), {.code = converted.error().code, .text = converted.error().text});
    }
    auto done = [self = shared_from_this(), slot, session = message.session()](const Reply& reply) {
        self->loop().outcome_came();
        self->answer(slot, session, reply);
    };
    loop().expect_outcome();
    if (const auto refusal = dispatcher_.command(*this, std::move(*converted), std::move(done))) {
        loop().outcome_came();
        answer(slot, message.session(), *refusal);
    }
}

std::uint64_t ControlStream::open_slot(const pb::ClientMessage& command) {
    const std::lock_guard lock(mutex_);
    slots_.push_back({command.sequence(), command.has_list(), std::nullopt});
    return first_slot_ + slots_.size() - 1;
}

void ControlStream::answer(std::uint64_t slot, const std::string& session, const Reply& reply) {
    const std::lock_guard lock(mutex_);
    if (slot < first_slot_ || slot >= first_slot_ + slots_.size()) return;  // the stream ended in the meantime
    Slot& waiting = slots_[slot - first_slot_];
    *waiting.reply.emplace().mutable_reply() = to_proto(waiting.sequence, session, reply);
    flush_slots();
    write_soon();
    read_next();
}

void ControlStream::flush_slots() {
    while (!slots_.empty() && slots_.front().reply) {
        Slot& slot = slots_.front();
        if (slot.list)  // in its turn: all commands before it are carried out
            for (auto& name : dispatcher_.sessions_of(client_))
                slot.reply->mutable_reply()->add_sessions(std::move(name));
        outgoing_.push(std::move(*slot.reply));
        slots_.pop_front();
        ++first_slot_;
    }
}

// Replies that come together share a system call, here and where they are read.
void ControlStream::write_soon() {
    if (CallLoop::of_this_thread() != &loop()) return write_next();
    if (std::exchange(write_due_, true)) return;
    loop().write_later(shared_from_this());
}

void ControlStream::write_what_waits() {
    const std::lock_guard lock(mutex_);
    write_due_ = false;
    write_next();
}

void ControlStream::write_next() {
    if (writing_ || finished_ || (!welcomed_ && !finish_with_)) return;
    if (!outgoing_.empty()) {
        writing_ = true;
        if (takes_replies_) outgoing_.gather_replies();
        grpc::WriteOptions options;
        if (outgoing_.size() > 1) options.set_buffer_hint();  // the next one follows at once
        start_write(outgoing_.front(), options);
    } else if (finish_with_ && (slots_.empty() || !finish_with_->ok())) {  // after OK every command has its reply
        finished_ = true;
        finish_call(*finish_with_);
    }
}

void ControlStream::read_next() {
    if (reading_ || finished_ || finish_with_) return;
    if (slots_.size() + outgoing_.size() > limits::unsent_replies + limits::commands_under_way) return;
    reading_ = true;
    start_read(&arrived_);
}

void ControlStream::finish_when_written(grpc::Status status) {
    if (!finish_with_) finish_with_ = std::move(status);
    write_next();
}

void ControlStream::on_written(bool ok) {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) {
        outgoing_.pop();
    } else {
        outgoing_.clear();
        if (!finish_with_) finish_with_ = grpc::Status::CANCELLED;
    }
    write_next();
    read_next();
}

void ControlStream::on_cancel() {
    const std::lock_guard lock(mutex_);
    if (!finish_with_) finish_with_ = grpc::Status::CANCELLED;
    if (!writing_) outgoing_.clear();
    write_next();
}

void ControlStream::on_done() {
    if (!client_.empty()) dispatcher_.closed(*this, client_, dispatcher_.plane().now());
    std::shared_ptr<ControlStream> last;  // commands under way may hold more shares
    const std::lock_guard lock(mutex_);
    finished_ = true;
    slots_.clear();
    outgoing_.clear();
    last = std::move(self_);
}

void ControlStream::fence(const std::string& why) {
    statistics_.fenced.fetch_add(1, std::memory_order_relaxed);
    pb::ServerMessage message;
    *message.mutable_reply() = to_proto(0, {}, {.code = Code::stale_epoch, .text = why});
    const std::lock_guard lock(mutex_);
    if (finished_ || finish_with_) return;
    outgoing_.push(std::move(message));
    finish_when_written({grpc::StatusCode::ABORTED, why});
}

void ControlStream::deliver(Event event) {
    const bool of_silence = event.kind == EventKind::silence || event.kind == EventKind::heard_again;
    if (of_silence && !takes_silence_) return;
    const bool of_sending = event.kind == EventKind::not_sent || event.kind == EventKind::sent_again;
    if (of_sending && !takes_sending_) return;
    if (event.kind == EventKind::key_ends && !takes_key_terms_) return;
    const bool dialled = event.kind == EventKind::telephone_event;
    if (dialled && !takes_telephone_events_) return;
    pb::ServerMessage message;
    *message.mutable_event() = to_proto(event);
    // What is dialled in a call may be a PIN: without being asked for it does not leave this process.
    if (dialled && !takes_codes_) message.mutable_event()->mutable_telephone_event()->clear_code();
    const std::lock_guard lock(mutex_);
    if (finished_ || finish_with_) return;
    if (!outgoing_.push_event(std::move(message))) {
        statistics_.events_lost.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    write_soon();
}

}  // namespace sallyport::media::rpc
