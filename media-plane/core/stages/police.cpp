// Who may spend what: a stranger takes no token and no cipher; a source not yet proven has a bucket of its own, so
// that a flood of forged packets cannot starve the peer that signaling named.
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {

void police(std::span<Packet> burst, TimePoint now, const Rates& rates) {
    for (Packet& p : burst) {
        if (p.done()) continue;
        Leg& leg = *p.leg;
        const Judgement judgement = leg.judge(p.rtcp, p.from);
        if (judgement == Judgement::stranger) {
            p.drop = Drop::wrong_source;
            continue;
        }
        Policer& bucket = judgement == Judgement::possible ? leg.possible_police
                          : p.rtcp                         ? leg.rtcp_police
                                                           : leg.flow->police;
        if (!bucket.take(now, p.rtcp ? rates.rtcp : rates.rtp)) p.drop = Drop::rate;
    }
}

}  // namespace sallyport::media::stages
