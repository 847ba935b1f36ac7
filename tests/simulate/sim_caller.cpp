// What a peer does that calls, or sends an INVITE within a call: what the answers mean to it, and what it acknowledges.
#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {
namespace {

std::string ack_key(const TextMessage& response) {
    return response.first("Call-ID") + " " + tag_of(response.first("From")) + " " + tag_of(response.first("To")) + " " +
           std::to_string(response.cseq());
}

}  // namespace

void SimPeer::call(const std::string& uri) {
    if (quiet) return;
    Call call;
    call.caller = true;
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.name = call.dialog.call_id;
    call.media = SimMedia(peer.id, world_.random);
    TextMessage invite = peer.request(call.dialog, "INVITE");
    if (world_.chance(85)) {
        call.offering = call.media.offer("sendrecv");
        describe(invite, call.offering);
    }
    place(std::move(call), std::move(invite));
}

// An INVITE that begins a dialog; now and then its caller gives up.
void SimPeer::place(Call call, TextMessage invite) {
    ++counts.placed;
    invite.add("X-Call", call.name);
    if (world_.chance(50)) invite.add(world_.chance(20) ? "Require" : "Supported", "100rel");
    if (world_.chance(30)) ask_to_renew(invite);
    call.begun = static_cast<const Talk&>(call);
    const std::string id = call.id = call.dialog.call_id;
    calls_.emplace(id, std::move(call));
    const auto client = send(std::move(invite));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
    if (!world_.chance(20)) return;
    world_.later(world_.between(0ms, 4s), [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->up || c->invite != client) return;
        if (!c->dialog.remote_tag.empty() && world_.chance(40)) return leave_early(*c);
        ++counts.cancelled;
        c->cancelled = true;
        layer_.cancel(client, {}, world_.now(), effects_);
        run();
    });
}

// RFC 3261 15: a caller may do that by BYE too.
void SimPeer::leave_early(Call& call) {
    ++counts.left_early;
    call.over = true;
    call.left = call.dialog.remote_tag;
    const std::string id = call.id;
    const auto client = send(peer.request(call.dialog, "BYE"));
    if (Call* c = find(id)) c->bye = client;
}

// Timer C: an edge that has lost its way to us cannot answer what it has begun to handle.
void SimPeer::give_up_waiting(const std::string& id, transaction::ClientId invite) {
    world_.later(4min, [=, this] {
        const Call* c = find(id);
        if (c == nullptr || c->invite != invite) return;
        layer_.cancel(invite, {}, world_.now(), effects_);
        run();
    });
}

void SimPeer::on_invite_response(Calls::iterator at, const TextMessage& response) {
    if (response.status() < 200) {
        if (at == calls_.end() || response.status() == 100 || at->second.up) return;
        return on_ringing(at->second, response);
    }
    const bool ok = response.status() < 300;
    if (const auto kept = acks_.find(ack_key(response)); ok && kept != acks_.end()) return wire_(*this, kept->second);
    if (at == calls_.end()) return;
    Call& call = at->second;
    const std::string id = at->first;
    if (ok && call.waiting_ok) return;  // again: its ACK waits for somebody
    const bool renewed = call.renewal && call.invite == call.renewal;
    call.invite.reset();
    if (renewed) call.renewal.reset();
    if (renewed && !ok) world_.later(1s, [=, this] { renew(id, true); });
    if (ok) {
        enter(call, tag_of(response.first("To")));
        call.forks.clear();
        peer.learn(call.dialog, response);
        listen(call, response);
        const bool was_up = std::exchange(call.up, true);
        accept(call, response);
        if (find(id) == nullptr) return;
        if (!call.left.empty() && call.left != call.dialog.remote_tag) call.bye.reset();  // it has ended another one
        if (call.over || call.cancelled) return hang_up(id);
        if (!was_up && response.first("Session-Expires").find("refresher=uac") != std::string::npos) renew_later(id);
        if (!was_up && !call.replaces.empty()) ++counts.replaced;
        if (!was_up) live(id);
        return;
    }
    if (!call.joined.empty()) not_joined(call);
    if (!call.up) {
        ++counts.failed;
        return done(id);
    }
    if (response.status() == 481 || response.status() == 408) hang_up(id);
}

void SimPeer::on_ringing(Call& call, const TextMessage& response) {
    enter(call, tag_of(response.first("To")));
    peer.learn(call.dialog, response);
    listen(call, response);
    if (!says(response, "Require", "100rel")) return;
    const auto number = static_cast<unsigned>(std::stoul(response.first("RSeq")));
    if (call.heard_rseq != 0 && number != call.heard_rseq + 1) return;
    call.heard_rseq = number;
    // An answer that is acknowledged is the answer.
    if (!response.body.empty() && !call.settled && !call.offering.empty()) {
        agree(call, call.offering, response.body, false);
        call.settled = true;
    }
    acknowledge_ringing(call, response);
}

// With the answer where it has offered; now and then with another offer, where the answer is there.
void SimPeer::acknowledge_ringing(Call& call, const TextMessage& ringing) {
    ++counts.pracked;
    TextMessage prack = peer.request(call.dialog, "PRACK");
    prack.add("RAck", ringing.first("RSeq") + " " + std::to_string(call.dialog.invite_cseq) + " INVITE");
    bool offers = false;
    if (!ringing.body.empty() && call.offering.empty() && !call.settled) {
        const std::string mine = answer_to(call, ringing.body);
        describe(prack, mine);
        agree(call, mine, ringing.body, true);
        call.settled = true;
    } else if (!ringing.body.empty() && !call.prack && !call.update && world_.chance(30)) {
        call.offered_in_prack = offer_in(call, world_.chance(50) ? "sendonly" : "sendrecv");
        describe(prack, call.offered_in_prack);
        offers = true;
    }
    const std::string id = call.id, tag = call.dialog.remote_tag;
    const auto client = send(std::move(prack));
    Call* c = find(id);
    if (c == nullptr) return;
    if (offers) enter(*c, tag), c->prack = client;
    if (c->settled && peer.id.updates && world_.chance(15))
        world_.later(world_.between(0ms, 500ms), [=, this] { update_early(id); });
}

// RFC 3311: while it rings, and all that was offered has been answered.
void SimPeer::update_early(const std::string& id) {
    Call* call = find(id);
    if (call == nullptr || call->up || call->over || call->cancelled || !call->settled) return;
    if (call->prack || call->update || !call->ringing.empty() || !(call->server || call->invite)) return;
    ++counts.early_offers;
    call->media.change_mind(world_.random);
    TextMessage request = peer.request(call->dialog, "UPDATE");
    call->offered_in_update = offer_in(*call, world_.chance(50) ? "sendonly" : "sendrecv");
    describe(request, call->offered_in_update);
    const std::string tag = call->dialog.remote_tag;
    const auto client = send(std::move(request));
    if (Call* c = find(id)) enter(*c, tag), c->update = client;
}

// A 2xx to our INVITE: what it means, and its ACK.
void SimPeer::accept(Call& call, const TextMessage& response) {
    const bool settled = std::exchange(call.settled, false);
    if (settled) return acknowledge(call, response);
    if (call.offering.empty() && !response.body.empty()) {  // it offers
        if (!call.joined.empty() && !call.over && !call.cancelled) return join(call, response);
        const std::string mine = answer_to(call, response.body);
        agree(call, mine, response.body, true);
        return acknowledge(call, response, mine);
    }
    if (!response.body.empty()) agree(call, call.offering, response.body, false);
    acknowledge(call, response);
    if (!call.joined.empty() && call.up) joined(call, response);
}

void SimPeer::acknowledge(Call& call, const TextMessage& response, const std::string& answer) {
    TextMessage message = peer.request(call.dialog, "ACK");
    message.set("CSeq", std::to_string(response.cseq()) + " ACK");
    if (!answer.empty()) {
        describe(message, answer);
    }
    const std::string ack = message.wire();
    acks_.emplace(ack_key(response), ack);
    wire_(*this, ack);
}

}  // namespace sallyport::test
