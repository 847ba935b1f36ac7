// Who may spend what: a stranger takes no token and no cipher; a source not yet proven has a bucket of its own, so
// that a flood of forged packets cannot starve the peer that signaling named. Where there are keys a packet is the
// peer's only when it is authentic: until then it spends the cipher's budget, which has many times the stream's rate,
// and what shows the SSRC of the stream, which who does not see it cannot know, has one of its own.
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {

namespace {

bool is_of_stream(const Leg& leg, const Packet& p) {
    return leg.reception.started() && rtp::ssrc(p.data) == leg.reception.ssrc();
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
            if (!budget.take(now, p.rtcp ? rates.cipher_rtcp() : rates.cipher_rtp())) p.drop = Drop::rate;
            continue;
        }
        Policer& bucket = judgement == Judgement::possible ? leg.possible_police
                          : p.rtcp                         ? leg.rtcp_police
                                                           : leg.flow->police;
        if (!bucket.take(now, p.rtcp ? rates.rtcp : rates.rtp)) p.drop = Drop::rate;
    }
}

void police_authentic(std::span<Packet> burst, TimePoint now, const Rates& rates) {
    for (Packet& p : burst) {
        if (p.done() || !p.leg->secure()) continue;
        Policer& bucket = p.rtcp ? p.leg->rtcp_police : p.leg->flow->police;
        if (!bucket.take(now, p.rtcp ? rates.rtcp : rates.rtp)) p.drop = Drop::rate;
    }
}

}  // namespace sallyport::media::stages
