#include "signaling/b2bua/call.h"

#include "control/base/check.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/headers.h"
#include "signaling/b2bua/methods.h"
#include "signaling/b2bua/next_hop.h"
#include "signaling/sip/content.h"

namespace sallyport::b2bua {

using sip::HeaderName;
using sip::Method;

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::routing: return "routing";
        case Phase::calling: return "calling";
        case Phase::answered: return "answered";
        case Phase::releasing: return "releasing";
        case Phase::ended: return "ended";
    }
    SALLYPORT_CHECK(false);
}

const config::Trunk& Call::trunk_of(std::string_view id) const {
    static const config::Trunk none;  // a refused attempt may have named no trunk
    const auto found = config_->trunks.find(id);
    return found == config_->trunks.end() ? none : found->second;
}

const config::Carrier& Call::carrier_of(std::string_view id) const {
    static const config::Carrier none;
    const auto found = config_->carriers.find(id);
    return found == config_->carriers.end() ? none : found->second;
}

Parties Call::parties() const {
    const Side pbx = is_pbx(Side::a) ? Side::a : Side::b;
    return {trunk_of(end(pbx).id), carrier_of(end(other(pbx)).id), admitted_.emergency};
}

TrunkPair Call::trunks(Side from) const { return {trunk_of(end(from).id), trunk_of(end(other(from)).id)}; }

Sender Call::carry_over(const sip::Message& heard, Side side, sip::Composer& to) const {
    const bool in_the_core = !is_pbx(Side::a) && !is_pbx(Side::b), on_net = is_pbx(Side::a) && is_pbx(Side::b);
    const CarrierPair carriers{carrier_of(end(other(side)).id), carrier_of(end(side).id)};
    const Asserted asserted = in_the_core ? asserted_in_call(heard, carriers, public_host(carriers.to))
                              : on_net    ? asserted_in_call(heard, trunks(other(side)))
                                          : asserted_in_call(heard, is_pbx(side), parties(), side == Side::b);
    // Who was hidden when he called stays it to the end, whatever he or his network asserts later.
    const bool hidden = asserted.hidden || (side == Side::b && caller_hidden_);
    if (!hidden) asserted.add_to(to);
    const Sender sender = hidden ? Sender::hidden : Sender::known;
    const bool withheld = heard.status() > 100 && heard.status() < 200 &&
                          media_policy(other(side)).early_media == config::EarlyMedia::none;
    copy_crossing(heard, to, sender, withheld ? EarlyMediaTold::no : EarlyMediaTold::yes);
    return sender;
}

// RFC 3311 4: what a peer takes is known by what it says.
void Call::hear_allow(Side side, const sip::Message& message) {
    if (message.has(HeaderName::allow)) leg(side).takes_update = message.has_token(HeaderName::allow, "UPDATE");
}

void Call::start_timer(CallTimer timer, Duration after, Context& cx) {
    stop_timer(timer, cx);
    timers_[static_cast<std::size_t>(timer)] = cx.timers.start(
        cx.now + after, {transaction::TimerOwner::call, static_cast<std::uint8_t>(timer), id_.number(), 0});
}

void Call::stop_timer(CallTimer timer, Context& cx) {
    TimerId& running = timers_[static_cast<std::size_t>(timer)];
    if (running != 0) cx.timers.cancel(running);
    running = 0;
}

void Call::log(Severity severity, std::string event, std::string text, Context& cx) const {
    cx.out.emplace_back(
        LogFact{severity, std::move(event), record_.id, admitted_.trunk, std::move(text), session_.text()});
}

void Call::keep(Context& cx) const {
    if (cx.settings.checkpoints) cx.out.emplace_back(Checkpoint{record_.id, checkpoint(), false});
}

void Call::command(MediaCommand command, Context& cx) { cx.out.emplace_back(std::move(command)); }

sip::Composer Call::response_to_invite(Side side, std::uint16_t status, Context& cx) const {
    const Leg& l = leg(side);
    SALLYPORT_CHECK(l.server.has_value());
    const auto* request = cx.layer.request_of(l.server->id);
    SALLYPORT_CHECK(request != nullptr);
    auto composer = sip::respond(*request, status, l.server->to_tag, &l.server->source);
    if (status != 100) composer.add(HeaderName::session_id, session_.field(side));
    return composer;
}

// Sends a response to the INVITE that `side`'s peer is waiting for; a final one ends that wait.
std::string Call::respond(Side side, std::uint16_t status, sip::Composer composer, std::string_view body, Context& cx) {
    Leg& l = leg(side);
    SALLYPORT_CHECK(l.server.has_value());
    std::string text = composer.finish(body.empty() ? std::string_view() : "application/sdp", body);
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    const auto server = l.server->id;
    if (status >= 200) {
        if (side == Side::a) stop_provisionals(cx);
        l.server.reset();
        cx.index.remove(server);
    }
    cx.layer.respond(server, status, text, cx.now, cx.effects);
    return text;
}

// An UPDATE has no more time than its transaction (RFC 4320 4.2): nobody waits for an answer any more.
bool Call::forget_lost_update(Side side, Context& cx) {
    Leg& l = leg(side);
    if (!l.server || !l.server->update || cx.layer.request_of(l.server->id) != nullptr) return false;
    cx.index.remove(l.server->id);
    l.server.reset();
    return true;
}

void Call::refuse_invite(Side side, std::uint16_t status, std::uint16_t q850, Context& cx, bool retry_after) {
    if (forget_lost_update(side, cx)) return;
    auto composer = response_to_invite(side, status, cx);
    composer.add(HeaderName::server, cx.settings.server_header);
    if (q850 != 0) composer.add(HeaderName::reason, q850_reason(q850));
    if (retry_after) composer.add(HeaderName::retry_after, cx.settings.retry_window.draw(cx.random));
    if (status == 405 || status == 501) composer.add(HeaderName::allow, methods_in_dialog);
    if (status == 420) composer.add(HeaderName::unsupported, dialog::reliable_option);
    if (status == 422) composer.add(HeaderName::min_se, std::to_string(session_policy(side).min_seconds));
    if (const auto unfit = std::exchange(unfit_, std::nullopt); unfit && status == 488)
        composer.add(HeaderName::warning, warning_of(*unfit));
    respond(side, status, std::move(composer), {}, cx);
}

// Any other request within a dialog: one answer, at once.
void Call::refuse_request(const transaction::Request& request, std::uint16_t status, Context& cx,
                          std::string_view retry_after) {
    if (!request.server) return;
    auto composer = sip::respond(request.message, status, {}, &request.flow.remote);
    composer.add(HeaderName::server, cx.settings.server_header);
    if (status == 405 || status == 501 || status == 200) composer.add(HeaderName::allow, methods_in_dialog);
    if (!retry_after.empty()) composer.add(HeaderName::retry_after, retry_after);
    cx.layer.respond(request.server, status, composer.finish(), cx.now, cx.effects);
}

void Call::on_request(Side side, const transaction::Request& request, Context& cx) {
    Leg& l = leg(side);
    const sip::Message& message = request.message;
    if (on_request_of_replaced(side, request, cx)) return;
    if (side == Side::b && !l.established) return on_request_early(request, cx);
    // Of a fork that another one has outlived.
    if (l.established && message.to_tag() != l.dialog.id.local_tag) return refuse_request(request, 481, cx);
    if (message.from_tag() != l.dialog.id.remote_tag) return refuse_request(request, 481, cx);
    ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(message));
    if (message.method() == Method::ack) return on_ack(side, message, cx);
    // The caller counts its requests in each early dialog for itself (RFC 3261 12.2.1.1).
    Fork* early = side == Side::a && !l.established ? fork_towards_caller(message.to_tag()) : nullptr;
    if (early != nullptr) l.dialog.remote_cseq = early->caller_cseq;
    if (l.dialog.check_sequence(message) == dialog::SequenceCheck::too_low) return refuse_request(request, 500, cx);
    if (early != nullptr) early->caller_cseq = l.dialog.remote_cseq;
    const bool same_peer = request.flow.realm == l.realm && request.flow.remote.address == l.dialog.flow.remote.address;
    if (same_peer || (is_pbx(side) && cx.locations.trunk_of(request.flow, cx.now) == end_id(side)))
        move_flow(side, request.flow, cx);
    session_.hear(side, message, cx.random);
    hear_allow(side, message);
    switch (message.method()) {
        case Method::invite: return on_offer(side, request, cx);
        case Method::update: return on_update(side, request, cx);
        case Method::bye: return on_bye(side, request, cx);
        case Method::prack: return on_prack(side, request, cx);
        case Method::options: return refuse_request(request, l.over ? 481 : 200, cx);
        case Method::other: return refuse_request(request, 501, cx);
        case Method::ack:
        case Method::cancel: return;
        case Method::register_:
        case Method::info:
        case Method::subscribe:
        case Method::notify:
        case Method::refer:
        case Method::message:
        case Method::publish: return refuse_request(request, 405, cx);
    }
}

// From an early dialog of leg B.
void Call::on_request_early(const transaction::Request& request, Context& cx) {
    const sip::Message& message = request.message;
    Fork* fork = fork_towards_callee(message.from_tag());
    if (fork == nullptr || message.method() != Method::update) return refuse_request(request, 481, cx);
    ladder_.message(cx.now, Side::b, Ladder::Way::in, ladder_text(message));
    if (fork->callee && fork->callee->check_sequence(message) == dialog::SequenceCheck::too_low)
        return refuse_request(request, 500, cx);
    if (sip::session_description(message).empty()) {
        if (fork->callee) fork->callee->refresh_target(message);
        return on_update(Side::b, request, cx);
    }
    begin_early_exchange(Side::b, fork, request, cx);
}

void Call::on_response(const transaction::Response& response, Context& cx) {
    const auto status = response.message.status();
    if (status == 503 && go_elsewhere(response.client, cx)) return;
    if (status >= 200) forget_placed(response, cx);
    if (on_prack_answer(response.client, &response.message, false, cx)) return;
    if (on_early_answer(response.client, &response.message, cx)) return;
    if (status >= 200 && on_answer_of_replaced(response.client, cx)) return;
    for (const Side side : {Side::a, Side::b}) {
        Leg& l = leg(side);
        if (l.bye == response.client) {
            if (status < 200) return;
            ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(response.message));
            l.bye.reset();
            cx.index.remove(response.client);
            return finish_if_done(cx);
        }
        if (l.renewal == response.client) {
            if (status >= 200) on_renewal_answer(side, response.message, cx);
            return;
        }
        const bool waiting = l.client && l.client->client == response.client;
        const bool owing = l.owed && l.owed->invite.client == response.client && !waiting;
        if (!waiting && !owing) continue;
        if (owing) {  // the 2xx again, or another fork's: its offer cannot be answered before the other leg has spoken
            if (status / 100 == 2 && response.message.to_tag() != l.dialog.id.remote_tag) refuse_ok(side, response, cx);
            return;
        }
        if (status != 100) ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(response.message));
        session_.hear(side, response.message, cx.random);
        hear_allow(side, response.message);
        if (status / 100 == 2) return on_ok(side, response, cx);
        const bool first = exchange_ && exchange_->initial;
        if (status < 200) return first && !l.client_cancelled ? on_provisional(response, cx) : void();
        cx.index.remove(response.client);
        if (l.client_cancelled || phase_ >= Phase::releasing) {
            l.client.reset();
            bring_in_step(cx);
            return finish_if_done(cx);
        }
        return first ? on_failure(response, cx) : on_reinvite_failure(side, response, cx);
    }
}

void Call::on_client_failed(const transaction::ClientFailed& failed, Context& cx) {
    const bool timeout = failed.failure == transaction::Failure::timeout;
    cx.index.remove(failed.client);
    if (failed.failure != transaction::Failure::too_large && go_elsewhere(failed.client, cx)) return;
    if (on_prack_answer(failed.client, nullptr, failed.failure == transaction::Failure::transport, cx)) return;
    if (on_early_answer(failed.client, nullptr, cx)) return;
    if (on_answer_of_replaced(failed.client, cx)) return;
    for (const Side side : {Side::a, Side::b}) {
        Leg& l = leg(side);
        const StreamUse refused = refused_stream(l, failed, cx);
        const bool again = refused == StreamUse::first;  // by what it is sent over now
        if (l.bye == failed.client) {
            l.bye.reset();
            return again ? send_bye(side, cx) : finish_if_done(cx);
        }
        if (l.renewal == failed.client) {
            l.renewal.reset();
            if (again && phase_ == Phase::answered) return renew_session(side, cx);
            return on_renewal_failed(side, timeout, cx);
        }
        if (!l.client || l.client->client != failed.client) continue;
        const bool too_large = failed.failure == transaction::Failure::too_large;
        ladder_.note(cx.now, timeout     ? "no answer to INVITE"
                             : too_large ? "the INVITE is too large to be sent"
                                         : "the connection failed");
        const bool cancelled = l.client_cancelled;
        l.client.reset();
        if (cancelled) bring_in_step(cx);
        if (cancelled || phase_ >= Phase::releasing) return finish_if_done(cx);
        if (exchange_ && exchange_->initial) return on_attempt_failed(failed.failure, cx);
        if (again && exchange_) return relay_offer(cx);
        // The way that the dialog goes by is as good as it was.
        if ((too_large || refused == StreamUse::only) && exchange_) return end_exchange(513, cx);
        if (exchange_ && exchange_->renewal && !timeout) return end_exchange(500, cx);
        // RFC 3261 12.2.1.2: a peer that answers nothing within its dialog is gone.
        return release("node", timeout ? 102 : 41, timeout ? "no answer to a re-INVITE" : "connection lost", cx);
    }
}

// A 2xx so late that its transaction is over: the peer has a call that nobody here wants (RFC 3261 13.2.2.4).
void Call::on_stray_ok(Side side, const transaction::StrayResponse& stray, Context& cx) {
    if (has_gone_elsewhere(side, stray, cx) || side == Side::a) return;
    const Leg& l = leg(side);
    if (l.established && stray.message.to_tag() == l.dialog.id.remote_tag) return;
    if (!l.client) return;
    SentInvite invite = *l.client;
    invite.client = {};
    cx.acks.refuse(invite, stray.message, stray.flow, {}, cx);
}

void Call::on_flow_closed(const Flow& flow, Context& cx) {
    for (Fork& fork : forks_)
        if (fork.callee && fork.callee->flow.connection == flow.connection) fork.callee->flow.connection = 0;
    if (replaced_ && replaced_->leg.dialog.flow.connection == flow.connection) {
        cx.index.detach(flow.connection, id_);
        replaced_->leg.dialog.flow.connection = 0;
    }
    for (const Side side : {Side::a, Side::b}) {
        if (leg(side).dialog.flow.connection != flow.connection) continue;
        Flow lost = leg(side).dialog.flow;
        lost.connection = 0;
        move_flow(side, lost, cx);
        ladder_.note(cx.now, side == Side::a ? "leg a lost its connection" : "leg b lost its connection");
    }
}

void Call::on_timer(CallTimer timer, std::uint64_t extra, Context& cx) {
    const Side side = extra == 0 ? Side::a : Side::b;
    timers_[static_cast<std::size_t>(timer)] = 0;
    switch (timer) {
        case CallTimer::setup: return fail_setup("node", 503, 41, "no route and no media ports in time", cx);
        case CallTimer::media: return on_media_silent(cx);
        case CallTimer::no_answer: return on_no_answer(cx);
        case CallTimer::repeat_2xx: return repeat_ok(side, cx);
        case CallTimer::no_ack: return on_no_ack(side, cx);
        case CallTimer::glare: return exchange_ ? relay_offer(cx) : void();
        case CallTimer::record: return write_record(cx);
        case CallTimer::repeat_18x: return repeat_provisional(extra, cx);
        case CallTimer::early: return give_up_early_exchange(cx);
        case CallTimer::session: return on_session_due(side, cx);
        case CallTimer::rest: return rest(cx);
    }
}

std::array<std::string, 2> Call::columns() const {
    const auto column = [&](Side side) { return (is_pbx(side) ? "pbx " : "core ") + end_id(side); };
    return {column(Side::a), column(Side::b)};
}

FinishedCall Call::finish() && { return {std::move(record_), std::move(ladder_), columns()}; }

}  // namespace sallyport::b2bua
