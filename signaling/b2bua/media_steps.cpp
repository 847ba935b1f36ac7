// What the media plane says to a call: ports, confirmations, statistics, events, and that it has lost everything.
#include <algorithm>

#include "signaling/b2bua/call.h"
#include "signaling/b2bua/media_endpoint.h"

namespace sallyport::b2bua {

namespace {

constexpr std::uint16_t temporary_failure = 41;
constexpr std::uint32_t most_restore_tries = 5;

std::string digit(std::uint8_t code) {  // RFC 4733 3.2
    constexpr std::string_view digits = "0123456789*#ABCD";
    return code < digits.size() ? std::string(1, digits[code]) : "event " + std::to_string(code);
}

// "telephone-event, 100 ms", "3 telephone-events, the last one 5, 100 ms".
std::string telephone_event_text(const MediaEvent& event) {
    const auto& last = event.telephone;
    std::string text = event.count > 1 ? std::to_string(event.count) + " telephone-events, the last one"
                                       : std::string("telephone-event");
    if (last.code) text += ' ' + digit(*last.code);
    text += ", " + std::to_string(last.milliseconds) + " ms";
    return last.unended ? text + " and perhaps longer, its end was lost," : text;
}

}  // namespace

void Call::program(const SdpBridge& bridge, bool wait, Context& cx) {
    auto legs = bridge.media_legs();
    callee_silenced_ = callee_silenced_ && !bridge.at(Side::b).heard;
    if (callee_silenced_)  // said again with whatever is
        for (auto& leg : silent_callee()) legs.push_back(std::move(leg));
    program(std::move(legs), wait, cx);
}

// Whoever has sent early media is not called any more, and who is next has not said where it is: until then nobody is
// heard there, nor spoken to.
void Call::end_early_media(Context& cx) {
    if (std::none_of(forks_.begin(), forks_.end(), [](const Fork& fork) { return fork.bridge.has_value(); })) return;
    callee_silenced_ = true;
    program(silent_callee(), false, cx);
}

std::vector<MediaLeg> Call::silent_callee() const {
    std::vector<MediaLeg> silent;
    for (const auto& local : media_.local()) {
        if (local.side != Side::b) continue;
        MediaLeg leg{.stream = local.stream, .side = Side::b};
        leg.remote = nowhere(local.rtp.address.family);
        leg.direction = sdp::Direction::inactive;
        leg.relearn = true;
        silent.push_back(std::move(leg));
    }
    return silent;
}

void Call::program(std::vector<MediaLeg> legs, bool wait, Context& cx) {
    if (phase_ == Phase::answered || (exchange_ && exchange_->initial && exchange_->response)) media_.on_answer();
    command(media_.program(std::move(legs), wait), cx);
    if (media_.awaited() == MediaSession::Awaited::confirmation) start_timer(CallTimer::media, media_patience, cx);
}

// An offer that is not answered yet has changed nothing, and may never.
const SdpBridge& Call::agreed_bridge() const {
    const bool asking = exchange_ && !exchange_->initial && exchange_->step != Exchange::Step::programming;
    return asking ? exchange_->before : bridge_;
}

void Call::on_media_reply(const MediaReply& reply, Context& cx) {
    const auto answered = media_.on_reply(reply);
    if (answered == MediaSession::Awaited::nothing) return;
    // What a restored session goes on with is beyond what was written: a second restart must not begin there again.
    if (media_.take_news() && phase_ == Phase::answered) keep(cx);
    stop_timer(CallTimer::media, cx);
    if (!reply.ok && answered != MediaSession::Awaited::statistics) {
        ladder_.note(cx.now, "media plane: " + reply.error);
        log(Severity::warning, "media-refused", reply.error, cx);
    }
    switch (answered) {
        case MediaSession::Awaited::nothing: return;
        case MediaSession::Awaited::statistics: record_.media = reply.statistics; return write_record(cx);
        case MediaSession::Awaited::ports: return on_ports(reply.ok, cx);
        case MediaSession::Awaited::programmed: return on_programmed(reply.ok, cx);
        case MediaSession::Awaited::confirmation: return on_confirmation(reply.ok, cx);
    }
}

void Call::on_ports(bool ok, Context& cx) {
    if (phase_ >= Phase::releasing) return;
    if (phase_ == Phase::routing)
        return ok ? try_calling(cx) : fail_setup("node", 503, temporary_failure, "no media ports", cx, true);
    const bool early = exchange_ && exchange_->initial && exchange_->step == Exchange::Step::sent;
    if (early && !ok) return fail_setup("node", 503, temporary_failure, "no media ports", cx, true);
    if (!exchange_ || exchange_->step != Exchange::Step::ports) return;
    if (!ok)
        return exchange_->late || exchange_->initial ? fail_exchange(500, "no media ports", cx) : end_exchange(500, cx);
    return exchange_->late ? offer_late(cx) : relay_offer(cx);
}

void Call::on_programmed(bool ok, Context& cx) {
    if (phase_ >= Phase::releasing) return;
    if (ok && !media_.ports_kept())
        return release("node", temporary_failure, "the media plane came back on other ports", cx);
    if (ok && media_.is_behind()) program(bridge_, false, cx);  // the session was there still, as it was before
    const bool waiting = exchange_ && exchange_->step == Exchange::Step::programming;
    if (!waiting) return ok ? void(restore_tries_ = 0) : on_restore_failed(cx);
    return ok ? send_ok(cx) : fail_exchange(500, "the media plane refused", cx);
}

// Of programming on the way: what did not arrive is said again, since nobody else would.
void Call::on_confirmation(bool ok, Context& cx) {
    if (phase_ != Phase::answered || (exchange_ && !exchange_->renewal))
        return;  // its answer is programmed and waited for
    return ok ? void(restore_tries_ = 0) : on_restore_failed(cx);
}

// The parties talk on while the media plane comes to itself; a plane that is up and goes on refusing ends the call.
void Call::on_restore_failed(Context& cx) {
    if (++restore_tries_ >= most_restore_tries && cx.media_up)
        return release("node", temporary_failure, "the media session could not be restored", cx);
    start_timer(CallTimer::media, media_patience, cx);
}

void Call::on_media_silent(Context& cx) {
    const bool restoring = phase_ == Phase::answered && (!exchange_ || exchange_->renewal);
    if (restoring && media_.awaited() != MediaSession::Awaited::nothing) {
        media_.give_up();
        return on_restore_failed(cx);
    }
    if (restoring) return cx.media_up ? on_media_restarted(cx) : void();
    const bool awaited_by_nobody = media_.awaited() == MediaSession::Awaited::confirmation;
    media_.give_up();
    if (awaited_by_nobody) return;
    constexpr std::string_view why = "the media plane does not answer";
    if (phase_ < Phase::answered) return fail_setup("node", 503, temporary_failure, why, cx, true);
    if (!exchange_ || phase_ >= Phase::releasing) return;
    if (exchange_->step == Exchange::Step::programming) return release("node", temporary_failure, why, cx);
    if (exchange_->step == Exchange::Step::ports)
        return exchange_->late ? fail_exchange(500, why, cx) : end_exchange(500, cx);
}

void Call::on_media_event(const MediaEvent& event, Context& cx) {
    if (event.session != media_.key() || phase_ >= Phase::releasing) return;
    const std::string place =
        std::string("leg ") + (event.side == Side::a ? "a" : "b") + ", stream " + std::to_string(event.stream);
    switch (event.kind) {
        case MediaEventKind::first_packet: return ladder_.note(cx.now, "first media packet from " + place);
        case MediaEventKind::latched:
            ladder_.note(cx.now, "media latched, " + place);
            if (media_.on_latched(event.latched) && phase_ == Phase::answered) keep(cx);
            return;
        case MediaEventKind::srtp_auth_failures:
            ladder_.note(cx.now, "SRTP authentication failures, " + place + ": " + std::to_string(event.count));
            return log(Severity::warning, "srtp-authentication-failures", place + ": " + std::to_string(event.count),
                       cx);
        case MediaEventKind::inactivity:
            // On hold a side is silent by agreement; without its first stream a call is no call.
            if (phase_ != Phase::answered || !bridge_.expects_media(event.side, event.stream)) return;
            for (std::uint32_t i = 0; i < event.stream; ++i)
                if (bridge_.expects_media(event.side, i)) return;
            return release("node", 31, "no media from " + place, cx);
        case MediaEventKind::key_use:
            if (media_.on_key_use(event.used) && phase_ == Phase::answered) keep(cx);
            return;
        case MediaEventKind::silence:
            // A party that is muted or counts on comfort noise sends nothing either: it is told, and nothing is done.
            return ladder_.note(cx.now, (event.one_way ? "one-way: nothing comes from " : "nothing comes from ") +
                                            place + " for " + std::to_string(event.count) + " ms");
        case MediaEventKind::heard_again:
            return ladder_.note(cx.now, "media again from " + place + ", after " + std::to_string(event.count) + " ms");
        case MediaEventKind::not_sent:
            ladder_.note(cx.now, "nothing is sent to " + place + ": " + event.drop);
            return log(Severity::warning, "media-not-sent", place + ": " + event.drop, cx);
        case MediaEventKind::sent_again:
            return ladder_.note(cx.now,
                                "media is sent again to " + place + ", after " + std::to_string(event.count) + " ms");
        case MediaEventKind::key_ends: return on_key_ends(event, place, cx);
        case MediaEventKind::telephone_event:
            return ladder_.note(cx.now, telephone_event_text(event) + " from " + place);
        case MediaEventKind::released:
            // Its lease has run out while this call lives on.
            ladder_.note(cx.now, "the media plane released the session");
            return on_media_restarted(cx);
    }
}

// RFC 3711 9.2: there is another key in time, or nothing more under this one. An offer of ours has a new key
// (SIPconnect 14.4), and a peer that is offered one has to think of its own.
void Call::on_key_ends(const MediaEvent& event, const std::string& place, Context& cx) {
    if (event.count == 0) {
        ladder_.note(cx.now, "the SRTP key of " + place + " is over: what comes under it is dropped");
        return log(Severity::warning, "srtp-key-over", place + " goes on with a key whose lifetime is over", cx);
    }
    ladder_.note(cx.now, "the SRTP key of " + place + " is over in " + std::to_string(event.count) + " packets");
    leg(event.side).key_ends = true;
    bring_in_step(cx);
}

// Idempotent for the media plane: a session that is still there stays as it is.
void Call::on_media_restarted(Context& cx) {
    if (!media_.exists() || phase_ >= Phase::releasing) return;
    ladder_.note(cx.now, "media session programmed anew");
    command(media_.restore(phase_ == Phase::routing ? std::vector<MediaLeg>{} : agreed_bridge().media_legs()), cx);
    start_timer(CallTimer::media, media_patience, cx);
    if (phase_ == Phase::answered) rest_later(cx);
}

}  // namespace sallyport::b2bua
