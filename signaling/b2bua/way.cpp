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

// The same of a callee's early dialog, which the index knows nothing of.
NextHop Call::hop_to(Fork& fork, Context& cx) const {
    const RealmIndex realm = leg(Side::b).realm;
    ask(NamedPeer::seek(fork.named, *fork.callee, cx.realm(realm), cx.now, cx.random), cx);
    return known_hop(*fork.callee, realm, end(Side::b), fork.named ? &*fork.named : nullptr, cx);
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
    hop.large = stream_use_of(who, !hop.any_transport);
    return hop;
}

// A PBX that registers, or is behind a NAT, is there on its flow alone. Who has said UDP of any target means the peer.
StreamUse Call::stream_use_of(const End& who, bool named_udp) const {
    if (who.kind != policy::PartyKind::trunk) {
        const auto carrier = config_->carriers.find(who.id);
        if (carrier == config_->carriers.end()) return StreamUse::never;
        return stream_use(carrier->second.large_requests, named_udp || names_udp(carrier->second.targets));
    }
    const config::Trunk& trunk = trunk_of(who.id);
    const bool elsewhere = trunk.mode == config::TrunkMode::static_ && trunk.network.nat == config::NatMode::off &&
                           trunk.allows(config::Transport::tcp);
    return elsewhere ? stream_use(trunk.large_requests, named_udp || names_udp(trunk.targets)) : StreamUse::never;
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
    for (Fork& fork : forks_)
        if (fork.named) ask(fork.named->resume(answer, cx.now), cx);
    if (phase_ == Phase::routing && !hop_) take_hop(targets_.resume(answer, around(cx)), cx);
}

// True: it goes over TCP, and has to be composed for that.
bool Call::go_over_stream(NextHop& hop, std::size_t bytes, const Context& cx) {
    const auto stream = stream_for(hop.flow, hop.large, bytes, cx.realm(hop.flow.realm), cx.health, cx.now);
    if (!stream) return false;
    hop.flow = *stream;
    hop.over_stream = true;
    return true;
}

void Call::note_large(Leg& l, const NextHop& hop, transaction::ClientId client) {
    if (hop.over_stream) l.large = LargeRequest{client, hop.flow.remote, hop.large};
}

// TCP is refused there: now and for a while, unless nothing but TCP is to be tried.
StreamUse Call::refused_stream(Leg& l, const transaction::ClientFailed& failed, Context& cx) {
    if (!l.large || l.large->client != failed.client) return StreamUse::never;
    const StreamUse use = l.large->use;
    const Endpoint there = l.large->there;
    l.large.reset();
    if (failed.failure != transaction::Failure::transport) return StreamUse::never;
    if (use == StreamUse::first) cx.health.refused_stream(there, cx.now);
    return use;
}

}  // namespace sallyport::b2bua
