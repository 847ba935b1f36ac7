// What a Via says of the way back, read and written: RFC 3261 18.1.1, 18.2.2, RFC 3581.
#include "signaling/sip/fields.h"
#include "signaling/transaction/layer.h"

namespace sallyport::transaction {
namespace {

std::uint16_t sent_by_port(const sip::ViaView& via, Transport transport) {
    if (via.port != 0) return via.port;
    return transport == Transport::tls ? 5061 : 5060;
}

}  // namespace

Flow response_flow(const Flow& received_on, const sip::ViaView& top_via) {
    if (received_on.connection != 0) return received_on;
    Flow flow = received_on;
    const bool symmetric = flow.transport == Transport::udp && top_via.parameters.has("rport");
    if (!symmetric) flow.remote.port = sent_by_port(top_via, flow.transport);
    return flow;
}

std::string via_text(const Realm& realm, Transport transport, Family family, std::string_view branch) {
    const Listener* listener = realm.listener(transport, family);
    // A name that advertises both families: any listener of the transport speaks for the realm.
    if (listener == nullptr) listener = realm.listener(transport, Family::none);
    if (listener == nullptr && !realm.listeners.empty()) listener = &realm.listeners.front();
    std::string text = "SIP/2.0/";
    text += to_string(transport);
    text += ' ';
    text += listener != nullptr ? listener->advertised_host : std::string("anonymous.invalid");
    if (listener != nullptr && listener->advertised_port != 0) text += ":" + std::to_string(listener->advertised_port);
    text += ";branch=";
    text += branch;
    text += ";rport";
    return text;
}

}  // namespace sallyport::transaction
