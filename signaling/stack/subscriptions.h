// Subscriptions to the "reg" event package (RFC 6665, RFC 3680): who is to be told what is registered for a trunk. A
// notifier only: subscribes to nothing, and knows no other package. What changes in the location store is looked for
// once a second, because any shard may change it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/config/snapshot.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/named_peer.h"
#include "signaling/b2bua/next_place.h"
#include "signaling/dialog/dialog.h"
#include "signaling/policy/identify.h"
#include "signaling/registrar/reg_info.h"
#include "signaling/stack/inspect.h"

namespace sallyport::stack {

class Subscriptions {
public:
    // A SUBSCRIBE outside of any dialog, from a known party. What it is refused with, or nothing: it has been answered.
    std::optional<Refusal> begin(const transaction::Request& request, const policy::Party& party,
                                 const config::Snapshot& config, b2bua::Context& cx);
    // One within a dialog of ours: a longer life, another notification, or the end. False: none of ours.
    bool refresh(const transaction::Request& request, b2bua::Context& cx);
    // The trunk whose PBX has the subscription that this request is about; empty: none has, or a carrier.
    std::string_view pbx_of(const sip::Message& request) const;
    void on_timer(const config::Snapshot* config, b2bua::Context& cx);
    bool on_response(const transaction::Response& response, b2bua::Context& cx);
    bool on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx);
    void on_dns(std::uint64_t number, const locate::Answer& answer, b2bua::Context& cx);
    void on_flow_closed(const Flow& flow);

    std::size_t size() const { return all_.size(); }
    std::size_t timers() const { return timer_ != 0 ? 1 : 0; }

private:
    struct Subscription {
        std::string party;  // "trunk acme" or "carrier core"
        std::string trunk;  // whose registrations
        registrar::RegInfo what;
        dialog::Dialog dialog;
        std::string event;  // "reg", or "reg;id=7"
        TimePoint expires{}, notified{};
        std::uint32_t version = 0;
        std::vector<registrar::Binding> told;
        transaction::ClientId asked;  // the NOTIFY that is not answered yet
        bool due = false;             // something is to be told once that is answered
        std::uint64_t number = 0;     // among all that there have been
        // Of a notification that is too large for UDP.
        config::LargeRequests large = config::LargeRequests::udp;
        std::optional<Endpoint> over_stream;  // where what is not answered yet has gone over TCP, and may go over UDP
        Boxed<b2bua::NamedPeer> named;        // where it is told, if its next hop is a name
        b2bua::PlacedRequests placed;         // what may have to go on to another of its places
    };
    using Key = std::pair<std::string, std::string>;  // Call-ID, our tag
    using All = std::map<Key, Subscription>;

    void accept(const transaction::Request& request, std::string_view to_tag, const Subscription& subscription,
                b2bua::Context& cx) const;
    void notify(All::iterator at, std::string_view state, b2bua::Context& cx);
    void send(All::iterator at, std::string_view state, b2bua::Context& cx);
    void ask(All::iterator at, const b2bua::NamedPeer::Questions& questions, b2bua::Context& cx);
    void end(All::iterator at, std::string_view reason, b2bua::Context& cx);
    bool go_elsewhere(All::iterator at, transaction::ClientId failed, b2bua::Context& cx);
    void forget(All::iterator at);
    void keep_looking(b2bua::Context& cx);
    std::size_t of_party(std::string_view party) const;

    All all_;
    std::unordered_map<transaction::ClientId, Key> asked_;
    std::unordered_map<std::uint64_t, Key> sought_;  // whose place DNS is asked for, by number
    std::uint64_t last_ = 0;
    TimerId timer_ = 0;
};

}  // namespace sallyport::stack
