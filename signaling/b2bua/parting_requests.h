// The last request of a dialog that is gone on our side: the BYE after a 2xx that nobody wanted, the NOTIFY that ends a
// subscription. It goes on to the next place of its next hop as any other does (RFC 3263 4.3), though nobody is left
// who waits for the answer: where a name has not been located yet, DNS is asked once the first place has failed.
// Belongs to a shard, not to a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "control/base/boxed.h"
#include "signaling/b2bua/context.h"
#include "signaling/b2bua/named_peer.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/b2bua/next_place.h"
#include "signaling/dialog/dialog.h"

namespace sallyport::b2bua {

class PartingRequests {
public:
    // Sends it. `named`: what is known of its next hop by now.
    void send(const dialog::Dialog& dialog, Boxed<NamedPeer> named, const NextHop& hop, std::string text, Context& cx);
    // Each is true if it was about one of these.
    bool on_response(const transaction::Response& response, Context& cx);
    bool on_client_failed(const transaction::ClientFailed& failed, Context& cx);
    void on_dns(std::uint64_t number, const locate::Answer& answer, Context& cx);
    std::size_t size() const { return sent_.size() + sought_.size(); }

private:
    struct Parting {
        dialog::Dialog dialog;
        Boxed<NamedPeer> named;
        PlacedRequest request;
    };
    void seek(Parting parting, Context& cx);
    void go_elsewhere(Parting parting, Context& cx);

    std::unordered_map<transaction::ClientId, Parting> sent_;
    std::unordered_map<std::uint64_t, Parting> sought_;  // whose next hop DNS is asked for, by number
    std::uint64_t last_ = 0;
};

}  // namespace sallyport::b2bua
