// Every client transaction of a shard: finds the one a response belongs to, runs its machine, carries out its steps.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>

#include "signaling/transaction/invite_client.h"
#include "signaling/transaction/keyed_hash.h"
#include "signaling/transaction/layer.h"
#include "signaling/transaction/non_invite_client.h"
#include "signaling/transaction/timer_set.h"

namespace sallyport::transaction {

class ClientSide {
public:
    ClientSide(const TimerValues& values, Timers& timers, RandomSource& random, LayerStatistics& statistics)
        : values_(values), timers_(timers), statistics_(statistics), by_key_(16, KeyedHash(random)) {}

    ClientId send(const Flow& flow, std::string request, std::string tls_name, TimePoint now, Effects& out);
    void receive(const Flow& flow, sip::Message response, TimePoint now, Effects& out);
    void cancel(ClientId invite, std::string_view reason_header, TimePoint now, Effects& out);
    void flow_closed(const Flow& flow, TimePoint now, Effects& out);
    void timer(const TimerKey& key, TimePoint now, Effects& out);
    std::size_t size() const { return table_.size(); }

private:
    using Machine = std::variant<InviteClient, NonInviteClient>;
    struct Client {
        std::string key;
        Machine machine;
        Flow flow;
        std::string tls_name;
        std::string cancel_reason;
        TimerSet timers;
        bool own = false;  // a CANCEL: the layer's own, nobody is told of its outcome
    };
    // Where it was sent, so that a flow that breaks finds its transactions without a search.
    using FlowEntry = std::tuple<RealmIndex, Transport, Endpoint, ClientId>;
    static FlowEntry flow_entry(const Flow& flow, ClientId id) { return {flow.realm, flow.transport, flow.remote, id}; }

    ClientId start(const Flow& flow, std::string request, std::string tls_name, bool own, TimePoint now, Effects& out);
    void apply(ClientId id, const Step& step, sip::Message* response, const Flow& arrived_on, TimePoint now,
               Effects& out);
    void send_cancel(ClientId id, TimePoint now, Effects& out);
    void transmit(const Client& client, SharedText bytes, bool repeated, Effects& out);
    void erase(ClientId id);

    TimerValues values_;
    Timers& timers_;
    LayerStatistics& statistics_;
    SlotTable<ClientTag, Client> table_;
    std::unordered_map<std::string, ClientId, KeyedHash, std::equal_to<>> by_key_;
    std::set<FlowEntry> by_flow_;
};

}  // namespace sallyport::transaction
