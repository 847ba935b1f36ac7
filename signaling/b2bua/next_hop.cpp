#include "signaling/b2bua/next_hop.h"

#include <algorithm>
#include <optional>

#include "signaling/policy/identify.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/uri.h"

namespace sallyport::b2bua {
namespace {

std::uint16_t default_port(Transport transport) { return transport == Transport::tls ? 5061 : 5060; }

// The listener whose address stands for this flow.
const Listener* listener_of(const Realm& realm, const Flow& flow) {
    for (const auto& l : realm.listeners)
        if (l.transport == flow.transport && l.bind == flow.local) return &l;
    return realm.listener(flow.transport, flow.remote.address.family);
}

// The peer opened it: its port is one that nobody listens on.
bool was_accepted(const Realm& realm, const Flow& flow) {
    return std::any_of(realm.listeners.begin(), realm.listeners.end(), [&](const Listener& l) {
        return l.transport == flow.transport && l.bind.port == flow.local.port &&
               (l.bind.address.is_unspecified() || l.bind.address == flow.local.address);
    });
}

// Where the peer of a lost connection may listen, at the address it called from. What it says of itself is believed as
// far as the port; a provisioned target is better than its word.
Flow listening_flow(const Flow& lost, const std::optional<sip::Uri>& said, const Realm& realm,
                    const std::vector<config::Target>& targets) {
    Endpoint remote{lost.remote.address, default_port(lost.transport)};
    if (said && said->port != 0) remote.port = said->port;
    for (const auto& target : targets) {
        const bool same_transport =
            target.transport == config::Transport::unspecified || target.transport == policy::to_config(lost.transport);
        if (!same_transport || IpAddress::parse(target.host) != lost.remote.address) continue;
        remote.port = target.port != 0 ? target.port : default_port(lost.transport);
        break;
    }
    return outgoing_flow(realm, lost.realm, lost.transport, remote);
}

}  // namespace

Flow outgoing_flow(const Realm& realm, RealmIndex index, Transport transport, const Endpoint& remote) {
    Flow flow;
    flow.transport = transport;
    flow.realm = index;
    flow.remote = remote;
    if (transport == Transport::udp)
        if (const auto* listener = realm.listener(transport, remote.address.family)) flow.local = listener->bind;
    return flow;
}

NextHop next_hop(const dialog::Dialog& dialog, const Realm& realm, const KnownPeer& peer) {
    static const std::vector<config::Target> none;
    const Flow& used = dialog.flow;
    const bool lost = is_reliable(used.transport) && used.connection == 0;
    auto parsed = sip::parse_uri(dialog.next_hop());
    const std::optional<sip::Uri> uri = parsed.has_value() ? std::optional(std::move(*parsed)) : std::nullopt;
    const auto address = uri ? uri->host_address() : std::nullopt;
    const auto named = uri ? named_transport(*uri, used.transport) : used.transport;
    NextHop out{used, dialog.tls_name, used.transport == Transport::udp && !named && (address || !realm.trusted)};
    if (lost && was_accepted(realm, used))
        out.flow = listening_flow(used, uri, realm, peer.targets != nullptr ? *peer.targets : none);
    if (!realm.trusted) return out;
    std::optional<locate::Located> there;
    if (address && !address->is_unspecified() && !address->is_multicast()) {
        const Transport transport = named.value_or(used.transport);
        const std::uint16_t port = uri->port != 0 ? uri->port : default_port(transport);
        there = locate::Located{transport, {*address, port}, dialog.tls_name, !named};
    } else if (uri && !address && peer.named != nullptr) {
        there = peer.named->place(dialog.next_hop(), used);
    }
    if (!there || realm.listener(there->transport, there->endpoint.address.family) == nullptr) return out;
    return hop_at(*there, dialog, realm);
}

NextHop hop_at(const locate::Located& there, const dialog::Dialog& dialog, const Realm& realm) {
    const Flow& used = dialog.flow;
    // A stream's peer is reached over the connection it uses, for as long as that lives; its Contact names its
    // listening port.
    const bool same_host = there.transport == used.transport && there.endpoint.address == used.remote.address;
    const bool as_before = is_reliable(used.transport) ? used.connection != 0 : there.endpoint.port == used.remote.port;
    NextHop out;
    out.flow = same_host && as_before ? used : outgoing_flow(realm, used.realm, there.transport, there.endpoint);
    out.tls_name = out.flow == used ? dialog.tls_name : there.tls_name;
    out.any_transport = there.transport == Transport::udp && there.assumed;
    return out;
}

std::optional<Flow> stream_for(const Flow& at, StreamUse use, std::size_t bytes, const Realm& realm,
                               const TargetHealth& health, TimePoint now) {
    if (use == StreamUse::never) return std::nullopt;
    if (bytes <= sip::limits::udp_request_bytes || at.transport != Transport::udp) return std::nullopt;
    if (realm.listener(Transport::tcp, at.remote.address.family) == nullptr) return std::nullopt;
    if (use == StreamUse::first && !health.may_take_stream(at.remote, now)) return std::nullopt;
    return outgoing_flow(realm, at.realm, Transport::tcp, at.remote);
}

bool names_udp(const std::vector<config::Target>& targets) {
    return std::any_of(targets.begin(), targets.end(),
                       [](const config::Target& each) { return each.transport == config::Transport::udp; });
}

std::string contact_of(const Realm& realm, const Flow& flow) {
    const auto* listener = listener_of(realm, flow);
    if (listener == nullptr) return "<sip:invalid.invalid>";
    std::string out = "<sip:" + listener->advertised_host;
    if (listener->advertised_port != 0) out += ":" + std::to_string(listener->advertised_port);
    // Deprecated for TLS, and what every peer in the field still goes by.
    if (flow.transport == Transport::tcp) out += ";transport=tcp";
    if (flow.transport == Transport::tls) out += ";transport=tls";
    return out + ">";
}

std::string via_of(const Realm& realm, const Flow& flow, std::string_view branch) {
    return transaction::via_text(realm, flow.transport, flow.remote.address.family, branch);
}

}  // namespace sallyport::b2bua
