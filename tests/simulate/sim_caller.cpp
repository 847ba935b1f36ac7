// What a peer does that calls, or sends an INVITE within a call: what the answers mean to it, and what it acknowledges.
#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {
namespace {

std::string ack_key(const TextMessage& response) {
    return response.first("Call-ID") + " " + std::to_string(response.cseq());
}

}  // namespace

void SimPeer::call(const std::string& uri) {
    if (quiet) return;
    ++counts.placed;
    Call call;
    call.caller = true;
    call.dialog = peer.new_dialog("<sip:" + number_ + "@" + domain_ + ";user=phone>", "<" + uri + ">", uri);
    call.name = call.dialog.call_id;
    TextMessage invite = peer.request(call.dialog, "INVITE");
    invite.add("X-Call", call.name);
    if (world_.chance(85)) {
        describe(invite, peer.sdp(call.dialog));
        call.offering = "sendrecv";
    }
    if (world_.chance(50)) invite.add(world_.chance(20) ? "Require" : "Supported", "100rel");
    const std::string id = call.dialog.call_id;
    calls_.emplace(id, std::move(call));
    const auto client = send(std::move(invite));
    if (Call* c = find(id)) c->invite = client;
    give_up_waiting(id, client);
    if (!world_.chance(20)) return;
    world_.later(world_.between(0ms, 4s), [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->up || c->invite != client) return;
        ++counts.cancelled;
        c->cancelled = true;
        layer_.cancel(client, {}, world_.now(), effects_);
        run();
    });
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
        if (at == calls_.end() || response.status() == 100) return;
        peer.learn(at->second.dialog, response);
        // An answer that is acknowledged is the answer; the offer of the INVITE was sendrecv.
        if (says(response, "Require", "100rel") && !response.body.empty() && !at->second.settled &&
            !at->second.offering.empty()) {
            agree(at->second, at->second.offering, response.body);
            at->second.settled = true;
        }
        if (says(response, "Require", "100rel")) acknowledge_ringing(at->second, response);
        return;
    }
    const bool ok = response.status() < 300;
    if (const auto kept = acks_.find(ack_key(response)); ok && kept != acks_.end()) return wire_(*this, kept->second);
    if (at == calls_.end()) return;
    Call& call = at->second;
    const std::string id = at->first;
    if (ok && call.waiting_ok) return;  // again: its ACK waits for somebody
    call.invite.reset();
    if (ok) {
        peer.learn(call.dialog, response);
        accept(call, response);
        const bool was_up = call.up;
        call.up = true;
        if (call.over || call.cancelled) return hang_up(id);
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

// Now and then with another offer, where the answer is there.
void SimPeer::acknowledge_ringing(Call& call, const TextMessage& ringing) {
    const auto number = static_cast<unsigned>(std::stoul(ringing.first("RSeq")));
    if (call.heard_rseq != 0 && number != call.heard_rseq + 1) return;
    call.heard_rseq = number;
    ++counts.pracked;
    TextMessage prack = peer.request(call.dialog, "PRACK");
    prack.add("RAck", std::to_string(number) + " " + std::to_string(call.dialog.invite_cseq) + " INVITE");
    if (!ringing.body.empty() && world_.chance(30)) {
        call.offered_in_prack = world_.chance(50) ? "sendonly" : "sendrecv";
        describe(prack, peer.sdp(call.dialog, call.offered_in_prack));
    }
    const std::string id = call.dialog.call_id;
    const bool offers = !prack.body.empty();
    const auto client = send(std::move(prack));
    if (Call* c = find(id); c != nullptr && offers) c->prack = client;
}

// A 2xx to our INVITE: what it means, and its ACK.
void SimPeer::accept(Call& call, const TextMessage& response) {
    const bool settled = std::exchange(call.settled, false);
    if (call.offering.empty() && !response.body.empty()) {  // it offers
        if (!call.joined.empty() && !call.over && !call.cancelled) return join(call, response);
        const std::string mine = mirrored(direction_of(response.body));
        agree(call, mine, response.body);
        return acknowledge(call, response, peer.sdp(call.dialog, mine));
    }
    if (!settled && !response.body.empty()) agree(call, call.offering, response.body);
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
