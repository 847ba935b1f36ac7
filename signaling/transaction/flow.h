// Where a message came from or goes to: the flow of RFC 5626, as a plain value. A binding, a dialog and a transaction
// hold flows; only the shell knows sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/endpoint.h"

namespace sallyport {

enum class Transport : std::uint8_t { udp, tcp, tls };
inline std::string_view to_string(Transport t) {
    switch (t) {
        case Transport::udp: return "UDP";
        case Transport::tcp: return "TCP";
        case Transport::tls: return "TLS";
    }
    return "?";
}
inline bool is_reliable(Transport t) { return t != Transport::udp; }

using RealmIndex = std::uint16_t;  // into RealmTable, by order of the node configuration

struct Flow {
    Transport transport = Transport::udp;
    RealmIndex realm = 0;
    Endpoint local;  // our bound address; empty before a connection is opened
    Endpoint remote;
    std::uint64_t connection = 0;  // streams: unique for the life of the process; 0: UDP, or "reuse or open one"
    friend bool operator==(const Flow&, const Flow&) = default;
};

struct Listener {
    Transport transport = Transport::udp;
    Endpoint bind;
    std::string advertised_host;  // in Via and Contact: literal (IPv6 in brackets) or FQDN
    std::uint16_t advertised_port = 0;
};
// A signaling realm: one side of the node, with its own addresses and media port. Node configuration.
struct Realm {
    std::string name;        // "access", "core"
    std::string media_port;  // name of the media plane's port
    bool trusted = false;    // a core realm: identities and topology of its peers are believed
    std::vector<Listener> listeners;
    std::vector<IpAddress> advertised_media = {};  // what SDP says in place of the media plane's addresses, per family
    bool registrar = true;                         // false: trunks of this realm are static (SIPconnect Annex B) only

    bool carries_any_content = false;  // also body parts that have to be understood, and are not here

    bool has_registrar() const { return registrar && !trusted; }
    const Listener* listener(Transport transport, Family family) const {
        for (const auto& l : listeners)
            if (l.transport == transport && (family == Family::none || l.bind.address.family == family)) return &l;
        return nullptr;
    }
};
using RealmTable = std::vector<Realm>;

}  // namespace sallyport

template <>
struct std::hash<sallyport::Flow> {
    std::size_t operator()(const sallyport::Flow& f) const noexcept {
        return std::hash<sallyport::Endpoint>{}(f.remote) ^ std::hash<std::uint64_t>{}(f.connection) ^
               static_cast<std::size_t>(f.transport) << 60;
    }
};
