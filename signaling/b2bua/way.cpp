// Where the requests of a call's dialogs go: over the flow that the peer uses, to the place that its Contact or route
// set names, or to where that name has been located (RFC 3261 12.2.1.1); and over TCP what is too large for UDP
// (18.1.1).
#include "signaling/b2bua/call.h"

namespace sallyport::b2bua {

namespace {

bool has_lost_connection(const Flow& flow) { return is_reliable(flow.transport) && flow.connection == 0; }

// Nobody is there: what is sent over it fails at once.
Flow nowhere(Flow flow) {
    flow.remote.port = 0;
    return flow;
}

}  // namespace

// A PBX whose connection broke is reached over the one it registered with since.
std::optional<Flow> Call::flow_registered_since(const End& who, Context& cx) const {
    if (who.kind != policy::PartyKind::trunk || trunk_of(who.id).mode != config::TrunkMode::registration)
        return std::nullopt;
    const auto bindings = cx.locations.usable(who.id, cx.now);
    return bindings.empty() ? std::nullopt : std::optional(bindings.front().flow);
}

// A UDP port that a NAT has given to another trunk's PBX since.
bool Call::has_lost_flow(const Flow& flow, const End& who, Context& cx) const {
    return who.kind == policy::PartyKind::trunk && cx.locations.has_lost(flow, who.id);
}

// To a leg's peer now.
NextHop Call::hop_to(Side side, Context& cx) {
    Leg& l = leg(side);
    if (has_lost_connection(l.dialog.flow) || has_lost_flow(l.dialog.flow, end(side), cx))
        if (const auto other = flow_registered_since(end(side), cx)) move_flow(side, *other, cx);
    return hop_to(l, end(side), cx);
}

// The same of a leg that is being left. One that is over has nothing to ask for any more.
NextHop Call::hop_to(Leg& l, const End& who, Context& cx) const {
    if (!l.over) seek_peer(l, cx);
    return known_hop(l.dialog, l.realm, who, l.named ? &*l.named : nullptr, cx);
}

// The same of an early dialog, which the index knows nothing of.
NextHop Call::hop_to(dialog::Dialog& early, RealmIndex realm, const End& who, Context& cx) const {
    return known_hop(early, realm, who, nullptr, cx);
}

NextHop Call::known_hop(dialog::Dialog& dialog, RealmIndex realm, const End& who, const NamedPeer* named,
                        Context& cx) const {
    const bool taken = has_lost_flow(dialog.flow, who, cx);
    if (taken || has_lost_connection(dialog.flow)) {
        const auto other = flow_registered_since(who, cx);
        if (taken && !other) return {.flow = nowhere(dialog.flow)};
        dialog.flow = other.value_or(dialog.flow);
    }
    const bool pbx = who.kind == policy::PartyKind::trunk;
    NextHop hop = next_hop(dialog, cx.realm(realm), {pbx ? &trunk_of(who.id).targets : nullptr, named});
    hop.any_transport = hop.any_transport && may_go_over_stream(who);
    return hop;
}

// A PBX that registers, or is behind a NAT, is there on its flow alone. Who has said UDP of any target means the peer.
bool Call::may_go_over_stream(const End& who) const {
    if (who.kind != policy::PartyKind::trunk) {
        const auto carrier = config_->carriers.find(who.id);
        return carrier != config_->carriers.end() && !names_udp(carrier->second.targets);
    }
    const config::Trunk& trunk = trunk_of(who.id);
    return trunk.mode == config::TrunkMode::static_ && trunk.network.nat == config::NatMode::off &&
           trunk.allows(config::Transport::tcp) && !names_udp(trunk.targets);
}

void Call::move_flow(Side side, const Flow& flow, Context& cx) {
    Leg& l = leg(side);
    if (l.dialog.flow == flow) return;
    cx.index.detach(l.dialog.flow.connection, id_);
    l.dialog.flow = flow;
    cx.index.attach(flow.connection, id_);
}

// Asked as soon as a dialog has a next hop, so that it is known when there is something to be sent.
void Call::seek_peer(Leg& l, Context& cx) const {
    ask(NamedPeer::seek(l.named, l.dialog, cx.realm(l.realm), cx.now, cx.random), cx);
}

void Call::ask(const NamedPeer::Questions& questions, Context& cx) const {
    for (const auto& question : questions) cx.out.emplace_back(Resolve{id_.number(), question});
}

// All questions of a call have its token: whoever has asked this one takes the answer.
void Call::on_dns(const locate::Answer& answer, Context& cx) {
    for (Leg* l : {&leg(Side::a), &leg(Side::b), replaced_ ? &replaced_->leg : nullptr})
        if (l != nullptr && l->named) ask(l->named->resume(answer, cx.now), cx);
    if (phase_ == Phase::routing && !hop_) take_hop(targets_.resume(answer, around(cx)), cx);
}

// True: it goes over TCP, and has to be composed for that.
bool Call::go_over_stream(NextHop& hop, std::size_t bytes, const Context& cx) {
    if (!hop.any_transport) return false;
    const auto stream = stream_for(hop.flow, bytes, cx.realm(hop.flow.realm), cx.health, cx.now);
    if (!stream) return false;
    hop.flow = *stream;
    hop.over_stream = true;
    return true;
}

void Call::note_large(Leg& l, const NextHop& hop, transaction::ClientId client) {
    if (hop.over_stream) l.large = LargeRequest{client, hop.flow.remote};
}

// TCP is refused there, now and for a while.
bool Call::is_refused_stream(Leg& l, const transaction::ClientFailed& failed, Context& cx) {
    if (!l.large || l.large->client != failed.client) return false;
    const bool refused = failed.failure == transaction::Failure::transport;
    if (refused) cx.health.refused_stream(l.large->there, cx.now);
    l.large.reset();
    return refused;
}

}  // namespace sallyport::b2bua
