// The session timers of a call, one for each leg (RFC 4028): renewed by whoever has taken that on, by UPDATE where the
// peer knows it, else by an INVITE that says the same again. A leg that nobody renews ends the call: a peer that has
// died without BYE would otherwise be billed for ever.
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr Duration busy_pause = 5s;                      // something else is being agreed on this leg
constexpr std::uint16_t recovery_on_timer_expiry = 102;  // Q.850

}  // namespace

dialog::SessionTimerPolicy Call::session_policy(Side side) const {
    const auto& [seconds, least] =
        is_pbx(side) ? trunk_of(end_id(side)).session_timers : carrier_of(end_id(side)).session_timers;
    return {seconds, least};
}

void Call::run_session_timer(Side side, Duration after, Context& cx) {
    stop_session_timer(side, cx);
    leg(side).session_due =
        cx.timers.start(cx.now + after, {transaction::TimerOwner::call, static_cast<std::uint8_t>(CallTimer::session),
                                         id_.number(), side == Side::a ? 0u : 1u});
}

// From now, as it was agreed.
void Call::run_session_timer(Side side, Context& cx) {
    stop_session_timer(side, cx);
    const auto& session = leg(side).session;
    if (session.role() == dialog::SessionTimer::Role::none || phase_ >= Phase::releasing) return;
    run_session_timer(side, session.due(), cx);
}

// After a restart: when it was renewed last is not known, though not longer ago than half its time if that was ours.
void Call::resume_session_timer(Side side, Context& cx) {
    const auto& session = leg(side).session;
    using enum dialog::SessionTimer::Role;
    if (session.role() == none) return;
    const std::int64_t part = cx.random.below(3'001);  // not all calls at once
    const Duration soon = session.due() / 8 + session.due() / 8'000 * part;
    run_session_timer(side, session.role() == renew ? soon : session.due(), cx);
}

void Call::stop_session_timer(Side side, Context& cx) {
    TimerId& running = leg(side).session_due;
    if (running != 0) cx.timers.cancel(running);
    running = 0;
}

void Call::on_session_due(Side side, Context& cx) {
    Leg& l = leg(side);
    l.session_due = 0;
    if (phase_ >= Phase::releasing || l.over || l.session.role() == dialog::SessionTimer::Role::none) return;
    if (l.server) return run_session_timer(side, busy_pause, cx);  // its request is ours to answer
    // Who calls for help is asked, before anybody hangs up on him.
    if (l.session.role() == dialog::SessionTimer::Role::expect && !admitted_.emergency)
        return release("node", recovery_on_timer_expiry,
                       std::string("leg ") + (side == Side::a ? "a" : "b") + " has not renewed its session", cx);
    // A late answer to what was cancelled on the other leg is an exchange too (take_back).
    const bool elsewhere = !l.takes_update && leg(other(side)).busy();
    if (phase_ < Phase::answered || exchange_ || l.busy() || l.unacked || l.renewal || elsewhere)
        return run_session_timer(side, busy_pause, cx);
    renew_session(side, cx);
}

void Call::renew_session(Side side, Context& cx) {
    Leg& l = leg(side);
    if (!l.takes_update) {
        Exchange exchange;
        exchange.from = other(side);
        exchange.before = bridge_;
        exchange.renewal = true;
        exchange_ = std::move(exchange);
        return relay_offer(cx);
    }
    NextHop hop = hop_to(side, cx);
    const Realm& realm = cx.realm(l.realm);
    const auto compose = [&](std::optional<std::uint32_t> cseq) {
        auto update = l.dialog.request("UPDATE", via_of(realm, hop.flow, cx.layer.new_branch()), cseq);
        update.add(HeaderName::contact, contact_of(realm, hop.flow))
            .add(HeaderName::allow, methods_in_dialog)
            .add(HeaderName::user_agent, cx.settings.server_header)
            .add(HeaderName::session_id, session_.field(side));
        l.session.ask(session_policy(side), true, update);
        return update.finish();
    };
    std::string text = compose({});
    if (go_over_stream(hop, text.size(), cx)) text = compose(l.dialog.local_cseq);
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    l.renewal = send_placed(l, hop, std::move(text), cx);
    keep(cx);  // with the number that was used
}

// The 2xx to an INVITE that said the same again. A peer that answers from another address has moved: that is its own
// business and the media plane's. What it takes now is the other party's too, which would go on sending what is not
// wanted any more, and is offered it.
void Call::take_renewal(Side side, const sip::Message& ok, Context& cx) {
    if (sip::session_description(ok).empty()) return release("node", 65, "the 2xx has no answer", cx);
    const auto before = bridge_.at(side).heard;
    const auto heard = bridge_.hear_answer(side, sip::session_description(ok));
    if (!heard.has_value()) return release("node", 65, to_string(heard.error()), cx);
    if (bridge_.at(side).changed) program(bridge_, false, cx);
    if (before && !means_the_same(*before, *bridge_.at(side).heard)) leg(other(side)).outdated = true;
    confirm(cx);
}

// To an UPDATE that offers nothing. Whoever answers is there; only a dialog that is unknown to the peer is gone
// (RFC 4028 10).
void Call::on_renewal_answer(Side side, const sip::Message& response, Context& cx) {
    Leg& l = leg(side);
    const auto status = response.status();
    cx.index.remove(*l.renewal);
    ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(response));
    l.renewal.reset();
    if (phase_ >= Phase::releasing) return finish_if_done(cx);
    if (status == 481 || status == 408) return release("node", 41, "the dialog is unknown to the other side", cx);
    if (status / 100 == 2) {
        l.dialog.refresh_target(response);
        seek_peer(l, cx);
        l.session.heard_ok(response);
        keep(cx);
        return run_session_timer(side, cx);
    }
    const bool unknown = status == 405 || status == 501;
    if (unknown) l.takes_update = false;
    const bool again = unknown || (status == 422 && l.session.heard_too_small(response));
    if (again) return on_session_due(side, cx);
    renew_again_later(side, cx);
}

// RFC 4028 10: a peer that does not answer is gone. One whose connection is, may come back with another.
void Call::on_renewal_failed(Side side, bool timeout, Context& cx) {
    if (phase_ >= Phase::releasing) return finish_if_done(cx);
    if (timeout) return release("node", recovery_on_timer_expiry, "no answer to a session's renewal", cx);
    renew_again_later(side, cx);
}

// A peer that keeps a timer of its own must hear from us before it ends; any other has shown that it is there.
void Call::renew_again_later(Side side, Context& cx) {
    const bool ours = leg(side).session.role() == dialog::SessionTimer::Role::renew || admitted_.emergency;
    if (!ours) return;  // the peer has taken it on meanwhile
    const Duration rest = leg(side).session.due();
    run_session_timer(side, leg(side).session.peer_knows() ? rest / 4 : rest, cx);
}

}  // namespace sallyport::b2bua
