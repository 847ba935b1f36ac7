// INVITEs and UPDATEs within the call, from either party to the other: hold, new codecs, new addresses, offerless ones;
// glare and overlap (RFC 3261 14, RFC 3311 5, RFC 6141). A failed one leaves both legs as they were.
#include <algorithm>

#include "control/base/check.h"
#include "signaling/b2bua/body.h"
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/policy/engine.h"
#include "signaling/sip/content.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr std::uint32_t glare_tries = 4;
// Of an offer of our own, which nobody waits for: a party that has not heard our ACK refuses for up to 64*T1.
constexpr std::uint32_t own_tries = 8;
constexpr std::uint32_t longest_pause = 10;  // seconds: RFC 3261 14.2 asks for no more

bool is_update(const transaction::Request& request) { return request.message.method() == sip::Method::update; }

}  // namespace

void Call::on_offer(Side side, const transaction::Request& request, Context& cx) {
    const Leg& l = leg(side);
    if (phase_ >= Phase::releasing || l.over) return refuse_request(request, 481, cx);
    if (phase_ < Phase::answered && is_update(request)) {
        Fork* fork = side == Side::a ? fork_towards_caller(request.message.to_tag())
                                     : fork_towards_callee(l.dialog.id.remote_tag);
        begin_early_exchange(side, fork, request, cx);
        return;
    }
    // RFC 3261 14.2, RFC 3311 5.2: a second one before the first is answered.
    if (phase_ < Phase::answered || l.server)
        return refuse_request(request, 500, cx, std::to_string(cx.random.below(11)));
    if (exchange_ || l.client || l.owed || leg(other(side)).busy()) return refuse_request(request, 491, cx);
    if (!cx.media_up) return refuse_request(request, 500, cx, std::to_string(1 + cx.random.below(10)));
    if (asks_too_little(side, request, cx)) return;
    begin_exchange(side, request, cx);
}

// RFC 3311 5.2. One that offers nothing says where its sender is now and that he is still there, and is answered at
// once, whatever else is going on.
void Call::on_update(Side side, const transaction::Request& request, Context& cx) {
    Leg& l = leg(side);
    if (!sip::session_description(request.message).empty()) return on_offer(side, request, cx);
    if (phase_ >= Phase::releasing || l.over) return refuse_request(request, 481, cx);
    if (asks_too_little(side, request, cx)) return;
    auto composer = sip::respond(request.message, 200, {}, &request.flow.remote);
    composer.add(HeaderName::contact, contact_of(cx.realm(l.realm), request.flow))
        .add(HeaderName::allow, methods_in_dialog)
        .add(HeaderName::server, cx.settings.server_header)
        .add(HeaderName::session_id, session_.field(side));
    if (side == Side::a || l.established) l.dialog.refresh_target(request.message);
    if (l.established) {
        seek_peer(l, cx);
        l.session.answer(session_policy(side), request.message, composer);
        run_session_timer(side, cx);
    }
    std::string text = composer.finish();
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    cx.layer.respond(request.server, 200, std::move(text), cx.now, cx.effects);
    if (phase_ == Phase::answered) keep(cx);
}

// RFC 4028 9: 422 says what would do.
bool Call::asks_too_little(Side side, const transaction::Request& request, Context& cx) {
    const auto policy = session_policy(side);
    if (admitted_.emergency || !leg(side).session.is_too_small(policy, request.message)) return false;
    auto composer = sip::respond(request.message, 422, {}, &request.flow.remote);
    composer.add(HeaderName::server, cx.settings.server_header)
        .add(HeaderName::min_se, std::to_string(policy.min_seconds));
    cx.layer.respond(request.server, 422, composer.finish(), cx.now, cx.effects);
    return true;
}

// What an offer within the call takes beyond what the call holds. The most that was agreed is held to the end.
bool Call::takes_media(std::string_view offer, Context& cx) {
    const auto refusal = policy::decide_offer(*config_, offer, cx.now, admitted_, cx.gauges);
    if (!refusal) return true;
    ladder_.note(cx.now, "offer refused: " + *refusal);
    log(Severity::info, "offer-refused", *refusal, cx);
    return false;
}

// An offer in a response. It cannot be refused but with the call: one that is up holds what it takes, and that is told.
bool Call::takes_late_media(const sip::Message& offering, Context& cx) {
    const std::string_view offer = sip::session_description(offering);
    if (takes_media(offer, cx)) return true;
    if (exchange_->initial) return false;
    log(Severity::warning, "offer-beyond-limits", "a response offers more than is left: the call goes on with it", cx);
    policy::hold_offer(*config_, offer, admitted_, cx.gauges);
    return true;
}

void Call::give_back_media(std::uint32_t kbps, Context& cx) {
    if (kbps == 0 || kbps >= admitted_.holding.kbps) return;
    const auto held = std::exchange(admitted_.holding.kbps, kbps);
    policy::Holding before = admitted_.holding;
    before.kbps = held;
    cx.gauges.exchange(admitted_.holding, before);
}

void Call::begin_exchange(Side side, const transaction::Request& request, Context& cx) {
    const bool update = is_update(request);
    leg(side).server = InviteServer{request.server, request.flow.remote, {}, update};
    cx.index.add(request.server, id_);
    if (!update) respond(side, 100, response_to_invite(side, 100, cx), {}, cx);
    Exchange exchange;
    exchange.from = side;
    exchange.update = update;
    exchange.deadline = cx.now + update_patience(cx.settings.timers);
    const std::string_view description = sip::session_description(request.message);
    exchange.late = description.empty();
    exchange.before = bridge_;
    exchange.kbps_before = admitted_.holding.kbps;
    exchange_ = std::move(exchange);
    if (!exchange_->late) {
        const auto heard = bridge_.hear_offer(side, description);
        if (!heard.has_value()) {
            ladder_.note(cx.now, std::string(to_string(heard.error())));
            unfit_ = heard.error();
            return end_exchange(heard.error() == BridgeErrc::not_sdp ? 400 : 488, cx);
        }
        if (!takes_media(description, cx)) return end_exchange(488, cx);
        if (bridge_.streams() > media_.streams()) {
            command(media_.grow(bridge_.streams()), cx);
            return start_timer(CallTimer::media, media_patience, cx);
        }
    }
    relay_offer(cx);
}

void Call::relay_offer(Context& cx) {
    const Side to = other(exchange_->from);
    Leg& l = leg(to);
    std::string description;
    if (exchange_->renewal) {
        description = bridge_.repeat(to);
    } else if (!exchange_->late) {
        auto offer = bridge_.speak_offer(to, media_.local(), cx.random);
        if (!offer.has_value()) return end_exchange(488, cx);
        description = std::move(*offer);
    }
    NextHop hop = hop_to(to, cx);
    const Realm& realm = cx.realm(l.realm);
    // What was asked by INVITE may want somebody's consent there: that is not asked for by UPDATE (RFC 3311 5.1).
    const bool update = exchange_->update && !exchange_->by_invite && l.takes_update;
    const auto& server = leg(exchange_->from).server;
    const auto* original = server ? cx.layer.request_of(server->id) : nullptr;
    const auto compose = [&](std::optional<std::uint32_t> cseq) {
        auto invite =
            l.dialog.request(update ? "UPDATE" : "INVITE", via_of(realm, hop.flow, cx.layer.new_branch()), cseq);
        invite.add(HeaderName::contact, contact_of(realm, hop.flow))
            .add(HeaderName::allow, methods_in_dialog)
            .add(HeaderName::user_agent, cx.settings.server_header)
            .add(HeaderName::session_id, session_.field(to));
        l.session.ask(session_policy(to), true, invite);
        Body body{description.empty() ? std::string() : "application/sdp", {}, description};
        if (original != nullptr) body = body_across(*original, description, carry_over(*original, to, invite));
        return body.finish(invite);
    };
    std::string text = compose({});
    if (go_over_stream(hop, text.size(), cx)) text = compose(l.dialog.local_cseq);
    ladder_.message(cx.now, to, Ladder::Way::out, ladder_text(std::string_view(text)));
    exchange_->step = Exchange::Step::sent;
    const auto client = send_placed(l, hop, text, cx);
    l.client = SentInvite{client, std::move(text), hop.flow, hop.tls_name, update};
    l.client_cancelled = false;
    const Duration left = std::max<Duration>(exchange_->deadline - cx.now, 0s);
    start_timer(CallTimer::no_answer, exchange_->update ? left : transaction::timer_c, cx);
}

// A peer that says 100 and then nothing would keep the other one waiting, and every later INVITE refused, for ever.
void Call::on_no_answer(Context& cx) {
    if (phase_ < Phase::answered) return fail_setup("node", 480, 19, "no answer in time", cx);
    if (!exchange_ || (exchange_->step != Exchange::Step::sent && exchange_->step != Exchange::Step::pausing)) return;
    cancel_invite(other(exchange_->from), {}, cx);
    if (exchange_->renewal) return on_renewal_failed(other(exchange_->from), true, cx);
    end_exchange(exchange_->update ? 504 : 408, cx);
}

void Call::on_reinvite_failure(Side side, const transaction::Response& response, Context& cx) {
    const auto status = response.message.status();
    Leg& l = leg(side);
    const bool was_update = l.client->update;
    l.client.reset();
    if (!exchange_) return stop_timer(CallTimer::no_answer, cx);
    // RFC 3261 12.2.1.2: that dialog is gone.
    if (status == 481 || status == 408) return release("node", 41, "the dialog is unknown to the other side", cx);
    // RFC 3261 14.2: another one is under way there. Nobody waits for what is our own, so it is offered again.
    const bool ours = !leg(other(side)).server && !exchange_->renewal;
    if (status == 491) return pause_after_glare(side, {}, cx);
    if (ours && (status == 500 || status == 503)) {
        const auto asked = sip::parse_retry_after(response.message.first(HeaderName::retry_after).value_or(""));
        return pause_after_glare(side, std::chrono::seconds(asked ? std::min(*asked, longest_pause) : 0u), cx);
    }
    if (status == 422 && l.session.heard_too_small(response.message)) return relay_offer(cx);
    // RFC 3311 5.2: what UPDATE cannot do, or not without a user's consent, INVITE may.
    if (was_update && (status == 405 || status == 501 || status == 504)) {
        exchange_->by_invite = true;
        return relay_offer(cx);
    }
    end_exchange(relayed_status(status, is_pbx(other(side))), cx);
}

// RFC 3261 14.1: who owns the Call-ID waits longer. The party that asked first goes on waiting; the 491 stays on its
// leg.
void Call::pause_after_glare(Side side, Duration at_least, Context& cx) {
    const bool somebody_waits = leg(other(side)).server || exchange_->renewal;
    const std::uint32_t tries = ++exchange_->tries;
    if (tries >= (somebody_waits ? glare_tries : own_tries)) return end_exchange(500, cx);
    exchange_->step = Exchange::Step::pausing;
    const bool ours = side == Side::b;
    const auto steps = ours ? 210 + cx.random.below(191) : cx.random.below(201);
    const unsigned doubled = tries < glare_tries ? 0 : tries - glare_tries + 1;
    start_timer(CallTimer::glare, std::max<Duration>(at_least, (steps << doubled) * Duration(10ms)), cx);
}

void Call::end_exchange(std::uint16_t status, Context& cx) {
    SALLYPORT_CHECK(exchange_ && !exchange_->initial);
    const Side from = exchange_->from;
    const bool renewal = exchange_->renewal;
    const SdpBridge before = std::move(exchange_->before);
    bridge_.go_back_to(before);
    give_back_media(exchange_->kbps_before, cx);
    exchange_.reset();
    // What it was refused, the other one has not taken either: it goes on with what holds. Where both were refused
    // nothing does: two that have nothing in common are not asked in turns for ever.
    if (!leg(from).server && bridge_.has_refused(from) && !bridge_.has_refused(other(from))) leg(from).outdated = true;
    keep(cx);  // a number has been used
    rest_later(cx);
    if (renewal) renew_again_later(other(from), cx);
    stop_timer(CallTimer::glare, cx);
    stop_timer(CallTimer::no_answer, cx);
    if (leg(from).server) refuse_invite(from, status, 0, cx, status == 500);
    if (is_replacing(from)) undo_replacement(before, cx);
    bring_in_step(cx);
}

// A re-INVITE that its sender had cancelled was accepted all the same: `side` believes in it until it is offered the
// old description again.
void Call::take_back(Side side, const transaction::Response& response, Context& cx) {
    const std::uint32_t cseq = response.message.cseq().number;
    const SentInvite sent = establish(side, response, cx);
    const auto invite = sip::Parser::parse(sent.text);
    const bool offerless = invite.has_value() && sip::session_description(*invite).empty();
    std::string body;
    const bool offers = offerless && bridge_.hear_offer(side, sip::session_description(response.message)).has_value();
    if (offers) {
        // Who wanted the other party's place may have said nothing yet, and never will.
        auto answer = bridge_.at(other(side)).heard
                          ? bridge_.speak_answer(side, media_.local(), cx.random, sdp::AnswerOrder::of_offer)
                          : BridgeResult<std::string>(BridgeErrc::nothing_in_common);
        // Refused, he is offered what the other party makes of it, if that one is still there (send_ok).
        body = answer.has_value() ? *answer : bridge_.speak_refusal(side, media_.local());
    }
    if (invite.has_value() && !offerless)
        bridge_.take_given_up(side, sip::session_description(*invite), sip::session_description(response.message));
    acknowledge(side, sent, cseq, body, cx);
    if (phase_ >= Phase::releasing) return finish_if_done(cx);
    rest_later(cx);
    program(bridge_, false, cx);
    // What it was answered is what the other party last said of itself, which may be more than the two had agreed to.
    if (!offerless || offers) leg(offerless ? other(side) : side).outdated = true;
    bring_in_step(cx);
}

// What holds now, by an exchange of our own: the other party has said it already.
void Call::offer_again(Side to, bool new_keys, Context& cx) {
    Exchange exchange;
    exchange.from = other(to);
    exchange.before = bridge_;
    exchange_ = std::move(exchange);
    if (new_keys) bridge_.renew_keys(to);
    relay_offer(cx);
}

}  // namespace sallyport::b2bua
