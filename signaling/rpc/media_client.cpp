#include "signaling/rpc/media_client.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace sallyport::rpc {
namespace {

constexpr Duration tick_interval = 250ms;
constexpr Duration release_wait = 5ms;  // for company
constexpr int most_together = 256;      // commands in a message, as the plane takes them
constexpr const char* away = "media plane away";

}  // namespace

MediaClient::MediaClient(asio::io_context& context, io::Gathering& gathering, std::shared_ptr<grpc::Channel> channel,
                         MediaClientOptions options, Deliver deliver, Log log)
    : context_(context),
      channel_(std::move(channel)),
      stub_(media_pb::Media::NewStub(channel_)),
      options_(std::move(options)),
      deliver_(std::move(deliver)),
      log_(std::move(log)),
      timer_(context),
      flush_timer_(context),
      inbox_(gathering, [this](News& news) {
          if (news.message) return on_message(news.generation, *news.message);
          on_end(news.generation, news.why);
      }) {}

MediaClient::~MediaClient() {
    flush();
    stream_.reset();  // their events come to what is left of this
    ended_.clear();
}

void MediaClient::start() {
    asio::post(context_, [this] { open(); });
}

void MediaClient::open() {
    const std::uint64_t generation = ++generation_;
    Stream::Events events;
    events.message = [this, generation](media_pb::ServerMessage& message) {
        inbox_.put({generation, std::move(message), {}});
    };
    events.end = [this, generation](const grpc::Status& status) {
        inbox_.put({generation, std::nullopt, status.error_message()});
    };
    state_ = State::opening;
    opened_ = last_sent_ = Clock::now();
    const auto prepare = [this](grpc::ClientContext* call, grpc::CompletionQueue* queue) {
        return stub_->PrepareAsyncControl(call, queue);
    };
    stream_ = std::make_unique<Stream>(prepare, std::move(events));
    media_pb::ClientMessage hello;
    hello.mutable_hello()->set_client(options_.client);
    hello.mutable_hello()->set_epoch(options_.epoch);
    hello.mutable_hello()->set_lease_seconds(options_.lease_seconds);
    hello.mutable_hello()->set_telephone_event_codes(options_.telephone_event_codes);
    for (const auto feature : understood_features) hello.mutable_hello()->add_features(feature);
    stream_->write(std::move(hello));
    tick_after(tick_interval);
}

void MediaClient::on_message(std::uint64_t generation, const media_pb::ServerMessage& message) {
    if (generation != generation_ || state_ == State::down) return;
    switch (message.body_case()) {
        case media_pb::ServerMessage::kWelcome: return on_welcome(message.welcome());
        case media_pb::ServerMessage::kReply: return on_reply(message.reply());
        case media_pb::ServerMessage::kReplies:
            for (const auto& reply : message.replies().replies()) on_reply(reply);
            return;
        case media_pb::ServerMessage::kEvent: return on_event(message.event());
        case media_pb::ServerMessage::BODY_NOT_SET: return;
    }
}

void MediaClient::on_welcome(const media_pb::Welcome& welcome) {
    if (state_ != State::opening) return;
    state_ = State::up;
    takes_commands_ = names(welcome, media_pb::FEATURE_TOGETHER);
    statistics_.up.set(1);
    back_off_.reset();
    told_away_ = false;
    log_({b2bua::Severity::info, "media-up", {}, {}, "media plane " + welcome.node() + " is there"});
    if (const auto missing = features_missing(welcome); !missing.empty())
        log_({b2bua::Severity::warning,
              "media-features",
              {},
              {},
              "media plane " + welcome.node() + " is older than this signaling: " + missing +
                  "; update media planes first"});
    deliver_(from_proto(welcome));
}

// Replies come in command order: one that was skipped will not come.
void MediaClient::on_reply(const media_pb::Reply& reply) {
    while (!pending_.empty() && pending_.front().sequence < reply.sequence()) {
        refuse(pending_.front().call, pending_.front().token, "no reply from the media plane");
        pending_.pop_front();
    }
    if (pending_.empty() || pending_.front().sequence != reply.sequence()) return;
    const Pending answered = pending_.front();
    pending_.pop_front();
    statistics_.round_trip_seconds.observe(std::chrono::duration<double>(Clock::now() - answered.sent).count());
    if (reply.code() != media_pb::CODE_OK) statistics_.errors.add();
    if (answered.token != 0) {
        auto result = from_proto(reply);
        result.call = answered.call;
        result.token = answered.token;
        deliver_(std::move(result));
    }
    while (send_first(urgent_, options_.under_way + options_.for_emergencies) ||
           send_first(waiting_, options_.under_way)) {
    }
}

// False: there is none, or too many are under way.
bool MediaClient::send_first(std::deque<Waiting>& queue, std::size_t under_way) {
    if (queue.empty() || pending_.size() >= under_way) return false;
    Waiting next = std::move(queue.front());
    queue.pop_front();
    send(std::move(next));
    return true;
}

void MediaClient::on_event(const media_pb::Event& event) {
    auto converted = from_proto(event);
    if (!converted) return statistics_.bad_events.add();
    statistics_.events.add();
    deliver_(std::move(*converted));
}

void MediaClient::submit(const b2bua::MediaCommand& command) {
    if (state_ != State::up) {
        statistics_.refused_away.add();
        return refuse(command.call, command.token, away);
    }
    const std::size_t beside = command.emergency ? options_.for_emergencies : 0;
    if (urgent_.size() + waiting_.size() >= options_.waiting + beside) {
        statistics_.refused_full.add();
        return refuse(command.call, command.token, "too many media commands are waiting");
    }
    auto message = to_proto(command);
    if (!message) {
        statistics_.errors.add();
        return refuse(command.call, command.token, message.error());
    }
    Waiting next{std::move(*message), command.call, command.token};
    if (pending_.size() < options_.under_way + beside) return send(std::move(next));
    (command.emergency ? urgent_ : waiting_).push_back(std::move(next));
}

void MediaClient::send(Waiting waiting) {
    statistics_.commands.add();
    last_sent_ = Clock::now();
    waiting.message.set_sequence(++sequence_);
    pending_.push_back({sequence_, waiting.call, waiting.token, last_sent_});
    if (!takes_commands_) return stream_->write(std::move(waiting.message));
    const bool release = waiting.message.has_release();
    auto& together = *together_.mutable_commands()->mutable_commands();
    together.Add(std::move(waiting.message));
    if (together.size() == most_together) return flush();
    release ? flush_soon() : flush_after_this();
}

// What the shard has to say in one round goes in one message.
void MediaClient::flush() {
    media_pb::ClientMessage next = std::exchange(together_, {});
    auto& commands = *next.mutable_commands()->mutable_commands();
    if (commands.empty() || !stream_) return;
    stream_->write(commands.size() == 1 ? std::move(commands[0]) : std::move(next));
}

void MediaClient::flush_after_this() {
    if (std::exchange(flush_posted_, true)) return;
    asio::post(context_, [this] {
        flush_posted_ = false;
        flush();
    });
}

// The call is over, and its statistics can wait: a third of all messages needs nobody woken for it alone.
void MediaClient::flush_soon() {
    if (std::exchange(flush_due_, true)) return;
    flush_timer_.expires_after(release_wait);
    flush_timer_.async_wait([this](boost::system::error_code ec) {
        if (ec) return;
        flush_due_ = false;
        flush();
    });
}

void MediaClient::refuse(b2bua::CallId call, std::uint64_t token, const std::string& error) {
    if (token == 0) return;
    b2bua::MediaReply reply;
    reply.call = call;
    reply.token = token;
    reply.error = error;
    deliver_(std::move(reply));
}

void MediaClient::on_end(std::uint64_t generation, const std::string& why) {
    if (generation == generation_ && state_ != State::down) drop(why);
}

// The stream is of no use any more: tell the core, answer what waits, try again soon.
void MediaClient::drop(const std::string& why) {
    const bool was_up = state_ == State::up;
    state_ = State::down;
    statistics_.up.set(0);
    stream_->cancel();
    std::erase_if(ended_, [](const auto& stream) { return stream->done(); });
    ended_.push_back(std::move(stream_));
    if (was_up) {
        statistics_.connections_lost.add();
        deliver_(b2bua::MediaState{});
    }
    if (!told_away_) log_({b2bua::Severity::warning, "media-away", {}, {}, "media plane is away: " + why});
    told_away_ = true;
    for (const auto& p : pending_) refuse(p.call, p.token, away);
    for (const auto* queue : {&urgent_, &waiting_})
        for (const auto& w : *queue) refuse(w.call, w.token, away);
    together_ = {};
    pending_.clear();
    urgent_.clear();
    waiting_.clear();
    tick_after(back_off_.next());
}

void MediaClient::tick_after(Duration time) {
    timer_.expires_after(time);
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) tick();
    });
}

void MediaClient::tick() {
    if (state_ == State::down) return open();
    const auto now = Clock::now();
    const auto since = state_ == State::opening ? opened_ : pending_.empty() ? now : pending_.front().sent;
    if (now - since > options_.answer_within) return drop("no answer");
    const Duration quiet = std::min<Duration>(10s, std::chrono::seconds(options_.lease_seconds) / 3);
    if (state_ == State::up && now - last_sent_ > quiet) {
        Waiting keep_alive;
        keep_alive.message.mutable_keep_alive();
        send(std::move(keep_alive));
    }
    tick_after(tick_interval);
}

}  // namespace sallyport::rpc
