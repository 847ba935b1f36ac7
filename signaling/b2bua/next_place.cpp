#include "signaling/b2bua/next_place.h"

#include <algorithm>
#include <utility>

namespace sallyport::b2bua {
namespace {

void replace_field(std::string& text, std::string_view name, std::string_view value) {
    const auto head = text.find("\r\n\r\n");
    const auto line = text.find("\r\n" + std::string(name) + ": ");
    if (line >= head) return;
    const auto begin = line + 2 + name.size() + 2;
    text.replace(begin, text.find("\r\n", begin) - begin, value);
}

}  // namespace

// What has gone over TCP for its size alone went to the place for UDP.
NamedPeer::Place place_of(const NextHop& hop) {
    return {hop.over_stream ? Transport::udp : hop.flow.transport, hop.flow.remote};
}

void PlacedRequests::add(transaction::ClientId client, std::string text, const NextHop& hop,
                         std::vector<NamedPeer::Place> tried) {
    tried.push_back(place_of(hop));
    all_.push_back({client, std::move(text), std::move(tried)});
}

std::optional<PlacedRequest> PlacedRequests::take(transaction::ClientId client) {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each.client == client; });
    if (found == all_.end()) return std::nullopt;
    PlacedRequest out = std::move(*found);
    all_.erase(found);
    if (all_.empty()) all_ = {};  // a call that stands keeps no room for the next one
    return out;
}

std::optional<NextHop> next_place(const PlacedRequest& request, const dialog::Dialog& dialog, const Realm& realm,
                                  NamedPeer& peer) {
    const auto there = peer.place(dialog.next_hop(), dialog.flow, request.tried);
    if (!there || realm.listener(there->transport, there->endpoint.address.family) == nullptr) return std::nullopt;
    peer.meet_at({there->transport, there->endpoint});
    return hop_at(*there, dialog, realm);
}

std::string readdressed(std::string_view text, std::string_view via, std::string_view contact) {
    std::string out(text);
    replace_field(out, "Via", via);
    replace_field(out, "Contact", contact);
    return out;
}

}  // namespace sallyport::b2bua
