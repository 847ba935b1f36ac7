// What a peer does that is called, or is offered something within a call: it rings, refuses, answers, and says it again
// until it is acknowledged.
#include <algorithm>
#include <array>

#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {

void SimPeer::on_first_invite(const transaction::Request& request, const TextMessage& text) {
    Call call;
    call.dialog = peer.dialog_of(text);
    call.server = request.server;
    call.name = text.first("X-Call");
    const std::string id = call.dialog.call_id, tag = call.dialog.local_tag;
    calls_.insert_or_assign(id, std::move(call));
    const auto server = request.server;
    const unsigned dice = world_.random.below(100);
    constexpr std::array refusals{486, 404, 480, 503, 500, 302, 603, 408, 401, 488};
    if (dice < 25) {
        const int status = refusals[world_.random.below(refusals.size())];
        world_.later(world_.between(0ms, 2s), [=, this] {
            Call* c = find(id);
            if (c == nullptr || c->server != server) return;
            ++counts.refused;
            c->server.reset();
            respond(server, text, status, tag);
            done(id);
        });
        return;
    }
    const Duration ring = world_.between(0ms, 1s);
    world_.later(ring, [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->server != server) return;
        const bool early_media = world_.chance(30);
        const bool describes = early_media && !text.body.empty();
        if (says(text, "Supported", "100rel") && world_.chance(60)) return ring_reliably(id, server, text, describes);
        respond(server, text, early_media ? 183 : 180, tag, early_media ? peer.sdp(c->dialog) : "");
    });
    // An edge that has lost its way to us cannot cancel: no telephone rings for ever.
    world_.later(4min, [=, this] {
        Call* c = find(id);
        if (c == nullptr || c->server != server) return;
        c->server.reset();
        respond(server, text, 480, tag);
        done(id);
    });
    if (dice < 35) return;  // nobody picks up: CANCEL or timer C will end it
    world_.later(ring + world_.between(-ring, 5s), [=, this] { answer(id, server, text); });
}

void SimPeer::answer(const std::string& id, transaction::ServerId server, const TextMessage& request) {
    Call* call = find(id);
    if (call == nullptr || call->server != server) return;
    if (!call->ringing.empty())  // RFC 3262 3: not before it has been acknowledged
        return world_.later(200ms, [=, this] { answer(id, server, request); });
    ++counts.answered;
    call->server.reset();
    call->up = true;
    TextMessage ok = peer.response(request, 200, call->dialog.local_tag);
    if (!call->settled) {
        describe(ok, peer.sdp(call->dialog));
        if (request.body.empty())
            call->offered_late = "sendrecv";
        else
            agree(*call, "sendrecv", request.body);
    }
    call->settled = false;
    call->ok = ok.wire();
    layer_.respond(server, 200, call->ok, world_.now(), effects_);
    repeat_ok(id, server, ++call->ok_number, 500ms, 0ms);
    run();
    live(id);
}

// RFC 3261 13.3.1.4.
void SimPeer::repeat_ok(const std::string& id, transaction::ServerId server, unsigned number, Duration interval,
                        Duration age) {
    world_.later(interval, [=, this] {
        Call* call = find(id);
        if (call == nullptr || call->ok.empty() || call->ok_number != number) return;
        const Duration so_far = age + interval;
        if (so_far >= 32s) {
            call->ok.clear();
            return hang_up(id);
        }
        layer_.respond(server, 200, call->ok, world_.now(), effects_);
        run();
        repeat_ok(id, server, number, std::min<Duration>(2 * interval, 4s), so_far);
    });
}

void SimPeer::ring_reliably(const std::string& id, transaction::ServerId server, const TextMessage& request,
                            bool describes) {
    Call& call = *find(id);
    TextMessage ringing = peer.response(request, describes ? 183 : 180, call.dialog.local_tag);
    ringing.add("Require", "100rel");
    ringing.add("RSeq", std::to_string(1 + world_.random.below(1'000)));
    if (describes) {
        describe(ringing, peer.sdp(call.dialog));
        call.settled = true;
        agree(call, "sendrecv", request.body);
    }
    call.ringing = ringing.wire();
    layer_.respond(server, static_cast<std::uint16_t>(ringing.status()), call.ringing, world_.now(), effects_);
    repeat_ringing(id, server, request, 500ms);
    run();
}

// RFC 3262 3: after twice the time each, and for 64*T1.
void SimPeer::repeat_ringing(const std::string& id, transaction::ServerId server, const TextMessage& request,
                             Duration age) {
    world_.later(age, [=, this] {
        Call* call = find(id);
        if (call == nullptr || call->server != server || call->ringing.empty()) return;
        if (age >= 16s) {
            call->server.reset();
            respond(server, request, 500, call->dialog.local_tag);
            return done(id);
        }
        layer_.respond(server, 180, call->ringing, world_.now(), effects_);
        run();
        repeat_ringing(id, server, request, 2 * age);
    });
}

void SimPeer::on_prack(Call& call, const transaction::Request& request, const TextMessage& text) {
    const bool awaited = !call.ringing.empty();
    call.ringing.clear();
    respond(request.server, text, awaited ? 200 : 481, call.dialog.local_tag);
}

void SimPeer::on_reinvite(Call& call, const transaction::Request& request, const TextMessage& text) {
    const std::string tag = call.dialog.local_tag;
    if (call.over) return respond(request.server, text, 481, tag);
    if (call.invite || call.update || call.prack) return respond(request.server, text, 491, tag);  // RFC 6337 2.2
    if (call.server || !call.ok.empty()) return respond(request.server, text, 500, tag);
    if (world_.chance(10)) {
        if (!text.body.empty()) call.refused = direction_of(text.body);
        return respond(request.server, text, 488, tag);
    }
    TextMessage ok = peer.response(text, 200, tag);
    const std::string mine = text.body.empty() ? "sendrecv" : mirrored(direction_of(text.body));
    describe(ok, peer.sdp(call.dialog, mine));
    call.offered_late = text.body.empty() ? mine : std::string();
    if (!text.body.empty()) agree(call, mine, text.body);
    call.ok = ok.wire();
    layer_.respond(request.server, 200, call.ok, world_.now(), effects_);
    repeat_ok(call.dialog.call_id, request.server, ++call.ok_number, 500ms, 0ms);
}

void SimPeer::on_update(Call& call, const transaction::Request& request, const TextMessage& text) {
    const std::string tag = call.dialog.local_tag;
    if (call.over) return respond(request.server, text, 481, tag);
    if (text.body.empty()) return respond(request.server, text, 200, tag);
    if (call.invite || call.update || call.prack) return respond(request.server, text, 491, tag);
    if ((call.server && !call.settled) || !call.ok.empty()) return respond(request.server, text, 500, tag);
    constexpr std::array refusals{488, 405, 504, 500};
    if (world_.chance(20)) {
        call.refused = direction_of(text.body);
        return respond(request.server, text, refusals[world_.random.below(refusals.size())], tag);
    }
    const std::string mine = mirrored(direction_of(text.body));
    agree(call, mine, text.body);
    respond(request.server, text, 200, tag, peer.sdp(call.dialog, mine));
}

void SimPeer::take(transaction::Cancelled& cancelled) {
    for (auto& [id, call] : calls_) {
        if (call.server != cancelled.invite) continue;
        const auto* invite = layer_.request_of(cancelled.invite);
        call.server.reset();
        respond(cancelled.invite, TextMessage::read(invite->text()), 487, call.dialog.local_tag);
        return done(std::string(id));
    }
}

}  // namespace sallyport::test
