#include "signaling/io/stream_session.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "signaling/io/socket_address.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/parser.h"

namespace sallyport::io {
namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr Duration retry_full_shard = 5ms;  // the owner of the message had no room
const transaction::SharedText pong = std::make_shared<const std::string>("\r\n");  // RFC 5626 4.4.1

asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint) {
    const auto address = to_socket_address(endpoint);
    asio::ip::tcp::endpoint result;
    result.resize(address.length);
    std::memcpy(result.data(), address.get(), address.length);
    return result;
}

// Why the stream cannot be cut into messages, as an answer to the request at fault; nothing if that is none.
std::optional<std::string> framing_response(const sip::Framer::Broken& broken) {
    const auto parsed = sip::Parser::parse(broken.head, sip::Framing::datagram);
    if (!parsed) return parsed.error().response;
    if (!parsed->is_request() || parsed->method() == sip::Method::ack) return std::nullopt;
    const std::uint16_t status = broken.code == sip::FramingErrc::message_too_large ? 513 : 400;
    return sip::respond(*parsed, status, "framing", nullptr, sip::to_string(broken.code)).finish();
}

}  // namespace

StreamSession::StreamSession(std::unique_ptr<ByteStream> stream, const Flow& flow, const StreamLimits& limits,
                             StreamOwner& owner, StreamScratch& scratch, IoStatistics& statistics)
    : stream_(std::move(stream)),
      flow_(flow),
      limits_(limits),
      owner_(owner),
      scratch_(scratch),
      statistics_(statistics),
      timer_(stream_->socket().get_executor()),
      pause_(stream_->socket().get_executor()) {}

void StreamSession::accept() {
    set_deadline(limits_.handshake, CloseReason::handshake_timeout);
    watch_deadline();
    asio::co_spawn(stream_->socket().get_executor(), run(std::nullopt), asio::detached);
}

void StreamSession::connect(const Endpoint& local_address) {
    set_deadline(limits_.connect, CloseReason::connect_timeout);
    watch_deadline();
    asio::co_spawn(stream_->socket().get_executor(), run(local_address), asio::detached);
}

asio::awaitable<void> StreamSession::run(std::optional<Endpoint> bind) {
    const auto self = shared_from_this();
    if (bind) {
        const bool connected = co_await connect_socket(*bind);
        if (!connected) co_return;
    }
    tune_stream(stream_->socket().native_handle(), std::chrono::ceil<std::chrono::seconds>(limits_.keep_alive));
    const bool secured = co_await shake_hands();
    if (!secured) co_return;
    if (bind) flow_.local = local_endpoint(stream_->socket().native_handle());
    state_ = State::open;
    owner_.on_open(*this);
    if (on_trial_)
        set_deadline(limits_.handshake, CloseReason::too_many);
    else
        set_deadline(limits_.idle, CloseReason::idle);
    start_writing();
    co_await read_loop();
}

asio::awaitable<bool> StreamSession::connect_socket(Endpoint bind) {
    auto& socket = stream_->socket();
    boost::system::error_code ec;
    const auto remote = to_asio(flow_.remote);
    if (!socket.is_open()) socket.open(remote.protocol(), ec);
    if (!ec && !bind.empty()) socket.bind(to_asio(bind), ec);
    if (!ec) {
        const auto [outcome] = co_await socket.async_connect(remote, token);
        ec = outcome;
    }
    if (state_ == State::ended) co_return false;
    if (ec) close(CloseReason::connect_failed, ec.message());
    co_return !ec;
}

asio::awaitable<bool> StreamSession::shake_hands() {
    const bool tls = flow_.transport == Transport::tls;
    if (tls) set_deadline(limits_.handshake, CloseReason::handshake_timeout);
    for (;;) {
        StreamStep step = stream_->handshake();
        if (!step.ended && step.wants == Wants::nothing && stream_->open_question()) {
            step = co_await hear_status();
            if (state_ == State::ended) co_return false;
        }
        if (step.ended) {
            statistics_.handshakes[step.reason == CloseReason::certificate ? Handshake::certificate : Handshake::failed]
                .add();
            close(step.reason, step.detail);
            co_return false;
        }
        if (step.wants == Wants::nothing) break;
        const bool ready = co_await wait_for(step.wants);
        if (!ready) co_return false;
    }
    if (tls) statistics_.handshakes[Handshake::ok].add();
    co_return true;
}

// Within what is left of the handshake's time.
asio::awaitable<StreamStep> StreamSession::hear_status() {
    const auto question = stream_->open_question();
    const auto executor = stream_->socket().get_executor();
    const std::weak_ptr<StreamSession> weak = weak_from_this();
    const auto done = [weak, executor](const StatusAnswer& answer) {
        asio::post(executor, [weak, answer] {
            const auto self = weak.lock();
            if (!self) return;
            self->status_ = answer;
            self->pause_.cancel();
        });
    };
    owner_.ask_status(*question, done);
    while (!status_ && state_ != State::ended) co_await pause(limits_.handshake);
    if (state_ == State::ended) co_return StreamStep{.ended = true};
    co_return stream_->judge(*status_);
}

// False: the session has ended meanwhile.
asio::awaitable<bool> StreamSession::wait_for(Wants what) {
    const auto direction = what == Wants::write ? asio::ip::tcp::socket::wait_write : asio::ip::tcp::socket::wait_read;
    const auto [ec] = co_await stream_->socket().async_wait(direction, token);
    if (state_ == State::ended) co_return false;
    if (ec) close(CloseReason::reset, ec.message());
    co_return !ec;
}

asio::awaitable<void> StreamSession::pause(Duration time) {
    pause_.expires_after(time);
    co_await pause_.async_wait(token);
}

asio::awaitable<void> StreamSession::read_loop() {
    const auto executor = stream_->socket().get_executor();
    while (state_ != State::ended) {
        const StreamStep step = stream_->read(scratch_.read);
        if (step.ended) {
            close(state_ == State::closing ? CloseReason::bad_framing : step.reason, step.detail);
            co_return;
        }
        if (step.wants != Wants::nothing) {
            const bool ready = co_await wait_for(step.wants);
            if (!ready) co_return;
            continue;
        }
        statistics_.stream_bytes_received.add(step.bytes);
        if (state_ == State::open) {  // else: reading on keeps a RST from destroying our last words
            const std::string_view bytes(scratch_.read.data(), step.bytes);
            co_await take(bytes);
            owner_.on_read_end();
        }
        co_await asio::post(executor, token);  // the other sessions have their turn
    }
}

asio::awaitable<void> StreamSession::take(std::string_view bytes) {
    framer_.append(bytes);  // copied: the scratch may be another session's from the next wait on
    bool finished_one = false, said_something = false;
    while (state_ == State::open) {
        const auto event = framer_.next();
        if (std::holds_alternative<sip::Framer::NeedMore>(event)) break;
        if (const auto* broken = std::get_if<sip::Framer::Broken>(&event)) {
            refuse(*broken);
            co_return;
        }
        finished_one = true;
        if (std::holds_alternative<sip::Framer::Ping>(event)) {
            statistics_.pings_answered.add();
            send(pong);
            continue;
        }
        const auto& message = std::get<sip::Framer::Message>(event);
        statistics_.stream_messages_received.add();
        heard_ = said_something = true;
        while (state_ == State::open && !owner_.on_message(flow_, message.bytes)) co_await pause(retry_full_shard);
    }
    if (state_ != State::open || on_trial_) co_return;
    const bool begun = framer_.in_message();
    if (!begun) {
        if (said_something || !reserved_) set_deadline(limits_.idle, CloseReason::idle);
    } else if (finished_one || !unfinished_) {
        set_deadline(limits_.message, CloseReason::incomplete);
    }
    unfinished_ = begun;
}

void StreamSession::refuse(const sip::Framer::Broken& broken) {
    const auto response = framing_response(broken);
    if (!response) return close(CloseReason::bad_framing, std::string(sip::to_string(broken.code)));
    send(std::make_shared<const std::string>(*response));
    if (state_ != State::open) return;
    state_ = State::closing;
    if (!writing_) stream_->finish_writing();  // the answer went out at once
    set_deadline(limits_.linger, CloseReason::bad_framing);
}

void StreamSession::send(transaction::SharedText bytes) {
    if (state_ == State::ended || state_ == State::closing) return statistics_.drops[IoDrop::connection_gone].add();
    queued_bytes_ += bytes->size();
    queue_.push_back(std::move(bytes));
    if (queued_bytes_ > limits_.write_queue_bytes) return close(CloseReason::slow_peer);
    if (state_ == State::open) start_writing();
}

void StreamSession::start_writing() {
    if (writing_ || queue_.empty()) return;
    writing_ = true;
    asio::co_spawn(stream_->socket().get_executor(), write_loop(), asio::detached);
}

// The front of the queue, several messages at once where they fit.
std::string_view StreamSession::gather() {
    const std::string_view first = std::string_view(*queue_.front()).substr(front_sent_);
    if (queue_.size() == 1 || first.size() >= scratch_.write.size()) return first;
    std::size_t n = 0;
    for (const auto& text : queue_) {
        const std::string_view rest = n == 0 ? first : std::string_view(*text);
        if (n + rest.size() > scratch_.write.size()) break;
        std::memcpy(scratch_.write.data() + n, rest.data(), rest.size());
        n += rest.size();
    }
    return {scratch_.write.data(), n};
}

void StreamSession::written(std::size_t bytes) {
    statistics_.stream_bytes_sent.add(bytes);
    queued_bytes_ -= bytes;
    front_sent_ += bytes;
    while (!queue_.empty() && front_sent_ >= queue_.front()->size()) {
        front_sent_ -= queue_.front()->size();
        queue_.pop_front();
        statistics_.stream_messages_sent.add();
    }
}

asio::awaitable<void> StreamSession::write_loop() {
    const auto self = shared_from_this();
    while (!queue_.empty() && state_ != State::ended) {
        const StreamStep step = stream_->write(gather());
        if (step.ended) {
            close(step.reason, step.detail);
            co_return;
        }
        if (step.wants == Wants::nothing) {
            written(step.bytes);
            continue;
        }
        const bool ready = co_await wait_for(step.wants);
        if (!ready) co_return;
    }
    writing_ = false;
    if (state_ == State::closing) stream_->finish_writing();
}

void StreamSession::close(CloseReason reason, const std::string& detail) {
    if (state_ == State::ended) return;
    if (state_ == State::opening && reason == CloseReason::handshake_timeout)
        statistics_.handshakes[Handshake::timeout].add();
    const auto self = shared_from_this();  // the owner may let go of it
    state_ = State::ended;
    statistics_.closes[reason].add();
    queue_.clear();
    timer_.cancel();
    pause_.cancel();
    stream_->close();
    owner_.on_end(*this, reason, detail);
}

// One timer that looks up the deadline when it fires: moving the deadline costs nothing.
void StreamSession::set_deadline(Duration after, CloseReason reason) {
    const auto previous = deadline_;
    deadline_ = asio::steady_timer::clock_type::now() + after;
    deadline_reason_ = reason;
    if (deadline_ < previous) watch_deadline();
}

void StreamSession::watch_deadline() {
    timer_.expires_at(deadline_);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = weak.lock();
        if (!ec && self && self->state_ != State::ended) self->on_deadline();
    });
}

void StreamSession::on_deadline() {
    if (deadline_ > asio::steady_timer::clock_type::now()) return watch_deadline();
    if (deadline_reason_ == CloseReason::idle && owner_.is_in_use(flow_)) {
        set_deadline(limits_.idle, CloseReason::idle);
        return watch_deadline();
    }
    close(deadline_reason_);
}

}  // namespace sallyport::io
