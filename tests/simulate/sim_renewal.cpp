// A peer that keeps a session timer (RFC 4028): it renews its session when half of its time is over, by an UPDATE that
// offers nothing or by an INVITE, whether the call rests or not. The edge ends calls of peers that do not.
#include "tests/simulate/sim_peer.h"

namespace sallyport::test {
namespace {

constexpr auto half_time = 45s;  // of the shortest session there is

}  // namespace

void SimPeer::ask_to_renew(TextMessage& request) const {
    request.add("Supported", "timer");
    request.add("Session-Expires", "90;refresher=uac");
}

void SimPeer::renew_later(const std::string& id) {
    world_.later(half_time, [=, this] { renew(id, false); });
}

// `again`: an INVITE of it was refused, for what it offers perhaps.
void SimPeer::renew(const std::string& id, bool again) {
    Call* call = find(id);
    if (call == nullptr || !call->up || call->over || call->bye) return;
    const bool busy =
        call->invite || call->prack || call->server || !call->ok.empty() || !call->ringing.empty() || call->waiting_ok;
    if (call->update) return world_.later(2s, [=, this] { renew(id, again); });
    ++counts.renewed;
    if (!again) renew_later(id);
    const bool update = again || busy || !call->joined.empty() || world_.chance(50);
    TextMessage request = peer.request(call->dialog, update ? "UPDATE" : "INVITE");
    ask_to_renew(request);
    if (update) {
        call->offered_in_update.clear();
    } else {
        call->offering = call->media.offer(call->agreement.mine.direction);
        describe(request, call->offering);
    }
    const auto client = send(std::move(request));
    if (Call* c = find(id)) (update ? c->update : c->invite) = client;
    if (update) return;
    if (Call* c = find(id)) c->renewal = client;
    give_up_waiting(id, client);
}

}  // namespace sallyport::test
