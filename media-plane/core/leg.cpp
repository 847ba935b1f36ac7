#include "media-plane/core/leg.h"

#include <utility>

#include "media-plane/core/session.h"

namespace sallyport::media {

Judgement Leg::judge_unlatched(bool is_rtcp, const Endpoint& from) const {
    const Latch& latch = is_rtcp ? rtcp : rtp;
    // RTCP comes from the host that RTP was seen from, or from where signaling put it.
    const bool from_known_host =
        from.address == latch.signalled().address || (is_rtcp && rtp.latched() && from.address == rtp.remote().address);
    switch (latching) {
        case Latching::off: return from == latch.signalled() ? Judgement::peer : Judgement::stranger;
        case Latching::signalled_address: return from_known_host ? Judgement::peer : Judgement::stranger;
        case Latching::any_address:
            if (from_known_host) return Judgement::peer;
            // RTP proves itself by authentication or by its bearing; plain RTCP has neither.
            return !is_rtcp || secure() ? Judgement::possible : Judgement::stranger;
    }
    return Judgement::stranger;
}

// With keys it is what authentication shows; a mode that believes nobody but the signalled host goes on doing so.
Judgement Leg::judge_moved(const Endpoint& from) const {
    const bool known_host = from.address == rtp.signalled().address || from.address == rtp.remote().address;
    return known_host || (secure() && latching == Latching::any_address) ? Judgement::possible : Judgement::stranger;
}

bool Leg::is_quiet(TimePoint now) const {
    const auto since = reception.since_last(in_clock_units(now, flow->clock_rate));
    return since && *since >= std::chrono::duration<double>(Latch::quiet_after).count() * flow->clock_rate;
}

void Leg::look_for_quiet(TimePoint now) {
    quiet = is_quiet(now);
    settle_learner();
}

void Leg::settle_learner() {
    quiet = quiet && rtp.latched() && latching != Latching::off && !udptl;
    sought = sought && quiet;
    const bool learns = !secure() && (rtp.latched() ? sought : latching == Latching::any_address);
    if (!learns)
        learner.reset();
    else if (!learner)
        learner = std::make_unique<SourceLearner>();
}

void Leg::settle() {
    // Of a fax and a call nothing crosses: each side has yet to hear that the other has become one.
    const bool at_odds = udptl != opposite->udptl;
    refuse = disabled || !answered() || at_odds ? Drop::leg_disabled
             : secure() && !receive_context     ? Drop::no_keys
                                                : Drop::none;
    refuse_rtp = peer_sends() ? Drop::none : Drop::direction;
    withhold_rtcp = disabled || at_odds         ? Drop::leg_disabled
                    : held                      ? Drop::direction
                    : !answered()               ? Drop::no_remote
                    : secure() && !send_context ? Drop::no_keys
                                                : Drop::none;
    withhold_rtp = withhold_rtcp != Drop::none ? withhold_rtcp : peer_receives() ? Drop::none : Drop::direction;
    if (withhold_rtcp == Drop::none && rtcp.signalled().empty()) withhold_rtcp = Drop::no_remote;
    settle_learner();
}

void Leg::settle_flow() {
    Flow& f = *flow;
    const Leg& out = *opposite;
    const bool as_it_is = refuse == Drop::none && refuse_rtp == Drop::none && out.withhold_rtp == Drop::none &&
                          !secure() && !out.secure() && !udptl && rtp.latched() && !out.source_left &&
                          session->captures == 0;
    f.state = as_it_is ? FlowState::open : FlowState::closed;
    f.from = rtp.remote();
    f.to = out.rtp.remote();
    f.source_port = out.local.port;
    f.out_port = out.port;
    f.set_service(session->emergency ? Service::emergency : video ? Service::video : Service::voice);
    f.set_pace(session->emergency ? Pace() : pace);  // their rate is the node's, and more: stages/police.cpp
    f.last_packet.sent_as = LastPacket::look_up;
}

bool Leg::heard_where_rtcp_goes() const {
    if (rtcp.latched()) return true;
    const Endpoint &heard = rtp.remote(), &told = rtcp.remote();
    return latching != Latching::any_address && rtp.latched() && heard == rtp.signalled() &&
           told.address == heard.address && told.port == heard.port + 1;
}

// A c= or a=rtcp line may name a victim, and behind far-end NAT it names nobody: reports are not what finds out.
bool Leg::may_be_told() const {
    if (heard_where_rtcp_goes()) return true;
    const bool elsewhere = latching == Latching::any_address && !(rtp.latched() && rtp.remote() == rtp.signalled());
    return !elsewhere && session->side(side).unheard < Reporter::most_unheard;
}

// One that comes back after its BYE goes on counting.
void Leg::begin_sending(std::uint32_t ssrc, Amount before) {
    if (std::exchange(source_left, false)) opposite->settle_flow();
    if (ssrc == sent_ssrc()) return;
    opposite->flow->sent_ssrc = ssrc;
    reporter.packets_before_ssrc = before.packets;
    reporter.bytes_before_ssrc = before.bytes;
    reporter.extra_header_bytes = 0;
    reporter.packets_at_reports = {};
}

// Who offers a new key goes on with the old one until our answer is there; who answers with one has packets on the way
// (SIPconnect 14.4). The context is a new one that goes on where the old one has stopped: that one's counters are the
// new key's now. Without memory for it there is no changeover, and the packets in between are lost.
void Leg::retire_key(srtp::Engine& engine, TimePoint now) {
    constexpr Duration changeover = std::chrono::seconds{3};
    forget_retired_key();
    if (!receive_context) return;
    auto made = engine.create(receive_context->key().suite(), receive_context->key().bytes(), true);
    if (!made.has_value() || !engine.resume(**made, receive_context->use())) return;
    engine.take_srtcp(**made, *receive_context);
    if (!extras) extras = std::make_unique<LegExtras>();
    extras->retired = {std::move(*made), std::move(extras->key_terms), now + changeover};
    has_key_terms = false;
    in_changeover = true;
}

void Leg::forget_retired_key() {
    if (extras) extras->retired = {};
    in_changeover = false;
    drop_extras();
}

void Leg::drop_extras() {
    if (extras && extras->departed.until == TimePoint{} && !in_changeover && !has_key_terms) extras.reset();
}

void Leg::remember_departed(const Departed& place) {
    if (!extras) extras = std::make_unique<LegExtras>();
    extras->departed = place;
}

void Leg::set_key_terms(std::unique_ptr<KeyTerms> terms) {
    has_key_terms = terms != nullptr;
    if (has_key_terms && !extras) extras = std::make_unique<LegExtras>();
    if (extras) extras->key_terms = std::move(terms);
    drop_extras();
}

void Leg::relearn() {
    rtp.forget();
    rtcp.forget();
    learner.reset();
}

std::optional<Latched> Leg::latched() const {
    if (!rtp.latched() && !rtcp.latched()) return std::nullopt;
    return Latched{rtp.latched() ? rtp.remote() : Endpoint{}, rtcp.latched() ? rtcp.remote() : Endpoint{},
                   rtp.signalled(), secure()};
}

void Leg::resume_latch(const Latched& before) {
    if (latching == Latching::off || before.signalled != rtp.signalled() || (secure() && !before.authenticated)) return;
    const auto take = [this](Latch& latch, const Endpoint& seen, bool is_rtcp) {
        if (latch.latched() || seen.empty() || seen.port == 0 || seen.address.family != local.address.family) return;
        if (judge(is_rtcp, seen) != Judgement::stranger) latch.latch(seen);
    };
    take(rtp, before.rtp, false);
    take(rtcp, before.rtcp, true);  // after RTP, whose host it may share
}

KeyUse Leg::key_use() const {
    KeyUse used;
    if (receive_context) used.received = receive_context->use();
    if (const KeyTerms* terms = key_terms()) {
        used.received_packets = terms->packets(false);
        used.received_srtcp = terms->packets(true);
    }
    if (send_context) used.sent = send_context->use();
    return used;
}

LegStatistics Leg::statistics(TimePoint now) const {
    LegStatistics s;
    s.stream = stream;
    s.side = side;
    s.packets_received = flow->packets;
    s.bytes_received = flow->bytes;
    s.packets_sent = packets_sent();
    s.bytes_sent = bytes_sent();
    s.rtcp_received = rtcp_received.count;
    s.rtcp_sent = rtcp_sent.count;
    s.lost = reception.lost();
    s.jitter_seconds = reception.jitter_seconds(flow->clock_rate);
    s.srtp_auth_failures = dropped(Drop::auth_failed);
    s.srtp_replays = replays.count;
    for (std::size_t i = 0; i < drops.size(); ++i)
        if (drops[i].count > 0) s.drops.emplace_back(static_cast<Drop>(first_of_leg + i), drops[i].count);
    s.local = local;
    s.remote = rtp.remote();
    s.latched = rtp.latched();
    s.suite = suite;
    s.udptl = udptl;
    if (has_received()) s.last_packet_age = now - flow->last;
    s.reordered = reception.reordered();
    s.round_trip = reporter.round_trip();
    if (telephone) s.telephone_events = telephone->count();
    s.codec = Quality::codec_of(*this);
    s.mos = Quality::mos_of(*this);
    quality.fill(s);
    return s;
}

}  // namespace sallyport::media
