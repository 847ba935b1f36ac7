// One of a call's two legs: its own dialog, its own INVITE transactions, its own tags. Knows nothing of the other leg.
// A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/boxed.h"
#include "signaling/b2bua/ack_keeper.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/named_peer.h"
#include "signaling/b2bua/next_place.h"
#include "signaling/b2bua/sdp_bridge.h"
#include "signaling/b2bua/stream_use.h"
#include "signaling/dialog/dialog.h"
#include "signaling/dialog/session_timer.h"

namespace sallyport::b2bua {

// An INVITE of the peer, from its arrival to our final answer; or the UPDATE that offers the same within a call.
struct InviteServer {
    transaction::ServerId id;
    Endpoint source;
    std::string to_tag;  // towards the caller: empty within a dialog, which has one
    bool update = false;
};
// A 2xx of ours that has not been acknowledged yet.
struct UnackedOk {
    transaction::ServerId server;
    std::string text;
    std::uint32_t cseq = 0;
    Duration interval{};
    TimerId repeat = 0, give_up = 0;
    bool answer_expected = false;  // the 2xx carries an offer: the ACK must answer it
};
// A 2xx of the peer to our offerless INVITE: it is acknowledged once its offer is answered.
struct OwedAck {
    SentInvite invite;
    std::uint32_t cseq = 0;
};

// A request that has gone over TCP for its size (RFC 3261 18.1.1).
struct LargeRequest {
    transaction::ClientId client;
    Endpoint there;
    StreamUse use = StreamUse::first;  // whether it goes over UDP if TCP is refused
};

struct Leg {
    RealmIndex realm = 0;
    std::string call_id, local_tag;
    dialog::Dialog dialog;
    bool established = false;   // the dialog is confirmed
    bool over = false;          // BYE sent or received
    bool takes_update = false;  // as the peer's last Allow says (RFC 3311 4)
    bool outdated = false;      // what it has agreed to holds no longer: it is offered anew once the call stands
    bool key_ends = false;      // the peer's SRTP key is near its lifetime: it is offered new ones likewise
    bool bye_due = false;       // held back until the peer has acknowledged our 2xx (RFC 3261 15)
    std::optional<InviteServer> server;
    Boxed<UnackedOk> unacked;
    Boxed<SentInvite> client;  // an INVITE or UPDATE of ours, until it is finally answered
    bool client_cancelled = false;
    Boxed<OwedAck> owed;
    std::optional<transaction::ClientId> bye;  // on its way
    dialog::SessionTimer session;
    TimerId session_due = 0;
    std::optional<transaction::ClientId> renewal;  // an UPDATE of ours that offers nothing, on its way
    std::string reason;                            // of the BYE that is due
    Boxed<NamedPeer> named;                        // where requests go, if its next hop is a name
    PlacedRequests placed;                         // and those that may have to go on to another of its places
    std::uint32_t acknowledged_cseq = 0;           // of our last INVITE that a 2xx has answered within the dialog
    transaction::ClientId acknowledged;
    Boxed<LargeRequest> large;  // the last one

    bool busy() const { return server || client || owed; }  // an INVITE is being handled, in either direction
};

}  // namespace sallyport::b2bua
