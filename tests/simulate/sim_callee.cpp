// What a peer does that is called, or is offered something within a call: it rings, refuses, answers, and says it again
// until it is acknowledged.
#include <algorithm>
#include <array>

#include "tests/simulate/sim_peer.h"
#include "tests/simulate/user_agent.h"

namespace sallyport::test {
namespace {

constexpr std::array refusals{486, 404, 480, 503, 500, 603, 408, 401, 488};

}  // namespace

void SimPeer::on_first_invite(const transaction::Request& request, const TextMessage& text) {
    Call call;
    call.dialog = peer.dialog_of(text);
    call.media = SimMedia(peer.id, world_.random);
    call.server = request.server;
    call.name = text.first("X-Call");
    if (!text.body.empty()) listen(call, text);
    if (world_.chance(15)) return fork(call, request, text);
    const std::string id = call.id = call.dialog.call_id;
    calls_.insert_or_assign(id, std::move(call));
    const auto server = request.server;
    const unsigned dice = world_.random.below(100);
    const Duration rings_after = world_.between(0ms, 1s);
    if (dice < 30) {
        const int status = dice < 10 ? 302 : refusals[world_.random.below(refusals.size())];
        if (world_.chance(30)) world_.later(rings_after, [=, this] { ring(id, server, text); });
        return world_.later(world_.between(0ms, 2s), [=, this] { refuse(id, server, text, status); });
    }
    world_.later(rings_after, [=, this] { ring(id, server, text); });
    // An edge that has lost its way to us cannot cancel: no telephone rings for ever.
    world_.later(4min, [=, this] { refuse(id, server, text, 480); });
    if (dice < 40) return;  // nobody picks up: CANCEL or timer C will end it
    world_.later(rings_after + world_.between(-rings_after, 5s), [=, this] { answer(id, server, text); });
}

// Beyond us there are several telephones: each is a dialog of its own (RFC 3261 16.7), now and then two of them answer.
void SimPeer::fork(const Call& call, const transaction::Request& request, const TextMessage& text) {
    ++counts.forked;
    const auto server = request.server;
    std::vector<std::string> ids;
    for (unsigned n = 2 + world_.random.below(2); n > 0; --n) {
        Call branch = call;
        if (!ids.empty()) branch.dialog = peer.dialog_of(text), branch.media = SimMedia(peer.id, world_.random);
        ids.push_back(branch.id = branch.dialog.call_id + ";" + branch.dialog.local_tag);
        const std::string id = branch.id;
        calls_.insert_or_assign(id, std::move(branch));
        world_.later(world_.between(0ms, 2s), [=, this] { ring(id, server, text); });
    }
    world_.later(4min, [=, this] { refuse(ids.front(), server, text, 480); });
    const unsigned dice = world_.random.below(100);
    const Duration when = world_.between(0ms, 6s);
    if (dice < 15) return;
    if (dice < 30) {
        const int status = dice < 22 ? 302 : refusals[world_.random.below(refusals.size())];
        return world_.later(when, [=, this] { refuse(ids.front(), server, text, status); });
    }
    const std::string winner = ids[world_.random.below(static_cast<std::uint32_t>(ids.size()))];
    world_.later(when, [=, this] { answer(winner, server, text); });
    if (dice < 70) return;
    ++counts.twice;
    const std::string second = winner == ids.front() ? ids.back() : ids.front();
    calls_.at(second).wait_for_twin = true;
    world_.later(when + world_.between(0ms, 300ms), [=, this] { answer(second, server, text); });
}

void SimPeer::ring(const std::string& id, transaction::ServerId server, const TextMessage& request) {
    Call* call = find(id);
    if (call == nullptr || call->server != server) return;
    const bool early_media = world_.chance(40);
    if (says(request, "Supported", "100rel") && world_.chance(60))
        return ring_reliably(*call, server, request, early_media);
    const bool describes = early_media && !request.body.empty();
    respond(server, request, early_media ? 183 : 180, call->dialog.local_tag,
            describes ? answer_to(*call, request.body) : "");
}

// All the telephones there are.
void SimPeer::refuse(const std::string& id, transaction::ServerId server, const TextMessage& request, int status) {
    Call* call = find(id);
    if (call == nullptr || call->server != server) return;
    ++counts.refused;
    TextMessage response = peer.response(request, status, call->dialog.local_tag);
    if (status == 302 && somebody && world_.chance(90)) {
        ++counts.redirected;
        const std::array<std::string, 3> q{";q=0.3", ";q=1.000", ""};
        for (unsigned n = 1 + world_.random.below(3); n > 0; --n) {
            const std::string uri = world_.chance(10)   ? request.uri()
                                    : world_.chance(10) ? somebody() + "?Replaces=an-other-call"
                                                        : somebody();
            response.add("Contact", "<" + uri + ">" + q[world_.random.below(q.size())]);
        }
    }
    forget_others(*call, server);
    layer_.respond(server, static_cast<std::uint16_t>(status), response.wire(), world_.now(), effects_);
    done(std::string(id));
    run();
}

void SimPeer::forget_others(const Call& answered, transaction::ServerId server) {
    const bool twin = answered.wait_for_twin;
    std::erase_if(calls_, [&](const auto& entry) {
        const Call& call = entry.second;
        return &call != &answered && call.server == server && !(call.wait_for_twin && !twin);
    });
}

void SimPeer::answer(const std::string& id, transaction::ServerId server, const TextMessage& request) {
    Call* call = find(id);
    if (call == nullptr || call->server != server) return;
    // RFC 3262 3: not before it has been acknowledged, nor (RFC 6337 2.2) with an offer of ours on its way.
    if (!call->ringing.empty() || call->update) return world_.later(200ms, [=, this] { answer(id, server, request); });
    ++counts.answered;
    forget_others(*call, server);
    call->server.reset();
    call->up = true;
    TextMessage ok = peer.response(request, 200, call->dialog.local_tag);
    if (!call->settled) {
        if (request.body.empty()) {
            call->offered_late = call->media.offer("sendrecv");
            describe(ok, call->offered_late);
        } else {
            const std::string mine = answer_to(*call, request.body);
            describe(ok, mine);
            agree(*call, mine, request.body, true);
        }
    }
    call->settled = false;
    const bool renews = says(request, "Supported", "timer") && world_.chance(30);
    if (renews) {
        ok.add("Supported", "timer");
        ok.add("Session-Expires", "90;refresher=uas");
        renew_later(id);
    }
    call->ok = ok.wire();
    layer_.respond(server, 200, call->ok, world_.now(), effects_);
    repeat_ok(id, server, ++call->ok_number, 500ms, 0ms);
    run();
    if (find(id) != nullptr) live(id);
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

// With the answer in it, or with the offer that the caller has not made.
void SimPeer::ring_reliably(Call& call, transaction::ServerId server, const TextMessage& request, bool describes) {
    TextMessage ringing = peer.response(request, describes ? 183 : 180, call.dialog.local_tag);
    ringing.add("Require", "100rel");
    ringing.add("RSeq", std::to_string(1 + world_.random.below(1'000)));
    if (describes && request.body.empty()) {
        ++counts.early_answers;
        call.offered_ringing = call.media.offer("sendrecv");
        describe(ringing, call.offered_ringing);
        call.settled = true;
    } else if (describes) {
        const std::string mine = answer_to(call, request.body);
        describe(ringing, mine);
        call.settled = true;
        agree(call, mine, request.body, true);
    }
    call.ringing = ringing.wire();
    layer_.respond(server, static_cast<std::uint16_t>(ringing.status()), call.ringing, world_.now(), effects_);
    repeat_ringing(call.id, server, request, 500ms);
    run();
}

// RFC 3262 3: after twice the time each, and for 64*T1.
void SimPeer::repeat_ringing(const std::string& id, transaction::ServerId server, const TextMessage& request,
                             Duration age) {
    world_.later(age, [=, this] {
        Call* call = find(id);
        if (call == nullptr || call->server != server || call->ringing.empty()) return;
        if (age >= 16s) return refuse(id, server, request, 500);
        layer_.respond(server, 180, call->ringing, world_.now(), effects_);
        run();
        repeat_ringing(id, server, request, 2 * age);
    });
}

void SimPeer::on_prack(Call& call, const transaction::Request& request, const TextMessage& text) {
    const bool awaited = !call.ringing.empty();
    call.ringing.clear();
    const std::string offered = std::exchange(call.offered_ringing, {}), id = call.id;
    std::string mine;
    if (!awaited) {
        // As it is: whatever it offers was answered, or never will be.
    } else if (!offered.empty() && !text.body.empty()) {
        agree(call, offered, text.body, false);
    } else if (!text.body.empty()) {
        mine = answer_to(call, text.body);
        agree(call, mine, text.body, true);
    }
    if (awaited && call.settled && peer.id.updates && world_.chance(15))
        world_.later(world_.between(0ms, 500ms), [=, this] { update_early(id); });
    respond(request.server, text, awaited ? 200 : 481, call.dialog.local_tag, mine);
}

void SimPeer::on_reinvite(Call& call, const transaction::Request& request, const TextMessage& text) {
    const std::string tag = call.dialog.local_tag;
    if (call.over) return respond(request.server, text, 481, tag);
    if (call.invite || call.update || call.prack) return respond(request.server, text, 491, tag);  // RFC 6337 2.2
    if (call.server || !call.ok.empty()) return respond(request.server, text, 500, tag);
    if (world_.chance(10)) {
        if (!text.body.empty()) call.refused.push_back(Session::read(text.body));
        return respond(request.server, text, 488, tag);
    }
    TextMessage ok = peer.response(text, 200, tag);
    if (text.body.empty()) {
        call.offered_late = offer_in(call);
        describe(ok, call.offered_late);
    } else {
        call.offered_late.clear();
        const std::string mine = answer_to(call, text.body);
        describe(ok, mine);
        agree(call, mine, text.body, true);
    }
    call.ok = ok.wire();
    layer_.respond(request.server, 200, call.ok, world_.now(), effects_);
    repeat_ok(call.id, request.server, ++call.ok_number, 500ms, 0ms);
}

void SimPeer::on_update(Call& call, const transaction::Request& request, const TextMessage& text) {
    const std::string tag = call.dialog.local_tag;
    if (call.over) return respond(request.server, text, 481, tag);
    if (text.body.empty()) return respond(request.server, text, 200, tag);
    // RFC 3311 5.2: what we have offered is not answered, or what we were offered is not.
    const bool ours = (call.invite && (call.up || !call.settled)) || call.update || call.prack;
    if (ours || !call.offered_ringing.empty()) return respond(request.server, text, 491, tag);
    if ((call.server && !call.settled) || !call.ok.empty()) return respond(request.server, text, 500, tag);
    constexpr std::array refusals{488, 405, 504, 500};
    if (world_.chance(20)) {
        call.refused.push_back(Session::read(text.body));
        return respond(request.server, text, refusals[world_.random.below(refusals.size())], tag);
    }
    const std::string mine = answer_to(call, text.body);
    agree(call, mine, text.body, true);
    respond(request.server, text, 200, tag, mine);
}

void SimPeer::take(transaction::Cancelled& cancelled) {
    for (auto& [id, call] : calls_) {
        if (call.server != cancelled.invite) continue;
        const auto* invite = layer_.request_of(cancelled.invite);
        const TextMessage request = TextMessage::read(invite->text());
        const std::string key = id, tag = call.dialog.local_tag;
        call.wait_for_twin = true;
        forget_others(call, cancelled.invite);
        call.server.reset();
        respond(cancelled.invite, request, 487, tag);
        return done(key);
    }
}

}  // namespace sallyport::test
