// Every server transaction of a shard: absorbs repeated requests, answers CANCEL and merged requests itself, hands new
// requests to the user.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>

#include "signaling/transaction/answered.h"
#include "signaling/transaction/invite_server.h"
#include "signaling/transaction/key.h"
#include "signaling/transaction/keyed_hash.h"
#include "signaling/transaction/layer.h"
#include "signaling/transaction/non_invite_server.h"
#include "signaling/transaction/source_loads.h"
#include "signaling/transaction/timer_set.h"

namespace sallyport::transaction {

class ServerSide {
public:
    struct Limits {
        std::size_t transactions = 0;
        std::size_t bytes = 0;  // of requests not answered yet, and of answers that may have to be repeated
    };
    ServerSide(const TimerValues& values, Timers& timers, RandomSource& random, const Limits& limits,
               LayerStatistics& statistics)
        : values_(values),
          timers_(timers),
          random_(random),
          statistics_(statistics),
          limits_(limits),
          sources_(random),
          hash_(random) {}

    void receive(const Flow& flow, sip::Message request, bool urgent, TimePoint now, Effects& out);
    std::optional<NewRequest> admit(std::string_view key, std::string_view merge_key, std::size_t bytes, TimePoint now);
    void answer_new(const NewRequest& request, const Flow& flow, const Flow& responses, std::string response,
                    TimePoint now, Effects& out);
    void respond(ServerId id, std::uint16_t status, std::string response, TimePoint now, Effects& out);
    void respond_once(ServerId id, std::string response, Effects& out);
    void ignore(ServerId id);
    const sip::Message* request_of(ServerId id) const;
    bool knows(const std::string& key) const { return !key.empty() && knows(hash_.wide(key)); }
    void flow_closed(const Flow& flow);
    void timer(const TimerKey& key, TimePoint now, Effects& out);
    void let_in_first(Layer::Judge judge) { comes_first_ = std::move(judge); }
    std::size_t size() const { return table_.size() + answered_.size(); }
    std::size_t kept_bytes() const { return bytes_; }
    bool is_full() const { return !has_room_for(1, Worth::ordinary); }
    SourceLoad load_of(const IpAddress& source) const { return sources_.of(source); }

private:
    using Machine = std::variant<InviteServer, NonInviteServer>;
    using Key = Answered::Key;  // of the text that key.h gives
    struct Server {
        Key key;
        std::optional<Key> merge_key;  // others may have had the same
        Machine machine;
        Flow received_on, responses;          // where it came from, where answers go
        std::string tls_name;                 // once the connection is gone: whom to expect at sent-by
        std::string via;                      // the way back, for as long as there may be one to go
        std::optional<sip::Message> request;  // until it is finally answered
        std::size_t bytes = 0;                // of it and of the answer kept
        SourceLoad* source = nullptr;         // of where it came from
        TimerSet timers;
        bool cancelled = false;
    };
    using Index = boost::unordered_flat_map<Key, ServerId, Answered::HashOfKey>;
    using FlowEntry = std::tuple<std::uint64_t, ServerId>;  // connection, transaction

    void receive_ack(const Flow& flow, sip::Message ack, TimePoint now, Effects& out);
    void receive_cancel(const Flow& flow, sip::Message cancel, Effects& out);
    void receive_again(ServerId id, TimePoint now, Effects& out);
    bool knows(const Key& key) const { return by_key_.contains(key) || answered_.find(key) != nullptr; }
    void forget_answered(TimePoint now);
    void begin(const Flow& flow, const Key& key, const std::optional<Key>& merge_key, sip::Message request,
               TimePoint now, Effects& out);
    enum class Worth : std::uint8_t { ordinary, reserved, first };  // each has an eighth more room
    bool has_room_for(std::size_t bytes, Worth worth) const;
    bool is_merged(const std::optional<Key>& merge_key) const;
    Key key_of(const sip::Message& request) const { return hash_.wide(server_key(request)); }
    std::optional<Key> find_cancelled(const sip::Message& cancel) const;
    static std::string tag_for_cancel(const Key& key, const SharedText& last_response);
    static std::string stable_tag(const Key& key);
    void answer_once(const Flow& flow, const sip::Message& request, std::uint16_t status, std::string_view tag,
                     Effects& out, std::string_view retry_after = {});
    void apply(ServerId id, const Step& step, sip::Message* message, const Flow& arrived_on, TimePoint now,
               Effects& out);
    void account(Server& server);
    void erase(ServerId id);

    TimerValues values_;
    Timers& timers_;
    RandomSource& random_;
    LayerStatistics& statistics_;
    Limits limits_;
    Layer::Judge comes_first_;
    std::size_t bytes_ = 0;  // of all
    SourceLoads sources_;
    KeyedHash hash_;
    SlotTable<ServerTag, Server> table_;
    Index by_key_, by_merge_key_;
    Answered answered_;
    TimerId forgetting_ = 0;             // of answered_
    std::set<FlowEntry> by_connection_;  // streams only
};

}  // namespace sallyport::transaction
