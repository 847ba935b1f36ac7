// Who may spend what: a stranger takes no token and no cipher; a source not yet proven has a bucket of its own, so
// that a flood of forged packets cannot starve the peer that signaling named. Where there are keys a packet is the
// peer's only when it is authentic: until then it spends the cipher's budget, which has many times the stream's rate,
// and what shows the SSRC of the stream, which who does not see it cannot know, has one of its own.
#include <algorithm>

#include "media-plane/core/rtp.h"
#include "media-plane/core/session.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

// What calls for help passes whatever the police was set to, as long as it can be media at all: ten times of what any
// other stream may, and never less than the most that a stream of voice or video sends (audio in packets of 2.5 ms is
// 400 a second, video of 50 Mbit/s 4,500), however low an operator has set his limit. Not without any bound: a forged
// flood would go on to who answers emergencies, and to the calls beside this one.
constexpr int emergency_share = 10;
constexpr Duration emergency_rtp = std::chrono::microseconds{200};  // 5,000 a second at least
constexpr Duration emergency_rtcp = std::chrono::milliseconds{2};   // 500
// What others may send fills the bucket to its brim: beyond it there is room for the packets of a few frames of video,
// which come all at once, and for those that a network has held up for a moment.
constexpr Duration emergency_bucket = Policer::burst + std::chrono::milliseconds{250};

bool may_pass(const Packet& p, Policer& bucket, Duration interval, TimePoint now) {
    return bucket.take(now, interval) ||
           (p.leg->session->emergency &&
            bucket.take(now, std::min(interval / emergency_share, p.rtcp ? emergency_rtcp : emergency_rtp),
                        emergency_bucket));
}

// Likewise of what a cipher is asked for: that has its headroom for forged packets already.
bool may_be_deciphered(const Packet& p, Policer& budget, Duration interval, TimePoint now) {
    return budget.take(now, interval) ||
           (p.leg->session->emergency &&
            budget.take(now, std::min(interval, p.rtcp ? emergency_rtcp : emergency_rtp), emergency_bucket));
}

// What a packet of the peer costs its bucket.
Duration toll_of(const Packet& p, const Rates& rates) {
    return p.rtcp ? rates.rtcp : rates.tolls[p.leg->flow->pace()].of(p.length);
}

bool is_of_stream(const Leg& leg, const Packet& p) {
    const Arrivals& arrivals = leg.flow->arrivals;  // the same as of leg.reception, without another cache line
    return arrivals.started && rtp::ssrc(p.data) == arrivals.ssrc;
}

}  // namespace

void police(std::span<Packet> burst, TimePoint now, const Rates& rates) {
    for (Packet& p : burst) {
        if (p.done()) continue;
        Leg& leg = *p.leg;
        const Judgement judgement = leg.judge(p.rtcp, p.from);
        if (judgement == Judgement::stranger) {
            p.drop = Drop::wrong_source;
            continue;
        }
        if (leg.secure()) {
            Policer& budget = judgement == Judgement::possible ? leg.possible_police
                              : p.rtcp                         ? leg.srtcp_police
                              : is_of_stream(leg, p)           ? leg.cipher_police
                                                               : leg.strange_police;
            const Duration interval = p.rtcp ? rates.cipher_rtcp() : rates.cipher_rtp();
            if (!may_be_deciphered(p, budget, interval, now)) p.drop = Drop::rate;
            continue;
        }
        Policer& bucket = judgement == Judgement::possible ? leg.possible_police
                          : p.rtcp                         ? leg.rtcp_police
                                                           : leg.flow->police;
        const bool unproven = judgement == Judgement::possible && !p.rtcp;
        const Duration interval = unproven ? rates.rtp : toll_of(p, rates);
        if (!may_pass(p, bucket, interval, now)) p.drop = Drop::rate;
    }
}

void police_authentic(std::span<Packet> burst, TimePoint now, const Rates& rates) {
    for (Packet& p : burst) {
        if (p.done() || !p.leg->secure()) continue;
        Policer& bucket = p.rtcp ? p.leg->rtcp_police : p.leg->flow->police;
        if (!may_pass(p, bucket, toll_of(p, rates), now)) p.drop = Drop::rate;
    }
}

}  // namespace sallyport::media::stages
