// One shard's line to the media plane: pipelined commands under an epoch, replies in command order, events. Never
// waits: while the plane is away every command is answered at once with an error. All of it runs on the shard's thread
// but the stream itself.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/base/counter.h"
#include "control/base/histogram.h"
#include "sallyport/media/v1/media.grpc.pb.h"
#include "signaling/b2bua/effects.h"
#include "signaling/rpc/bidi_stream.h"
#include "signaling/rpc/channel.h"
#include "signaling/rpc/inbox.h"
#include "signaling/rpc/media_convert.h"
#include "signaling/stack/input.h"

namespace sallyport::rpc {

namespace asio = boost::asio;

struct MediaClientOptions {
    RpcPeer peer;
    std::string client;                  // "edge-1/0": stable across restarts
    std::uint64_t epoch = 0;             // greater with each start of the process
    std::uint32_t lease_seconds = 30;    // how long sessions outlive a lost stream
    bool telephone_event_codes = false;  // the plane says which digits are dialled in a call
    Duration answer_within = 3s;         // a reply later than this means that the plane hangs
    std::size_t under_way = 512;         // commands sent and not answered; the plane refuses beyond 1,024
    std::size_t waiting = 8'192;         // commands not sent yet; then errors at once
    std::size_t for_emergencies = 128;   // beside `under_way`, and beside `waiting`
};

// Written by the shard.
struct MediaClientStatistics {
    Counter up;  // 0 or 1
    Counter commands, errors, refused_away, refused_full, events, bad_events, connections_lost;
    SecondsHistogram round_trip_seconds{seconds_bounds};
};

class MediaClient {
public:
    using Deliver = std::function<void(stack::Input)>;  // any time; must not call back
    using Log = std::function<void(const b2bua::LogFact&)>;

    // `gathering` of `context`.
    MediaClient(asio::io_context& context, io::Gathering& gathering, std::shared_ptr<grpc::Channel> channel,
                MediaClientOptions options, Deliver deliver, Log log);
    ~MediaClient();  // when the context runs no more
    MediaClient(const MediaClient&) = delete;
    MediaClient& operator=(const MediaClient&) = delete;

    void start();
    void submit(const b2bua::MediaCommand& command);

    const MediaClientStatistics& statistics() const { return statistics_; }

private:
    using Stream = BidiStream<media_pb::ClientMessage, media_pb::ServerMessage>;
    using Clock = std::chrono::steady_clock;
    enum class State : std::uint8_t { down, opening, up };
    struct News {  // of the stream, from its thread
        std::uint64_t generation = 0;
        std::optional<media_pb::ServerMessage> message;  // nothing: it has ended
        std::string why;
    };
    struct Waiting {
        media_pb::ClientMessage message;
        b2bua::CallId call;
        std::uint64_t token = 0;
    };
    struct Pending {
        std::uint64_t sequence = 0;
        b2bua::CallId call;
        std::uint64_t token = 0;
        Clock::time_point sent;
    };

    void open();
    void on_message(std::uint64_t generation, const media_pb::ServerMessage& message);
    void on_welcome(const media_pb::Welcome& welcome);
    void on_reply(const media_pb::Reply& reply);
    void on_event(const media_pb::Event& event);
    void on_end(std::uint64_t generation, const std::string& why);
    void drop(const std::string& why);
    void send(Waiting waiting);
    bool send_first(std::deque<Waiting>& queue, std::size_t under_way);
    void flush();
    void flush_soon();
    void flush_after_this();
    void refuse(b2bua::CallId call, std::uint64_t token, const std::string& error);
    void tick_after(Duration time);
    void tick();

    asio::io_context& context_;
    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<media_pb::Media::Stub> stub_;
    MediaClientOptions options_;
    Deliver deliver_;
    Log log_;
    MediaClientStatistics statistics_;
    asio::steady_timer timer_, flush_timer_;
    bool flush_due_ = false, flush_posted_ = false;  // within release_wait; when what is being done is done
    Inbox<News> inbox_;
    BackOff back_off_;
    State state_ = State::down;
    std::unique_ptr<Stream> stream_;              // not when down
    std::vector<std::unique_ptr<Stream>> ended_;  // cancelled: gRPC may still be finishing with them
    std::uint64_t generation_ = 0;                // of the stream: what an older one still says is not heard
    std::uint64_t sequence_ = 0;
    bool takes_commands_ = false;       // several in one message
    media_pb::ClientMessage together_;  // what is sent next, if it does
    Clock::time_point opened_, last_sent_;
    bool told_away_ = false;
    std::deque<Waiting> urgent_, waiting_;  // those of emergencies go first; a session is in one of them alone
    std::deque<Pending> pending_;
};

}  // namespace sallyport::rpc
