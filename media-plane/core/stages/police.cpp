// Who may spend what: a stranger takes no token and no cipher; a source not yet proven has a bucket of its own, so
// that a flood of forged packets cannot starve the peer that signaling named.
#include "media-plane/core/session.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

// What calls for help passes whatever the police was set to, as long as it can be media at all: ten times of what any
// other stream may. Not without any bound, or a forged flood would go on to who answers emergencies.
constexpr int emergency_share = 10;

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
        Policer& bucket = judgement == Judgement::possible ? leg.possible_police
                          : p.rtcp                         ? leg.rtcp_police
                                                           : leg.flow->police;
        const Duration interval = p.rtcp ? rates.rtcp : rates.rtp;
        if (bucket.take(now, interval)) continue;
        if (!leg.session->emergency || !bucket.take(now, interval / emergency_share)) p.drop = Drop::rate;
    }
}

}  // namespace sallyport::media::stages
