// What a PBX does that transfers a party of its own accord (SIPconnect 12.1). Blind: it calls somebody without an
// offer, gives that one's offer to the party by re-INVITE, and the answer back in its ACK. Attended: it puts the party
// on hold, calls somebody and talks with him, and then does the same by a re-INVITE without an offer. From then on it
// stands between two calls whose parties talk with each other; who hangs up ends both. And a second telephone that
// takes the place of the first one in its call (RFC 3891).
#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {

void SimPeer::transfer(const std::string& id) {
    Call* first = find(id);
    if (first == nullptr || !is_free(*first) || !first->joined.empty() || quiet) return;
    const std::string uri = somebody();
    ++counts.placed;
    ++counts.transferred;
    Call call;
    call.caller = true;
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.media = SimMedia(peer.id, world_.random);
    call.name = call.id = call.dialog.call_id;
    call.joined = id;
    TextMessage invite = peer.request(call.dialog, "INVITE");
    invite.add("X-Call", call.name);
    const std::string second = call.id;
    first->joined = second;
    call.begun = static_cast<const Talk&>(call);
    calls_.emplace(second, std::move(call));
    const auto client = send(std::move(invite));
    if (Call* c = find(second)) c->invite = client;
    give_up_waiting(second, client);
}

// The party hears music meanwhile. Whether that has come about does not matter to who is called next.
void SimPeer::consult(const std::string& id) {
    Call* first = find(id);
    if (first == nullptr || !is_free(*first) || !first->joined.empty() || quiet) return;
    ++counts.consulted;
    TextMessage hold = peer.request(first->dialog, "INVITE");
    first->offering = offer_in(*first, world_.chance(50) ? "sendonly" : "inactive");
    describe(hold, first->offering);
    const auto client = send(std::move(hold));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
    const std::string uri = somebody();
    Call call;
    call.caller = true;
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.media = SimMedia(peer.id, world_.random);
    call.name = call.dialog.call_id;
    call.consults = id;
    TextMessage invite = peer.request(call.dialog, "INVITE");
    call.offering = call.media.offer("sendrecv");
    describe(invite, call.offering);
    place(std::move(call), std::move(invite));
}

// They have talked: who was called last is asked what he has, and the party is asked then.
void SimPeer::join_consulted(const std::string& id) {
    Call* second = find(id);
    if (second == nullptr || !is_free(*second) || !second->joined.empty() || quiet) return;
    Call* first = find(second->consults);
    if (first == nullptr || !is_free(*first) || !first->joined.empty()) return;
    ++counts.joined;
    second->joined = first->id;
    first->joined = second->id;
    second->offering.clear();
    const auto client = send(peer.request(second->dialog, "INVITE"));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
}

void SimPeer::replace(const std::string& id) {
    const Call* first = find(id);
    if (first == nullptr || !is_free(*first) || !first->joined.empty() || quiet) return;
    ++counts.replacing;
    const std::string uri = somebody();
    Call call;
    call.caller = first->caller;  // its end of the call
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.media = SimMedia(peer.id, world_.random);
    call.name = first->name;
    call.replaces = id;
    TextMessage invite = peer.request(call.dialog, "INVITE");
    invite.add("Replaces",
               first->dialog.call_id + ";to-tag=" + first->dialog.remote_tag + ";from-tag=" + first->dialog.local_tag);
    if (world_.chance(80)) {
        call.offering = call.media.offer("sendrecv");
        describe(invite, call.offering);
    }
    place(std::move(call), std::move(invite));
}

// The one who was called says what he has: the other party is asked.
void SimPeer::join(Call& target, const TextMessage& ok) {
    Call* first = find(target.joined);
    if (first == nullptr || !is_free(*first)) {
        if (first != nullptr) first->joined.clear();
        target.joined.clear();
        target.over = true;  // nobody is left for him: answered, and hung up on
        return acknowledge(target, ok, answer_to(target, ok.body, "inactive"));
    }
    target.waiting_ok = ok;
    TextMessage offer = peer.request(first->dialog, "INVITE");
    first->offering = first->media.pass_on(ok.body);
    describe(offer, first->offering);
    const std::string id = first->id;
    const auto client = send(std::move(offer));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
}

// And says yes.
void SimPeer::joined(Call& call, const TextMessage& ok) {
    Call* target = find(call.joined);
    if (target == nullptr || !target->waiting_ok) return;
    const TextMessage waiting = *std::exchange(target->waiting_ok, std::nullopt);
    const std::string answer = target->media.pass_on(ok.body);
    agree(*target, answer, waiting.body, true);
    acknowledge(*target, waiting, answer);
}

// Or no, or nobody answered: each call is on its own again.
void SimPeer::not_joined(Call& call) {
    const std::string other = std::exchange(call.joined, {});
    Call* target = find(other);
    if (target == nullptr) return;
    target->joined.clear();
    if (target->waiting_ok) hang_up(other);
}

void SimPeer::part(const std::string& joined) {
    Call* other = find(joined);
    if (other == nullptr) return;
    other->joined.clear();
    if (other->up && !other->over) world_.later(10ms, [=, this] { hang_up(joined); });
}

}  // namespace sallyport::test
