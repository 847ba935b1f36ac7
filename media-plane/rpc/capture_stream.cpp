#include "media-plane/rpc/capture_stream.h"

#include <algorithm>
#include <optional>

#include "media-plane/rpc/capture_choice.h"
#include "media-plane/rpc/session_walk.h"

namespace sallyport::media::rpc {
namespace {

constexpr std::chrono::milliseconds look_again{20};

std::optional<std::string> fault_of(const pb::CaptureRequest& request) {
    if (request.session().empty() || request.session().size() > limits::label_bytes)
        return "session: is missing: the name of a media session, or of its call";
    if (request.seconds() > limits::capture_seconds)
        return "seconds: " + std::to_string(request.seconds()) + " is not in 0..3600";
    if (request.packets() > limits::capture_packets)
        return "packets: " + std::to_string(request.packets()) + " is not in 0..10000000";
    return std::nullopt;
}

const char* name_of(CaptureEnd end) {
    switch (end) {
        case CaptureEnd::seconds: return "seconds";
        case CaptureEnd::packets: return "packets";
        case CaptureEnd::session: return "session";
        case CaptureEnd::running:
        case CaptureEnd::stopped: return "stopped";
    }
    return "stopped";
}

void fill(pb::CapturedPacket& out, const CapturedPacket& packet) {
    out.set_time_ns(static_cast<std::uint64_t>(packet.at.time_since_epoch().count()));
    fill_endpoint(out.mutable_from(), packet.from);
    fill_endpoint(out.mutable_to(), packet.to);
    out.set_payload(packet.bytes.data(), packet.kept);
    out.set_length(packet.length);
    out.set_stream(packet.stream);
    out.set_side(static_cast<pb::Side>(packet.side));
    out.set_sent(packet.sent);
    out.set_rtcp(packet.rtcp);
    out.set_decrypted(packet.decrypted);
    out.set_withheld(packet.withheld);
    if (packet.drop != Drop::none) out.set_drop(std::string(to_string(packet.drop)));
}

}  // namespace

CapturePump::CapturePump() : thread_([this] { run(); }) {}

CapturePump::~CapturePump() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void CapturePump::add(std::shared_ptr<CaptureStream> stream) {
    const std::lock_guard lock(mutex_);
    streams_.push_back(std::move(stream));
    wake_.notify_all();
}

void CapturePump::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        wake_.wait(lock, [this] { return stopping_ || !streams_.empty(); });
        auto present = streams_;
        lock.unlock();
        std::erase_if(present, [](const auto& stream) { return stream->pump(); });
        lock.lock();
        std::erase_if(streams_, [&](const auto& stream) {
            return std::find(present.begin(), present.end(), stream) != present.end();
        });
        wake_.wait_for(lock, look_again, [this] { return stopping_; });
    }
}

void CaptureStream::wait(const Surroundings& surroundings, CallLoop& loop, const RequestCapture& request,
                         std::function<void()> opened) {
    auto* stream = new CaptureStream(surroundings, loop, std::move(opened));
    stream->self_.reset(stream);
    stream->wait_for_call([&](grpc::ServerContext& context, grpc::ServerAsyncWriter<pb::CaptureMessage>& writer,
                              CallStep* step) { request(context, stream->request_, writer, step); });
}

void CaptureStream::on_call() {
    opened_();
    asker_ = surroundings_.asker(context());
    const auto fault = fault_of(request_);
    const bool may = !request_.decrypted() || asker_.may_decrypt;
    if (!fault && may && take_place()) return find();
    const std::lock_guard lock(mutex_);
    if (!may)  // first: who asks for it is on record, however he asks
        finish(
            {grpc::StatusCode::PERMISSION_DENIED,
             "decrypted: \"" + asker_.peer +
                 "\" may not have what SRTP hides: on a socket of the plane's host who may open it may, over TLS who "
                 "is named in grpc.tls.decrypt_clients of media.yaml"});
    else if (fault)
        finish({grpc::StatusCode::INVALID_ARGUMENT, *fault});
    else
        finish({grpc::StatusCode::RESOURCE_EXHAUSTED,
                std::to_string(limits::captures) + " captures are under way, the limit"});
}

// A capture has one from when it is looked for until it is over, and who is refused has none.
bool CaptureStream::take_place() {
    auto running = statistics_.running.load();
    while (running < limits::captures)
        if (statistics_.running.compare_exchange_weak(running, running + 1)) return has_place_ = true;
    return false;
}

void CaptureStream::find() {
    auto choice = std::make_shared<CaptureChoice>(request_.session());
    auto look = [choice](const SessionStatistics& session) {
        choice->show(session);
        return true;  // another may be meant as well
    };
    auto done = [self = shared_from_this(), choice](bool overloaded) {
        if (!overloaded && choice->session()) return self->start(*choice->session());
        const std::lock_guard lock(self->mutex_);
        if (overloaded)
            self->finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "a command queue is full: try again"});
        else if (choice->ambiguous())
            self->finish({grpc::StatusCode::FAILED_PRECONDITION, choice->candidates()});
        else
            self->finish({grpc::StatusCode::NOT_FOUND, "there is no media session of that name, nor of such a call"});
    };
    SessionWalk::begin(plane_, std::move(look), std::move(done));
}

// Which lcore has it the walk does not tell: all are asked, and one has it.
void CaptureStream::start(const SessionStatistics& session) {
    StartCapture command;
    {
        const std::lock_guard lock(mutex_);
        if (cancelled_) return finish(grpc::Status::CANCELLED);
        found_ = session;
        ring_ = std::make_shared<CaptureRing>(limits::capture_places);
        asked_ = plane_.lcores();
        command = {.key = session.key,
                   .decrypted = request_.decrypted(),
                   .packets = request_.packets() == 0 ? limits::default_capture_packets : request_.packets(),
                   .time = time_limit(),
                   .ring = ring_};
    }
    for (std::size_t i = 0; i < plane_.lcores(); ++i) {
        auto done = [self = shared_from_this()](Outcome outcome) {
            const auto* reply = std::get_if<Reply>(&outcome);
            self->on_started(reply != nullptr ? reply->code : Code::overloaded, reply != nullptr ? reply->text : "");
        };
        if (!plane_.submit(i, command, std::move(done))) on_started(Code::overloaded, "a command queue is full");
    }
}

void CaptureStream::on_started(Code code, const std::string& why) {
    {
        const std::lock_guard lock(mutex_);
        --asked_;
        if (code == Code::ok) started_ = true;
        if (finished_) return;
        if (code != Code::ok && code != Code::no_session) return finish({grpc::StatusCode::RESOURCE_EXHAUSTED, why});
        if (!started_) {
            if (asked_ == 0) finish({grpc::StatusCode::NOT_FOUND, "the session has ended"});
            return;
        }
        if (code != Code::ok) return;
        if (cancelled_) return finish(grpc::Status::CANCELLED);
        statistics_.started.fetch_add(1);
        begun_ = plane_.now();
        note(CaptureNote::What::begun);  // before there is anything to hear
        auto& started = *outgoing_.mutable_started();
        started.set_session(found_.key.session);
        started.set_client(found_.key.client);
        started.set_call(found_.call);
        started.set_trunk(found_.trunk);
        started.set_node(surroundings_.node);
        writing_ = true;
        start_write(outgoing_);
    }
    pump_.add(shared_from_this());
}

bool CaptureStream::pump() {
    const std::lock_guard lock(mutex_);
    if (!writing_ && !finished_) write_next();
    return !finished_;
}

void CaptureStream::write_next() {
    if (cancelled_) return finish(grpc::Status::CANCELLED);
    if (ending_) return finish(grpc::Status::OK);
    const CaptureEnd end = ring_->ended();  // before the last look at what came before it
    if (const auto* packet = ring_->front()) {
        fill(*outgoing_.mutable_packet(), *packet);
        ring_->pop();
        ++packets_;
        statistics_.packets.fetch_add(1, std::memory_order_relaxed);
    } else if (end != CaptureEnd::running) {
        auto& ended = *outgoing_.mutable_ended();
        ended.set_reason(name_of(end));
        ended.set_packets(packets_);
        ended.set_missed(ring_->missed());
        ended.set_withheld(ring_->withheld());
        end_reason_ = name_of(end);
        ending_ = true;
    } else {
        return;
    }
    writing_ = true;
    start_write(outgoing_);
}

void CaptureStream::finish(const grpc::Status& status) {
    if (finished_) return;
    finished_ = true;
    if (ring_) statistics_.missed.fetch_add(ring_->missed());
    stop();
    const bool failed = !status.ok() && status.error_code() != grpc::StatusCode::CANCELLED;
    if (begun_ != TimePoint{})
        note(CaptureNote::What::ended, failed ? status.error_message() : end_reason_);
    else
        note(CaptureNote::What::refused, failed ? status.error_message() : end_reason_);
    if (has_place_) statistics_.running.fetch_sub(1);
    finish_call(status);
}

// The lcore sees by itself that nobody reads on, should its queue be full now or the command to start be still in it.
void CaptureStream::stop() {
    if (!ring_ || ring_->ended() != CaptureEnd::running) return;
    ring_->abandon();
    for (std::size_t i = 0; i < plane_.lcores(); ++i) plane_.submit(i, StopCapture{ring_}, [](const Outcome&) {});
}

Duration CaptureStream::time_limit() const {
    return std::chrono::seconds(request_.seconds() == 0 ? limits::default_capture_seconds : request_.seconds());
}

void CaptureStream::note(CaptureNote::What what, const std::string& why) const {
    if (!surroundings_.log) return;
    CaptureNote note{.what = what, .asker = asker_, .decrypted = request_.decrypted(), .why = why};
    if (what == CaptureNote::What::refused) {
        note.asked_for = request_.session().substr(0, limits::label_bytes);
    } else {
        note.session = found_.key.session;
        note.client = found_.key.client;
        note.call = found_.call;
        note.trunk = found_.trunk;
        note.time = what == CaptureNote::What::begun ? time_limit() : plane_.now() - begun_;
        note.packets = packets_;
        note.missed = ring_->missed();
        note.withheld = ring_->withheld();
    }
    surroundings_.log(note);
}

void CaptureStream::on_written(bool ok) {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (finished_) return;
    if (!ok) return finish(grpc::Status::CANCELLED);
    write_next();
}

void CaptureStream::on_cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    if (started_ && !writing_) finish(grpc::Status::CANCELLED);
}

void CaptureStream::on_done() {
    std::shared_ptr<CaptureStream> last;
    const std::lock_guard lock(mutex_);
    last = std::move(self_);
}

}  // namespace sallyport::media::rpc
