// One TCP or TLS connection of a shard: handshake, messages cut out of the stream (RFC 3261 18.3), pings answered
// (RFC 5626 4.4.1), a bounded queue of what is to be written. Hands messages on; decides nothing about them.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/time.h"
#include "signaling/io/byte_stream.h"
#include "signaling/io/statistics.h"
#include "signaling/sip/framer.h"
#include "signaling/transaction/effects.h"

namespace sallyport::io {

struct StreamLimits {
    std::size_t write_queue_bytes = 1 << 20;  // a peer that lets more pile up is closed
    Duration idle = 300s;                     // without a byte, unless a registration or a call lives on it
    Duration message = 30s;                   // from the first byte of a message to its last
    Duration handshake = 10s;
    Duration connect = 4s;
    Duration keep_alive = 30s;  // in which a peer that is gone without a word is noticed
    Duration linger = 2s;       // for last words before closing
    // At a time per shard, of TLS connections that are opened to us; as many again of ours. More are refused: of a
    // source that nobody is known at, beyond an eighth of them, of all such sources beyond seven eighths.
    std::size_t handshakes = 1'000;
};

// Scratch of a shard: what is read and what is about to be written outlives no step, so all sessions share it.
struct StreamScratch {
    std::array<char, 16'384> read, write;  // a TLS record
};

class StreamSession;

// The session's owner. Calls come on the shard's thread.
class StreamOwner {
public:
    virtual ~StreamOwner() = default;
    // False: cannot be taken now; the session stops reading and asks again.
    virtual bool on_message(const Flow& flow, std::string_view bytes) = 0;
    virtual void on_read_end() = 0;                // of one chunk of bytes
    virtual bool is_in_use(const Flow& flow) = 0;  // idle, but to be kept
    // Who wants to know is told on any thread, once or never.
    virtual void ask_status(const StatusQuestion& question, std::function<void(const StatusAnswer&)> done) = 0;
    virtual void on_open(StreamSession& session) = 0;
    virtual void on_end(StreamSession& session, CloseReason reason, const std::string& detail) = 0;  // once
};

class StreamSession : public std::enable_shared_from_this<StreamSession> {
public:
    // `flow`: of an accepted connection complete; of one that we open, local is empty until it is open.
    StreamSession(std::unique_ptr<ByteStream> stream, const Flow& flow, const StreamLimits& limits, StreamOwner& owner,
                  StreamScratch& scratch, IoStatistics& statistics);

    void accept();                                // connected already
    void connect(const Endpoint& local_address);  // port 0; empty: any
    void send(transaction::SharedText bytes);     // queued until it is open
    void close(CloseReason reason, const std::string& detail = {});

    const Flow& flow() const { return flow_; }
    // Until it has passed it has the time of a handshake for its first message, whatever else it sends meanwhile.
    // Afterwards it has the room of calls for help: pings alone do not keep that.
    void put_on_trial() { on_trial_ = reserved_ = true; }
    void pass_trial() {
        on_trial_ = false;
        set_deadline(limits_.idle, CloseReason::idle);
    }
    bool on_trial() const { return on_trial_; }
    bool open() const { return state_ == State::open; }
    bool heard() const { return heard_; }  // a message was handed on
    std::string remark() const { return stream_->remark(); }

private:
    enum class State : std::uint8_t { opening, open, closing, ended };

    asio::awaitable<void> run(std::optional<Endpoint> bind);
    asio::awaitable<bool> connect_socket(Endpoint bind);
    asio::awaitable<bool> shake_hands();
    asio::awaitable<StreamStep> hear_status();
    asio::awaitable<void> read_loop();
    asio::awaitable<bool> wait_for(Wants what);
    asio::awaitable<void> take(std::string_view bytes);
    asio::awaitable<void> write_loop();
    asio::awaitable<void> pause(Duration time);
    void start_writing();
    std::string_view gather();
    void written(std::size_t bytes);
    void refuse(const sip::Framer::Broken& broken);
    void set_deadline(Duration after, CloseReason reason);
    void watch_deadline();
    void on_deadline();

    std::unique_ptr<ByteStream> stream_;
    Flow flow_;
    const StreamLimits& limits_;
    StreamOwner& owner_;
    StreamScratch& scratch_;
    IoStatistics& statistics_;
    sip::Framer framer_;
    std::deque<transaction::SharedText> queue_;
    std::size_t queued_bytes_ = 0, front_sent_ = 0;
    asio::steady_timer timer_, pause_;
    asio::steady_timer::time_point deadline_{};
    CloseReason deadline_reason_ = CloseReason::idle;
    std::optional<StatusAnswer> status_;
    State state_ = State::opening;
    bool writing_ = false, heard_ = false, unfinished_ = false, on_trial_ = false, reserved_ = false;
};

}  // namespace sallyport::io
