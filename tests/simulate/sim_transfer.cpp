// What a PBX does that transfers a party of its own accord (SIPconnect 12.1): it calls somebody without an offer, gives
// that one's offer to the party by re-INVITE, and the answer back in its ACK. From then on it stands between two calls
// whose parties talk with each other; who hangs up ends both.
#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {

void SimPeer::transfer(const std::string& id) {
    Call* first = find(id);
    if (first == nullptr || !first->up || first->over || first->invite || first->update || !first->ok.empty()) return;
    if (!first->joined.empty() || quiet || (world_.is_resting && world_.is_resting(first->name))) return;
    const std::string uri = somebody();
    ++counts.placed;
    ++counts.transferred;
    Call call;
    call.caller = true;
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.name = call.dialog.call_id;
    call.joined = id;
    TextMessage invite = peer.request(call.dialog, "INVITE");
    invite.add("X-Call", call.name);
    const std::string second = call.dialog.call_id;
    first->joined = second;
    calls_.emplace(second, std::move(call));
    const auto client = send(std::move(invite));
    if (Call* c = find(second)) c->invite = client;
    give_up_waiting(second, client);
}

// The description of one call as our own in another one.
std::string SimPeer::in_our_name(Call& call, std::string description) {
    const std::string mine = peer.sdp(call.dialog);
    const auto line = [](const std::string& text) {
        const auto at = text.find("\no=") + 1;
        return std::pair(at, text.find("\r\n", at) - at);
    };
    const auto [from, size] = line(description);
    const auto [ours, our_size] = line(mine);
    return description.replace(from, size, mine.substr(ours, our_size));
}

// The one who was called says what he has: the other party is asked.
void SimPeer::join(Call& target, const TextMessage& ok) {
    Call* first = find(target.joined);
    const bool rests = first != nullptr && world_.is_resting && world_.is_resting(first->name);
    const bool free = !rests && first != nullptr && first->up && !first->over && !first->invite && !first->update &&
                      first->ok.empty();
    if (!free) {
        if (first != nullptr) first->joined.clear();
        target.joined.clear();
        target.over = true;  // nobody is left for him: answered, and hung up on
        return acknowledge(target, ok, peer.sdp(target.dialog, "inactive"));
    }
    target.waiting_ok = ok;
    TextMessage offer = peer.request(first->dialog, "INVITE");
    describe(offer, in_our_name(*first, ok.body));
    first->offering = direction_of(ok.body);
    const std::string id = first->dialog.call_id;
    const auto client = send(std::move(offer));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
}

// And says yes.
void SimPeer::joined(Call& call, const TextMessage& ok) {
    Call* target = find(call.joined);
    if (target == nullptr || !target->waiting_ok) return;
    const TextMessage waiting = *std::exchange(target->waiting_ok, std::nullopt);
    const std::string answer = in_our_name(*target, ok.body);
    agree(*target, direction_of(answer), waiting.body);
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
