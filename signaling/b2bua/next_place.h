// A request of ours within a dialog, as long as it may have to go on to the next of the places that its next hop stands
// for: RFC 3263 4.3, on no answer in time, a broken way, or 503. It is the same request to a further place, with a
// branch of its own. Of a next hop that is an address, or a peer that is met on its flow, nothing is kept. Sends
// nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "signaling/b2bua/named_peer.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/dialog/dialog.h"
#include "signaling/transaction/effects.h"

namespace sallyport::b2bua {

struct PlacedRequest {
    transaction::ClientId client;
    std::string text;
    std::vector<NamedPeer::Place> tried;
};

NamedPeer::Place place_of(const NextHop& hop);

// Those of one dialog that are not finally answered.
class PlacedRequests {
public:
    void add(transaction::ClientId client, std::string text, const NextHop& hop,
             std::vector<NamedPeer::Place> tried = {});
    std::optional<PlacedRequest> take(transaction::ClientId client);

private:
    std::vector<PlacedRequest> all_;
};

// The next place for it, which is where the peer is met from now on; nothing: none is left.
std::optional<NextHop> next_place(const PlacedRequest& request, const dialog::Dialog& dialog, const Realm& realm,
                                  NamedPeer& peer);
// The same request of ours over another flow: CSeq and all, but for its one Via and its Contact, if it has one.
std::string readdressed(std::string_view text, std::string_view via, std::string_view contact);

}  // namespace sallyport::b2bua
