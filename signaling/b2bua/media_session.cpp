#include "signaling/b2bua/media_session.h"

#include <algorithm>

namespace sallyport::b2bua {
namespace {

bool same_ports(const std::vector<MediaLocal>& before, const std::vector<MediaLocal>& after) {
    return std::all_of(before.begin(), before.end(), [&](const MediaLocal& b) {
        return std::any_of(after.begin(), after.end(), [&](const MediaLocal& a) {
            return a.stream == b.stream && a.side == b.side && a.rtp == b.rtp && a.rtcp == b.rtcp;
        });
    });
}

template <class List>
auto* find(List& list, std::uint32_t stream, Side side) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const auto& entry) { return entry.stream == stream && entry.side == side; });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace

MediaCommand MediaSession::command(MediaVerb verb, Awaited awaited) {
    MediaCommand out;
    out.verb = verb;
    out.call = base_.call;
    out.session = base_.session;
    out.emergency = base_.emergency;
    out.streams = base_.streams;
    out.answered = base_.answered;
    if (awaited != Awaited::nothing) {
        out.token = awaited_token_ = ++token_;
        awaited_ = awaited;
        anew_ = false;
    }
    return out;
}

MediaCommand MediaSession::allocate(CallId call, std::string session, Place a, Place b, std::uint32_t streams,
                                    std::uint32_t inactivity_seconds, std::string label, std::string trunk) {
    base_.verb = MediaVerb::allocate;
    base_.call = call;
    base_.session = std::move(session);
    base_.port_a = std::move(a.port);
    base_.port_b = std::move(b.port);
    base_.family_a = a.family;
    base_.family_b = b.family;
    base_.streams = streams;
    base_.inactivity_seconds = inactivity_seconds;
    base_.call_label = std::move(label);
    base_.trunk = std::move(trunk);
    state_ = State::allocating;
    awaited_ = Awaited::ports;
    base_.token = awaited_token_ = ++token_;
    return base_;
}

std::vector<MediaCommand> MediaSession::reallocate(std::string session, Place b) {
    std::vector<MediaCommand> out;
    out.push_back(command(MediaVerb::release, Awaited::nothing));
    local_.clear();
    used_.clear();
    latched_.clear();
    out.push_back(allocate(base_.call, std::move(session), {base_.port_a, base_.family_a}, std::move(b), base_.streams,
                           base_.inactivity_seconds, base_.call_label, base_.trunk));
    return out;
}

bool MediaSession::fits(const Place& b) const {
    if (b.port != base_.port_b) return false;
    return std::all_of(local_.begin(), local_.end(), [&](const MediaLocal& l) {
        return l.side == Side::a || b.family == Family::none || l.rtp.address.family == b.family;
    });
}

std::uint32_t MediaSession::ports() const {
    std::uint32_t streams = 0;
    for (const auto& local : local_) streams = std::max(streams, local.stream + 1);
    return streams;
}

MediaCommand MediaSession::grow(std::uint32_t streams) {
    base_.streams = std::max(base_.streams, streams);
    return command(MediaVerb::modify, Awaited::ports);
}

MediaCommand MediaSession::program(std::vector<MediaLeg> legs, bool wait_for_reply) {
    const Awaited otherwise =
        awaited_ == Awaited::nothing || awaited_ == Awaited::confirmation ? Awaited::confirmation : Awaited::nothing;
    MediaCommand out = command(MediaVerb::modify, wait_for_reply ? Awaited::programmed : otherwise);
    behind_ = true;
    out.legs = std::move(legs);
    for (MediaLeg& leg : out.legs) {
        forget_latch(leg);
        if (latches_lost_) give_back_latch(leg);
    }
    return out;
}

// The media plane forgets the latch of a peer that has moved, and so do we. Not of one that holds by 0.0.0.0.
void MediaSession::forget_latch(const MediaLeg& leg) {
    const MediaLatched* known = find(latched_, leg.stream, leg.side);
    if (!known) return;
    const bool moved = leg.remote && !leg.remote->address.is_unspecified() && *leg.remote != known->signalled;
    if (leg.relearn || moved) latched_.erase(latched_.begin() + (known - latched_.data()));
}

void MediaSession::give_back_latch(MediaLeg& leg) {
    const MediaLatched* known = find(latched_, leg.stream, leg.side);
    if (known && leg.remote) leg.latched = *known;
}

MediaCommand MediaSession::release() {
    state_ = State::releasing;
    MediaCommand out = command(MediaVerb::release, Awaited::statistics);
    out.call_ends = true;
    return out;
}

MediaCommand MediaSession::restore(std::vector<MediaLeg> legs) {
    MediaCommand out = base_;
    out.verb = MediaVerb::allocate;
    // A step that was waiting goes on when this one is answered.
    const bool waiting = awaited_ != Awaited::nothing && awaited_ != Awaited::confirmation;
    const Awaited awaited = waiting ? awaited_ : Awaited::programmed;
    restoring_ = !local_.empty();
    out.token = awaited_token_ = ++token_;
    awaited_ = awaited;
    anew_ = true;
    out.restore = local_;
    out.legs = std::move(legs);
    latches_lost_ = true;
    for (MediaLeg& leg : out.legs) {
        forget_latch(leg);
        give_back_latch(leg);
        if (!leg.keys || leg.keys->suite.empty()) continue;
        const KeyUse* known = find(used_, leg.stream, leg.side);
        leg.keys->used = known ? *known : KeyUse{.stream = leg.stream, .side = leg.side};
    }
    return out;
}

bool MediaSession::on_key_use(KeyUse used) {
    constexpr std::uint64_t half_turn = 0x8000;
    constexpr std::uint32_t quarter_margin = 16'384;  // of what a media plane that is told of a use leaves out
    KeyUse* known = find(used_, used.stream, used.side);
    if (!known) known = &used_.emplace_back(KeyUse{.stream = used.stream, .side = used.side});
    const auto further = [](const std::vector<SsrcIndex>& before, const SsrcIndex& now) {
        const auto same =
            std::find_if(before.begin(), before.end(), [&](const SsrcIndex& b) { return b.ssrc == now.ssrc; });
        return now.index / half_turn != (same == before.end() ? 0 : same->index) / half_turn;
    };
    const bool worth_keeping = std::any_of(used.received.begin(), used.received.end(),
                                           [&](const SsrcIndex& now) { return further(known->received, now); }) ||
                               std::any_of(used.sent.begin(), used.sent.end(),
                                           [&](const SsrcIndex& now) { return further(known->sent, now); }) ||
                               used.srtcp_sent / quarter_margin != known->srtcp_sent / quarter_margin;
    *known = std::move(used);
    return worth_keeping;
}

bool MediaSession::on_latched(const MediaLatched& latched) {
    MediaLatched* known = find(latched_, latched.stream, latched.side);
    if (!known) known = &latched_.emplace_back(MediaLatched{.stream = latched.stream, .side = latched.side});
    if (*known == latched) return false;
    *known = latched;
    return true;
}

void MediaSession::adopt(MediaCommand allocated, std::vector<MediaLocal> local, std::vector<KeyUse> used,
                         std::vector<MediaLatched> latched) {
    base_ = std::move(allocated);
    base_.answered = true;  // no other call is written down
    local_ = std::move(local);
    used_ = std::move(used);
    latched_ = std::move(latched);
    state_ = State::ready;
}

MediaSession::Awaited MediaSession::on_reply(const MediaReply& reply) {
    if (reply.token == 0 || reply.token != awaited_token_ || awaited_ == Awaited::nothing) return Awaited::nothing;
    const Awaited answered = awaited_;
    awaited_ = Awaited::nothing;
    if (answered == Awaited::statistics) {
        state_ = State::gone;
        return answered;
    }
    if (!reply.ok) return answered;
    if (answered == Awaited::confirmation || (answered == Awaited::programmed && !anew_)) behind_ = false;
    ports_kept_ = !restoring_ || same_ports(local_, reply.local);
    restoring_ = false;
    if (!reply.local.empty()) local_ = reply.local;
    for (const KeyUse& used : reply.used) news_ = on_key_use(used) || news_;
    for (const MediaLatched& latched : reply.latched) news_ = on_latched(latched) || news_;
    state_ = State::ready;
    return answered;
}

}  // namespace sallyport::b2bua
