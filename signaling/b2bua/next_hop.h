// Where a request within a dialog goes: the connection or NAT binding the peer uses, or, in the core, the address that
// its route set or Contact names or that the name there stands for (RFC 3261 12.2.1.1), as far as it has been located
// (NamedPeer); until then where it was reached before. A peer whose connection is gone is called at the port it listens
// on, never at the one it called from. Asks no DNS.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/named_peer.h"
#include "signaling/b2bua/stream_use.h"
#include "signaling/b2bua/target_health.h"
#include "signaling/dialog/dialog.h"

namespace sallyport::b2bua {

struct NextHop {
    Flow flow;
    std::string tls_name;        // what a certificate must carry there
    bool any_transport = false;  // UDP, and neither URI nor DNS has named it
    StreamUse large = StreamUse::never;
    bool over_stream = false;  // it has gone over TCP for its size
};
// What is known of a dialog's peer beside its dialog.
struct KnownPeer {
    const std::vector<config::Target>* targets = nullptr;  // provisioned, if any
    const NamedPeer* named = nullptr;                      // if its next hop has been located, or is being
};
NextHop next_hop(const dialog::Dialog& dialog, const Realm& realm, const KnownPeer& peer = {});
// To one place of a dialog's peer, which the realm has a listener for.
NextHop hop_at(const locate::Located& there, const dialog::Dialog& dialog, const Realm& realm);
// A flow to an address of our own choice: the listener's address on UDP, no connection yet on streams.
Flow outgoing_flow(const Realm& realm, RealmIndex index, Transport transport, const Endpoint& remote);
// RFC 3261 18.1.1: the flow to the same address and port over TCP for a request of more than 1300 bytes; nothing: it
// stays on `at`, for it is small, is never to move, the realm has no TCP, or who is there has refused it lately and may
// have it over UDP. If TCP is refused for StreamUse::first it goes over UDP after all, and TargetHealth is told.
std::optional<Flow> stream_for(const Flow& at, StreamUse use, std::size_t bytes, const Realm& realm,
                               const TargetHealth& health, TimePoint now);
bool names_udp(const std::vector<config::Target>& targets);    // any of them: then the peer is one for UDP
std::string contact_of(const Realm& realm, const Flow& flow);  // "<sip:host:port;transport=tcp>"
std::string via_of(const Realm& realm, const Flow& flow, std::string_view branch);

}  // namespace sallyport::b2bua
