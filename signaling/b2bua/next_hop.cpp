#include "signaling/b2bua/next_hop.h"

#include <optional>

#include "signaling/sip/uri.h"

namespace sallyport::b2bua {
namespace {

std::uint16_t default_port(Transport transport) { return transport == Transport::tls ? 5061 : 5060; }

Transport transport_of(const sip::Uri& uri, Transport current) {
    if (uri.scheme == sip::Scheme::sips) return Transport::tls;
    const auto named = uri.parameters.value("transport");
    if (!named) return current;
    if (sip::equal_ignoring_case(*named, "tcp")) return current == Transport::tls ? Transport::tls : Transport::tcp;
    if (sip::equal_ignoring_case(*named, "udp")) return Transport::udp;
    return current;  // transport=tls is ignored (SIPconnect 8.1)
}

// The listener whose address stands for this flow.
const Listener* listener_of(const Realm& realm, const Flow& flow) {
    for (const auto& l : realm.listeners)
        if (l.transport == flow.transport && l.bind == flow.local) return &l;
    return realm.listener(flow.transport, flow.remote.address.family);
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

Flow next_hop_flow(const dialog::Dialog& dialog, const Realm& realm) {
    if (!realm.trusted) return dialog.flow;
    const auto uri = sip::parse_uri(dialog.next_hop());
    if (!uri.has_value()) return dialog.flow;
    const auto address = uri->host_address();
    if (!address || address->is_unspecified() || address->is_multicast()) return dialog.flow;
    const Transport transport = transport_of(*uri, dialog.flow.transport);
    const Endpoint remote{*address, uri->port != 0 ? uri->port : default_port(transport)};
    // A stream's peer is reached over the connection it uses; its Contact names its listening port.
    const bool same_host = transport == dialog.flow.transport && remote.address == dialog.flow.remote.address;
    if (same_host && (is_reliable(transport) || remote.port == dialog.flow.remote.port)) return dialog.flow;
    if (realm.listener(transport, address->family) == nullptr) return dialog.flow;
    return outgoing_flow(realm, dialog.flow.realm, transport, remote);
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
