// One thread, one io_context, one Stack: the only code that calls Stack::handle(). Brings it what its sockets, its
// timer and its mailbox have, and carries out what it asks for. Decides nothing about SIP.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/base/system_random.h"
#include "signaling/io/call_id_hash.h"
#include "signaling/io/clock.h"
#include "signaling/io/mailbox.h"
#include "signaling/io/stream_pool.h"
#include "signaling/io/udp_listener.h"
#include "signaling/stack/stack.h"

namespace sallyport::io {

// What a shard cannot do itself. Called on its thread; none may block or call back into it other than by post().
struct ShardHooks {
    std::function<void(std::uint64_t token, const locate::Question&)> resolve;
    std::function<void(b2bua::MediaCommand)> media;
    std::function<void(b2bua::CallRecord)> write_record;
    std::function<void(const b2bua::Checkpoint&)> checkpoint;
    std::function<void(const b2bua::LogFact&)> log;
};

class Shard final : private DatagramSink, private StreamSink {
public:
    struct Neighbours {  // every shard of the node, this one included; set before start()
        std::vector<Shard*> shards;
    };
    struct Environment {  // of the node; outlives the shard
        const Clock& clock;
        const CallIdHash& hash;
        const Neighbours& neighbours;
        StreamPool::Environment streams;
    };
    Shard(stack::StackConfig config, stack::Shared& shared, const Environment& environment);
    ~Shard() override;
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    // Before start():
    std::optional<std::string> listen(const UdpListener::Place& place);  // a sentence when it cannot
    void set_hooks(ShardHooks hooks) { hooks_ = std::move(hooks); }
    void start();
    // Closes its connections and joins its thread; whatever is posted later is never done.
    void stop();

    // Any thread. False: it was a message from the network, and too many are waiting.
    // `first`: before other messages, and where there is no place for those.
    bool post(Letter letter, bool first = false);

    asio::io_context& context() { return context_; }
    Gathering& gathering() { return gathering_; }
    std::uint32_t index() const { return index_; }
    const IoStatistics& statistics() const { return statistics_; }
    const stack::Stack& stack() const { return stack_; }  // other threads: its counters only

private:
    void on_datagram(const Flow& flow, std::string_view bytes) override;
    void on_unreachable(const Flow& flow, const std::string& why) override;
    bool on_stream_message(const Flow& flow, std::string_view bytes) override;
    bool comes_first(std::string_view bytes) override;
    void on_batch_end() override { finish(); }
    bool is_in_use(const Flow& flow) override;
    bool calls_for_help(std::string_view bytes) override { return stack_.calls_for_help(bytes); }
    bool is_known(const Flow& flow) override { return stack_.knows(flow, environment_.clock.now()); }
    void on_flow_closed(const Flow& flow, const std::string& reason) override;
    void on_refused_connection(const Flow& flow, CloseReason reason, const std::string& detail) override;
    void on_remark(const Flow& flow, const std::string& text) override;
    bool may_complain();
    bool has_too_much_to_do() const { return stack_.statistics().overload_permille.read() != 0; }

    bool deliver(const Flow& flow, std::string_view bytes);
    std::uint32_t owner_of_call(std::string_view call_id, std::string_view bytes) const;
    void hand_over(b2bua::HandOver& invite);
    void handle_message(const Flow& flow, std::string_view bytes);
    void handle(const stack::Input& input);
    void carry_out(stack::Output& output);
    void transmit(transaction::Transmit& transmit);
    void transmit_datagram(const transaction::Transmit& transmit);
    void transmit_stream(const transaction::Transmit& transmit, std::uint32_t asked_by);
    void close_flow(const transaction::CloseFlow& close);
    std::uint32_t owner_of(const Flow& flow, const std::string& tls_name) const;

    void run();
    Duration busy_for();

    void open_mail();
    void open_letter(Letter& letter);
    void finish_later();
    void finish();
    void arm_timer();
    void on_timer();

    Environment environment_;
    std::uint32_t index_;
    IoStatistics statistics_;
    SystemRandom random_;
    const stack::Shared& shared_;
    stack::Stack stack_;
    ShardHooks hooks_;
    asio::io_context context_{1};
    Mailbox mailbox_;
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    asio::steady_timer timer_;
    std::optional<TimePoint> armed_;
    ReceiveArena arena_;
    Gathering gathering_;
    std::vector<std::unique_ptr<UdpListener>> udp_;
    StreamPool streams_;
    stack::Outputs outputs_;
    std::vector<Letter> mail_;  // being opened
    std::size_t opened_ = 0;
    bool finish_posted_ = false;
    bool in_batch_ = false;   // whoever has begun it finishes when it ends
    bool rested_ = true;      // there was nothing to do before what is being done
    TimePoint busy_since_{};  // since then there was always something
    TimePoint waiting_since_{};
    bool asked_ = false;         // whether there was anything to do, before waiting for it
    bool first_ = false;         // nothing has been taken since
    std::size_t datagrams_ = 0;  // that what is being done has brought
    TimePoint refusals_since_{};
    std::size_t refusals_ = 0;
    std::thread thread_;
};

}  // namespace sallyport::io
