// The early dialogs that a callee makes before it answers (RFC 3261 12.1, RFC 3262). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/base/boxed.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/named_peer.h"
#include "signaling/b2bua/next_place.h"
#include "signaling/b2bua/sdp_bridge.h"
#include "signaling/dialog/dialog.h"
#include "signaling/dialog/reliable.h"

namespace sallyport::b2bua {

struct Prack {  // of ours
    transaction::ClientId client;
    std::uint32_t number = 0;
    std::string body;
    bool again = false;  // after its connection had broken
};
struct PastFork {  // left, but the caller has still to acknowledge what it was told there
    std::string caller_tag;
    dialog::ReliableSaid said;
};
// One early dialog of leg B, and what it is towards the caller (RFC 3261 12.1, one To tag each).
struct Fork {
    std::string remote_tag, caller_tag;
    Boxed<SdpBridge> bridge;  // after its answer
    bool announced = false;   // its P-Early-Media says that media come
    std::string answer;       // as the caller was told
    // RFC 3262, on each leg for itself.
    Boxed<dialog::Dialog> callee;   // once it has sent a response that is to be acknowledged
    Boxed<NamedPeer> named;         // where its requests go, if its next hop is a name
    PlacedRequests placed;          // and those that may have to go on to another of its places
    std::uint32_t invite_cseq = 0;  // in that dialog
    dialog::ReliableHeard heard;
    std::vector<Prack> pracks;  // on their way
    bool agreed = false;        // with the callee, for good: what its other responses describe means nothing
    bool offered = false;       // by the callee, in such a response
    std::uint32_t owed = 0;     // the number of that one: it is acknowledged with the caller's answer
    dialog::ReliableSaid said;  // to the caller
    TimerId repeat = 0;
    std::optional<std::string> told;           // the description in one of those
    bool in_step = false;                      // it is what the callee has agreed to
    std::optional<std::uint32_t> caller_cseq;  // of the caller's last request in this dialog
};

}  // namespace sallyport::b2bua
