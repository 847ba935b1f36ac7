#include "signaling/b2bua/next_hop.h"

#include <algorithm>
#include <optional>

#include "signaling/policy/identify.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/uri.h"

namespace sallyport::b2bua {
namespace {

std::uint16_t default_port(Transport transport) { return transport == Transport::tls ? 5061 : 5060; }

Transport transport_of(const sip::Uri& uri, Transport current) {
    if (uri.scheme == sip::Scheme::sips) return Transport::tls;
    const auto named = uri.parameters.value("transport");
    // What began over TLS stays there: keys are in its re-INVITEs, and a peer that requires TLS means all of it.
    if (!named || current == Transport::tls) return current;
    if (sip::equal_ignoring_case(*named, "tcp")) return Transport::tcp;
    if (sip::equal_ignoring_case(*named, "udp")) return Transport::udp;
    return current;  // transport=tls is ignored (SIPconnect 8.1)
}

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

Flow next_hop_flow(const dialog::Dialog& dialog, const Realm& realm, const std::vector<config::Target>& targets) {
    const Flow& used = dialog.flow;
    const bool lost = is_reliable(used.transport) && used.connection == 0;
    auto parsed = sip::parse_uri(dialog.next_hop());
    const std::optional<sip::Uri> uri = parsed.has_value() ? std::optional(std::move(*parsed)) : std::nullopt;
    if (!realm.trusted) return lost && was_accepted(realm, used) ? listening_flow(used, uri, realm, targets) : used;
    const auto address = uri ? uri->host_address() : std::nullopt;
    const bool usable = address && !address->is_unspecified() && !address->is_multicast();
    const Transport transport = usable ? transport_of(*uri, used.transport) : used.transport;
    if (!usable || realm.listener(transport, address->family) == nullptr)
        return lost && was_accepted(realm, used) ? listening_flow(used, uri, realm, targets) : used;
    const Endpoint remote{*address, uri->port != 0 ? uri->port : default_port(transport)};
    // A stream's peer is reached over the connection it uses, for as long as that lives; its Contact names its
    // listening port.
    const bool same_host = transport == used.transport && remote.address == used.remote.address;
    if (same_host && (is_reliable(transport) ? !lost : remote.port == used.remote.port)) return used;
    return outgoing_flow(realm, used.realm, transport, remote);
}

std::optional<Flow> stream_for(const Flow& at, std::size_t bytes, const Realm& realm, const TargetHealth& health,
                               TimePoint now) {
    if (bytes <= sip::limits::udp_request_bytes || at.transport != Transport::udp) return std::nullopt;
    if (realm.listener(Transport::tcp, at.remote.address.family) == nullptr) return std::nullopt;
    if (!health.may_take_stream(at.remote, now)) return std::nullopt;
    return outgoing_flow(realm, at.realm, Transport::tcp, at.remote);
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
