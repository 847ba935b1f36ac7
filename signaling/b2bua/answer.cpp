// What the callee says to an INVITE in the end and how it reaches the caller: failures, the 2xx with its ACK on either
// leg, offers that come late (RFC 3261 13, RFC 3264, RFC 6026).
#include <algorithm>
#include <utility>

#include "control/base/check.h"
#include "signaling/b2bua/body.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {

using sip::HeaderName;

// The start of a response that lets the peer's INVITE go on: 18x or 2xx. It makes a dialog, whose route is that of the
// request (RFC 3261 12.1.1).
sip::Composer Call::go_ahead(Side side, std::uint16_t status, Context& cx) const {
    const Leg& l = leg(side);
    auto composer = response_to_invite(side, status, cx);
    composer.copy(*cx.layer.request_of(l.server->id), HeaderName::record_route)
        .add(HeaderName::contact, contact_of(cx.realm(l.realm), l.dialog.flow))
        .add(HeaderName::allow, methods_in_dialog)
        .add(HeaderName::server, cx.settings.server_header);
    if (takes_replaces(side)) composer.add(HeaderName::supported, dialog::replaces_option);
    return composer;
}

// With what the other leg has said.
sip::Composer Call::accept_invite(Side side, std::uint16_t status, const sip::Message& heard, Context& cx) const {
    auto composer = go_ahead(side, status, cx);
    carry_over(heard, side, composer);
    return composer;
}

void Call::on_failure(const transaction::Response& response, Context& cx) {
    const auto status = response.message.status();
    leg(Side::b).client.reset();
    if (status == 503)
        obey_retry_after(response.message, cx);
    else if (status != 408)
        cx.health.noticed_alive(hop_->health_key);
    const auto named = q850_of(response.message);
    if (status / 100 == 3 && follow(response.message, cx)) return;
    if (reroutes(status, named)) return fail_over(status, cx, named);
    if (status < 600 && go_on_forwarding(status, cx)) return;
    fail_setup("callee", relayed_status(status, is_pbx(Side::a)), named != 0 ? named : q850_of_status(status),
               "the callee answered " + std::to_string(status), cx);
}

// RFC 3261 21.5.4: the place is overloaded, or about to go. Without the field a 503 is like a 500, and says nothing of
// the next call.
void Call::obey_retry_after(const sip::Message& unavailable, Context& cx) {
    const auto seconds = sip::parse_retry_after(unavailable.first(HeaderName::retry_after).value_or(""));
    if (!seconds || !cx.health.pause(hop_->health_key, std::chrono::seconds(*seconds), cx.now)) return;
    log(Severity::warning, "target-paused", hop_->text() + " asks for " + std::to_string(*seconds) + " s without calls",
        cx);
}

void Call::on_ok(Side side, const transaction::Response& response, Context& cx) {
    Leg& l = leg(side);
    const bool wanted = exchange_ && !l.client_cancelled && phase_ < Phase::releasing;
    if (!wanted && l.established) return take_back(side, response, cx);
    if (!wanted) return refuse_ok(side, response, cx);
    stop_timer(CallTimer::no_answer, cx);
    const std::uint32_t cseq = response.message.cseq().number;
    SentInvite sent = establish(side, response, cx);
    exchange_->response = response.message;
    // What was offered and answered before the 2xx needs no answer in the ACK.
    const Fork* early = fork_towards_callee(response.message.to_tag());
    if (exchange_->initial && early != nullptr && early->offered && early->agreed) exchange_->late = false;
    if (early_ && early_->remote_tag != response.message.to_tag()) {
        give_back_media(early_->kbps_before, cx);
        end_early_exchange(481, {}, cx);
    }
    if (exchange_->late) {
        l.owed = OwedAck{std::move(sent), cseq};
        return carry_late_offer(side, response.message, cx);
    }
    acknowledge(side, sent, cseq, {}, cx);
    if (exchange_->renewal) return take_renewal(side, response.message, cx);
    carry_answer(side, response.message, cx);
}

// The peer's 2xx makes the dialog, or moves its target.
SentInvite Call::establish(Side side, const transaction::Response& response, Context& cx) {
    Leg& l = leg(side);
    SALLYPORT_CHECK(l.client.has_value());
    SentInvite sent = std::move(*l.client);
    l.client.reset();
    l.session.heard_ok(response.message);
    run_session_timer(side, cx);
    if (l.established) {
        l.dialog.refresh_target(response.message);
        return sent;
    }
    l.dialog = dialog::Dialog::as_uac(sent.text, response.message, response.flow, sent.tls_name);
    if (const Fork* early = fork_towards_callee(l.dialog.id.remote_tag); early != nullptr && early->callee) {
        l.dialog.local_cseq = std::max(l.dialog.local_cseq, early->callee->local_cseq);  // PRACKs have used numbers
        l.dialog.remote_cseq = early->callee->remote_cseq;
    }
    l.established = true;
    cx.index.attach(response.flow.connection, id_);
    cx.health.noticed_alive(hop_->health_key);
    return sent;
}

void Call::acknowledge(Side side, const SentInvite& invite, std::uint32_t cseq, std::string_view body, Context& cx) {
    if (invite.update) return cx.index.remove(invite.client);
    Leg& l = leg(side);
    const NextHop hop = hop_to(side, cx);
    auto ack = l.dialog.request("ACK", via_of(cx.realm(l.realm), hop.flow, cx.layer.new_branch()), cseq);
    ack.add(HeaderName::session_id, session_.field(side));
    std::string text = ack.finish(body.empty() ? std::string_view() : "application/sdp", body);
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    cx.index.remove(invite.client);
    l.acknowledged = invite.client;
    l.acknowledged_cseq = cseq;
    cx.acks.acknowledge(invite, l.dialog.id.remote_tag, hop, std::move(text), cx);
}

// The call was given up before this 2xx came (RFC 3261 9.1, 13.2.2.4): ACK, then BYE.
void Call::refuse_ok(Side side, const transaction::Response& response, Context& cx) {
    Leg& l = leg(side);
    const SentInvite invite = l.client ? *l.client : l.owed->invite;
    std::string refusal;
    if (has_sdp(response.message) && (!exchange_ || exchange_->late)) {
        SdpBridge bridge = bridge_;
        bridge.at(side).heard = {};  // a dialog of its own: its m-lines need not fit anyone's
        bridge.at(side).told.reset();
        const auto sent = sip::Parser::parse(invite.text);
        const bool offerless = sent.has_value() && sip::session_description(*sent).empty();
        if (offerless && bridge.hear_offer(side, sip::session_description(response.message)).has_value())
            refusal = bridge.speak_refusal(side, media_.local());
    }
    ladder_.note(cx.now, "answered too late: ACK and BYE");
    cx.acks.refuse(invite, response.message, response.flow, refusal, cx);
    if (!l.client) return cx.acks.owe(invite.client, l.dialog.id.remote_tag);
    cx.index.remove(l.client->client);
    l.client.reset();
    finish_if_done(cx);
}

void Call::carry_answer(Side side, const sip::Message& ok, Context& cx) {
    const Side caller = other(side);
    SdpBridge bridge = bridge_;
    Fork* fork = nullptr;
    if (exchange_->initial) {
        fork = fork_of(ok.to_tag(), cx);
        if (fork == nullptr) return fail_exchange(500, "too many forks", cx);
        leg(caller).server->to_tag = fork->caller_tag;
        if (fork->bridge) bridge = *fork->bridge;
        if (fork->said.settle() && !fork->offered) fork->told.reset();  // it has not been said
    }
    const bool answered_early = fork != nullptr && fork->bridge, agreed = answered_early && fork->agreed;
    if (has_sdp(ok) && !agreed) {
        const auto heard = bridge.hear_answer(side, sip::session_description(ok));
        if (!heard.has_value()) return fail_exchange(488, to_string(heard.error()), cx);
    } else if (!answered_early) {
        return fail_exchange(488, "the 2xx has no answer", cx);
    }
    // RFC 3261 13.2.1: after an answer in a response that was acknowledged no other one counts. Who calls for help is
    // not kept waiting for that, but told again.
    const bool again = admitted_.emergency && fork != nullptr && fork->said.waiting() != nullptr && !fork->offered;
    if (again) fork->said = {};
    const bool told = fork != nullptr && fork->told && !again;
    if (!(agreed && (fork->offered || (told && fork->in_step)))) {
        const SdpBridge before = told ? bridge : SdpBridge();
        auto spoken = bridge.speak_answer(caller, media_.local(), cx.random);
        if (!spoken.has_value()) return fail_exchange(488, to_string(spoken.error()), cx);
        leg(caller).outdated |= told && *fork->told != *spoken;
        if (told) bridge.leave_unsaid(caller, before);
        exchange_->body = told ? std::string() : std::move(*spoken);
    }
    bridge_ = std::move(bridge);
    exchange_->step = Exchange::Step::programming;
    program(bridge_, true, cx);
    start_timer(CallTimer::media, media_patience, cx);
}

void Call::carry_late_offer(Side side, const sip::Message& ok, Context& cx) {
    if (!has_sdp(ok)) return fail_exchange(488, "no offer in the 2xx", cx);
    if (exchange_->initial) {
        const Fork* fork = fork_of(ok.to_tag(), cx);
        if (fork == nullptr) return fail_exchange(500, "too many forks", cx);
        leg(other(side)).server->to_tag = fork->caller_tag;
    }
    const auto heard = bridge_.hear_offer(side, sip::session_description(ok));
    if (!heard.has_value()) return fail_exchange(488, to_string(heard.error()), cx);
    if (!takes_late_media(ok, cx)) return fail_exchange(488, "its offer takes more bandwidth than is left", cx);
    if (bridge_.streams() <= media_.ports()) return offer_late(cx);
    exchange_->step = Exchange::Step::ports;
    if (media_.awaited() != MediaSession::Awaited::ports) command(media_.grow(bridge_.streams()), cx);
    start_timer(CallTimer::media, media_patience, cx);
}

void Call::offer_late(Context& cx) {
    auto offer = bridge_.speak_offer(exchange_->from, media_.local(), cx.random);
    if (!offer.has_value()) return fail_exchange(488, to_string(offer.error()), cx);
    exchange_->body = std::move(*offer);
    send_ok(cx);
}

// One leg has said yes and the other one cannot be told so: the two would disagree from here on.
void Call::fail_exchange(std::uint16_t status, std::string_view why, Context& cx) {
    if (exchange_->initial) return fail_setup("node", status, 65, why, cx);
    release("node", 65, why, cx);
}

void Call::send_ok(Context& cx) {
    const Side caller = exchange_->from;
    Leg& l = leg(caller);
    if (!l.server || forget_lost_update(caller, cx)) {  // nobody waits: an exchange of our own
        // Its other party may take less than before, and this one would go on sending the rest.
        l.outdated |= bridge_.leave_unsaid(caller, exchange_->before);
        return confirm(cx);
    }
    if (exchange_->initial && awaits_settlement()) return hold_ok(cx);
    const auto server = l.server->id;
    const auto* invite = cx.layer.request_of(server);
    SALLYPORT_CHECK(invite != nullptr && exchange_->response.has_value());
    const std::uint32_t cseq = invite->cseq().number;
    if (exchange_->initial) {
        l.dialog.id.local_tag = l.server->to_tag;
        const Fork* fork = fork_towards_caller(l.server->to_tag);  // each has counted on its own (RFC 3261 12.2.1.1)
        l.dialog.remote_cseq = fork != nullptr ? fork->caller_cseq : cseq;
        l.established = true;
        phase_ = Phase::answered;
        record_.answered = cx.now;
        record_.status = 200;
        cx.gauges.begin_spending(admitted_.trunk, admitted_.price_per_minute, cx.now, cx.now);
        pays_since_ = cx.now;
        cx.counters.answered.add();
        cx.counters.setup_seconds.observe(std::chrono::duration<double>(cx.now - record_.started).count());
        invite_.reset();
        identity_.reset();
    } else if (l.established) {
        l.dialog.refresh_target(*invite);
    }
    seek_peer(l, cx);
    auto composer = accept_invite(caller, 200, *exchange_->response, cx);
    l.session.answer(session_policy(caller), *invite, composer);
    run_session_timer(caller, cx);
    const bool update = l.server->update;
    std::string text = respond(caller, 200, std::move(composer), exchange_->body, cx);
    if (update) return confirm(cx);  // nobody acknowledges it
    complete_replacement(cx);
    const auto& timers = cx.settings.timers;
    const transaction::TimerKey key{transaction::TimerOwner::call, 0, id_.number(), caller == Side::a ? 0u : 1u};
    auto repeat = key, give_up = key;
    repeat.kind = static_cast<std::uint8_t>(CallTimer::repeat_2xx);
    give_up.kind = static_cast<std::uint8_t>(CallTimer::no_ack);
    l.unacked = UnackedOk{server,
                          std::move(text),
                          cseq,
                          timers.t1,
                          cx.timers.start(cx.now + timers.t1, repeat),
                          cx.timers.start(cx.now + timers.t64(), give_up),
                          exchange_->late};
    if (!exchange_->late) return confirm(cx);
    exchange_->step = Exchange::Step::awaiting_answer;
}

void Call::confirm(Context& cx) {
    exchange_.reset();
    record_.codecs = bridge_.codecs();
    keep(cx);
    rest_later(cx);
    bring_in_step(cx);
}

void Call::stop_repeating(Side side, Context& cx) {
    Leg& l = leg(side);
    if (!l.unacked) return;
    cx.timers.cancel(l.unacked->repeat);
    cx.timers.cancel(l.unacked->give_up);
    l.unacked.reset();
}

// RFC 3261 13.3.1.4: on every transport, until the ACK comes.
void Call::repeat_ok(Side side, Context& cx) {
    Leg& l = leg(side);
    if (!l.unacked) return;
    UnackedOk& ok = *l.unacked;
    cx.layer.respond(ok.server, 200, ok.text, cx.now, cx.effects);
    ok.interval = std::min(2 * ok.interval, cx.settings.timers.t2);
    ok.repeat = cx.timers.start(cx.now + ok.interval,
                                {transaction::TimerOwner::call, static_cast<std::uint8_t>(CallTimer::repeat_2xx),
                                 id_.number(), side == Side::a ? 0u : 1u});
}

void Call::on_no_ack(Side side, Context& cx) {
    stop_repeating(side, cx);
    ladder_.note(cx.now, "no ACK");
    if (phase_ < Phase::releasing) return release("node", 102, "no ACK for the 2xx", cx);
    if (leg(side).bye_due) send_bye(side, cx);
}

void Call::on_ack(Side side, const sip::Message& ack, Context& cx) {
    Leg& l = leg(side);
    if (!l.unacked || ack.cseq().number != l.unacked->cseq) return;
    const bool answers = l.unacked->answer_expected;
    stop_repeating(side, cx);
    if (answers && phase_ < Phase::releasing) carry_late_answer(side, ack, cx);
    if (l.bye_due && !l.over) send_bye(side, cx);
    bring_in_step(cx);
}

// A leg that has agreed to something else than holds now is offered that; and one whose peer's key ends the same under
// new keys, so that it answers with another one. Not while the other leg may still take what was cancelled there: then
// it would hold no longer (take_back).
void Call::bring_in_step(Context& cx) {
    if (phase_ != Phase::answered || leg(Side::a).busy() || leg(Side::b).busy() || leg(Side::a).unacked) return;
    for (const Side side : {Side::a, Side::b}) {
        Leg& l = leg(side);
        if ((!l.outdated && !l.key_ends) || exchange_ || l.unacked) continue;
        l.outdated = false;
        offer_again(side, std::exchange(l.key_ends, false), cx);
    }
}

void Call::carry_late_answer(Side side, const sip::Message& ack, Context& cx) {
    const Side callee = other(side);
    if (!exchange_ || !leg(callee).owed) return;
    if (!has_sdp(ack)) return release("node", 65, "the ACK has no answer", cx);
    const auto heard = bridge_.hear_answer(side, sip::session_description(ack));
    if (!heard.has_value()) return release("node", 65, to_string(heard.error()), cx);
    auto spoken = bridge_.speak_answer(callee, media_.local(), cx.random);
    if (!spoken.has_value()) return release("node", 65, to_string(spoken.error()), cx);
    const OwedAck owed = std::move(*leg(callee).owed);
    leg(callee).owed.reset();
    acknowledge(callee, owed.invite, owed.cseq, *spoken, cx);
    program(bridge_, false, cx);
    confirm(cx);
}

}  // namespace sallyport::b2bua
