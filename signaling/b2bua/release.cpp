// The end of a call, whoever wants it: BYE, CANCEL, a failed setup, this node. Each leg is ended by what its state
// allows (RFC 3261 9, 15); the record waits for the media plane's statistics, though not for long.
#include "signaling/b2bua/call.h"
#include "signaling/b2bua/cause.h"
#include "signaling/b2bua/next_hop.h"

namespace sallyport::b2bua {

using sip::HeaderName;

namespace {

constexpr Duration statistics_patience = 2s;

}  // namespace

void Call::on_bye(Side side, const transaction::Request& request, Context& cx) {
    Leg& l = leg(side);
    refuse_request(request, 200, cx);
    ladder_.message(cx.now, side, Ladder::Way::out, "200 OK BYE");
    stop_repeating(side, cx);
    l.bye_due = false;
    if (l.server) {
        if (phase_ < Phase::answered) record_.status = 487;
        refuse_invite(side, 487, 0, cx);
    } else if (phase_ < Phase::answered && leg(Side::a).server) {
        // The callee took the call and dropped it before its caller could be told: nobody has cancelled anything.
        constexpr std::uint16_t unavailable = 480;
        record_.status = unavailable;
        refuse_invite(Side::a, unavailable, normal_clearing, cx);
    }
    cancel_invite(side, {}, cx);
    leave_offer(side, cx);
    l.over = true;
    if (phase_ < Phase::releasing) {
        const std::string reason = relayed_reason(request.message);
        const auto cause = q850_of(request.message);
        hang_up(other(side), reason, cx);
        begin_release(side == Side::a ? "caller" : "callee", cause != 0 ? cause : normal_clearing, "BYE", cx);
    }
    finish_if_done(cx);
}

void Call::on_cancelled(const transaction::Cancelled& cancelled, Context& cx) {
    for (const Side side : {Side::a, Side::b}) {
        Leg& l = leg(side);
        if (!l.server || l.server->id != cancelled.invite) continue;
        ladder_.message(cx.now, side, Ladder::Way::in, ladder_text(cancelled.cancel));
        const std::string reason = relayed_reason(cancelled.cancel);
        if (phase_ < Phase::answered) {
            const auto cause = q850_of(cancelled.cancel);
            record_.status = 487;
            refuse_invite(side, 487, 0, cx);
            hang_up(other(side), reason, cx);
            begin_release("caller", cause != 0 ? cause : normal_clearing, "cancelled", cx);
            return finish_if_done(cx);
        }
        // The other leg has taken it already: the 2xx is on its way and wins (RFC 3261 9.2).
        if (!exchange_ || exchange_->step == Exchange::Step::programming || leg(other(side)).owed) return;
        cancel_invite(other(side), reason, cx);
        stop_timer(CallTimer::media, cx);
        return end_exchange(487, cx);
    }
}

void Call::fail_setup(std::string_view by, std::uint16_t status, std::uint16_t q850, std::string_view why, Context& cx,
                      bool retry_after) {
    if (phase_ >= Phase::answered) return;
    record_.status = status;
    if (leg(Side::a).server) refuse_invite(Side::a, status, q850, cx, retry_after);
    log(Severity::info, "call-failed", std::to_string(status) + ": " + std::string(why), cx);
    hang_up(Side::b, q850_reason(q850), cx);
    begin_release(by, q850, why, cx);
    finish_if_done(cx);
}

void Call::release(std::string_view by, std::uint16_t q850, std::string_view why, Context& cx) {
    if (phase_ >= Phase::releasing) return;
    if (phase_ < Phase::answered) return fail_setup(by, 500, q850, why, cx);
    log(Severity::warning, "call-released", std::string(why), cx);
    for (const Side side : {Side::a, Side::b}) hang_up(side, q850_reason(q850), cx);
    begin_release(by, q850, why, cx);
    finish_if_done(cx);
}

// Who is still calling may try another node.
void Call::on_shutdown(std::string_view why, Context& cx) {
    constexpr std::uint16_t temporary_failure = 41;
    if (phase_ < Phase::answered) return fail_setup("node", 503, temporary_failure, why, cx, true);
    release("node", temporary_failure, why, cx);
}

// RFC 3261 9.1; the transaction layer holds it back until the peer has said something.
void Call::cancel_invite(Side side, const std::string& reason, Context& cx) {
    Leg& l = leg(side);
    if (!l.client || l.client_cancelled) return;
    l.client_cancelled = true;
    if (l.client->update) return;  // RFC 3261 9.1: INVITE alone is cancelled
    ladder_.message(cx.now, side, Ladder::Way::out, reason.empty() ? "CANCEL" : "CANCEL " + reason);
    cx.layer.cancel(l.client->client, reason, cx.now, cx.effects);
}

// Its 2xx made an offer that nobody is left to take: the ACK that it is owed says so (RFC 3261 13.2.2.4).
void Call::leave_offer(Side side, Context& cx) {
    Leg& l = leg(side);
    if (!l.owed) return;
    const OwedAck owed = std::move(*l.owed);
    l.owed.reset();
    SdpBridge bridge = bridge_;
    const std::string answer = bridge.at(side).heard ? bridge.speak_refusal(side, media_.local()) : std::string();
    acknowledge(side, owed.invite, owed.cseq, answer, cx);
}

void Call::hang_up(Side side, const std::string& reason, Context& cx) {
    Leg& l = leg(side);
    if (l.over) return;
    if (l.server) refuse_invite(side, 487, 0, cx);
    if (is_replacing(side)) leave_replaced(reason, cx);
    cancel_invite(side, reason, cx);
    if (!l.established) return;
    leave_offer(side, cx);
    l.reason = reason;
    // RFC 3261 15: not before the peer has acknowledged our 2xx, or never will.
    if (l.unacked)
        l.bye_due = true;
    else
        send_bye(side, cx);
}

void Call::send_bye(Side side, Context& cx) {
    Leg& l = leg(side);
    l.over = true;
    l.bye_due = false;
    NextHop hop = hop_to(side, cx);
    const auto compose = [&](std::optional<std::uint32_t> cseq) {
        auto bye = l.dialog.request("BYE", via_of(cx.realm(l.realm), hop.flow, cx.layer.new_branch()), cseq);
        bye.add(HeaderName::user_agent, cx.settings.server_header).add(HeaderName::session_id, session_.field(side));
        if (!l.reason.empty()) bye.add(HeaderName::reason, l.reason);
        return bye.finish();
    };
    std::string text = compose({});
    if (go_over_stream(hop, text.size(), cx)) text = compose(l.dialog.local_cseq);
    ladder_.message(cx.now, side, Ladder::Way::out, ladder_text(std::string_view(text)));
    l.bye = send_placed(l, hop, std::move(text), cx);
}

void Call::begin_release(std::string_view by, std::uint16_t q850, std::string_view why, Context& cx) {
    if (phase_ >= Phase::releasing) return;
    give_up_place(cx);
    const bool was_answered = phase_ == Phase::answered, was_admitted = holds_gauge_;
    phase_ = Phase::releasing;
    exchange_.reset();
    for (const auto timer :
         {CallTimer::setup, CallTimer::media, CallTimer::no_answer, CallTimer::glare, CallTimer::rest})
        stop_timer(timer, cx);
    for (const Side side : {Side::a, Side::b}) stop_session_timer(side, cx);
    record_.ended = cx.now;
    record_.ended_by = by;
    record_.q850 = q850;
    record_.reason = why;
    if (was_answered) cx.gauges.end_spending(admitted_.trunk, admitted_.price_per_minute, cx.now);
    if (holds_gauge_) cx.gauges.release(admitted_.holding);
    holds_gauge_ = false;
    if (was_answered && cx.settings.checkpoints)
        cx.out.emplace_back(Checkpoint{record_.id, {}, true});
    else if (!was_answered && was_admitted && record_.status != 487)
        cx.counters.failed.add();
    if (!media_.exists()) return write_record(cx);
    command(media_.release(), cx);
    if (!cx.media_up) return write_record(cx);
    start_timer(CallTimer::record, statistics_patience, cx);
}

// SIPconnect 16.6.3: by each trunk's own rule; of two, either is enough. Of a call that its PBX has sent on to the core
// the trunk is at neither end, and it has come to it. A call of no trunk, one for help, and what is only asked about
// (explain) leave one whatever is said.
bool Call::is_recorded(const Context& cx) const {
    if (admitted_.emergency || cx.decisions != nullptr) return true;
    bool asked = false, wanted = false;
    const auto ask = [&](const std::string& trunk, bool begins) {
        if (trunk.empty()) return;
        const auto records = trunk_of(trunk).call_records;
        asked = true;
        wanted |= records == config::CallRecords::all || (records == config::CallRecords::received && !begins);
    };
    if (is_pbx(Side::a)) ask(end_id(Side::a), true);
    if (is_pbx(Side::b)) ask(end_id(Side::b), false);
    if (!is_pbx(Side::a) || end_id(Side::a) != admitted_.trunk) ask(admitted_.trunk, false);
    return !asked || wanted;
}

void Call::write_record(Context& cx) {
    if (record_written_) return;
    record_written_ = true;
    stop_timer(CallTimer::record, cx);
    log(Severity::info, "call-ended",
        std::to_string(record_.status) + " by " + record_.ended_by + ", Q.850 " + std::to_string(record_.q850) + ", " +
            record_.reason,
        cx);
    if (is_recorded(cx)) {
        cx.counters.records.add();
        cx.out.emplace_back(WriteRecord{record_});
    }
    finish_if_done(cx);
}

void Call::finish_if_done(Context& cx) {
    if (phase_ != Phase::releasing || !record_written_ || replaced_) return;
    for (const Leg& l : legs_)
        if (l.client || l.bye || l.renewal || l.unacked || l.owed || l.server) return;
    phase_ = Phase::ended;
    forget_forks(cx);
    for (Leg& l : legs_) {
        if (!l.call_id.empty()) cx.index.remove_dialog(l.call_id, l.local_tag);
        cx.index.remove_dialog(l.call_id, l.dialog.id.local_tag);  // of a fork that was not the first
        cx.index.detach(l.dialog.flow.connection, id_);
        leave_adopted(l, cx);
    }
    for (const TimerId timer : timers_)
        if (timer != 0) cx.timers.cancel(timer);
}

}  // namespace sallyport::b2bua
