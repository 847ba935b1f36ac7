// The first believable source takes the leg; see latch.h for what believable means.
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"
#include "media-plane/core/udptl.h"

namespace sallyport::media::stages {
namespace {

// As it was heard before: an SSRC is a secret of 32 bits to who does not see the stream.
bool is_of_stream(const Leg& leg, const Packet& p) {
    return rtp::ssrc(p.data) == leg.reception.ssrc() &&
           (!leg.maps_payload || leg.payload_types[rtp::payload_type(p.data)] != PayloadTypes::unmapped);
}

bool believable(Leg& leg, const Packet& p, TimePoint now) {
    switch (leg.judge(p.rtcp, p.from)) {
        case Judgement::stranger: return false;
        case Judgement::peer: return true;
        case Judgement::possible: break;
    }
    if (leg.secure()) return true;  // unprotect has let only authentic packets through
    if (leg.rtp.latched()) {
        if (!is_of_stream(leg, p)) return false;
        leg.sought = true;  // from the next look on; most streams that are silent come back where they were
        if (!leg.learner) return false;
    }
    SALLYPORT_CHECK(leg.learner && !p.rtcp);
    if (leg.udptl) return leg.learner->offer(p.from, 0, udptl::sequence_number(p.data), now);
    return leg.learner->offer(p.from, rtp::ssrc(p.data), rtp::sequence_number(p.data), now);
}

// The stream that was latched, from another place: it has not come from the old one for a while. `quiet` is as old as
// the last look, the clock is not.
bool has_moved(Leg& leg, const Packet& p, TimePoint now) {
    if (p.rtcp || !leg.quiet || !leg.is_quiet(now) || !believable(leg, p, now)) return false;
    leg.quiet = false;
    leg.rtcp.forget();  // the same way leads there no more, or it is heard again at once
    return true;
}

void take(Leg& leg, const Packet& p, Notes& notes, PipelineStatistics& statistics) {
    (p.rtcp ? leg.rtcp : leg.rtp).latch(p.from);
    leg.settle_flows();
    leg.notes.latched = true;
    notes.add(leg);
    if (!p.rtcp) statistics.latches.add();
}

}  // namespace

void latch(std::span<Packet> burst, TimePoint now, Notes& notes, PipelineStatistics& statistics) {
    for (Packet& p : burst) {
        if (p.done()) continue;
        Leg& leg = *p.leg;
        Latch& port = p.rtcp ? leg.rtcp : leg.rtp;
        if (port.latched()) [[likely]] {  // perhaps by an earlier packet of this burst, from elsewhere
            if (same_place(p.from, port.remote())) continue;
            if (has_moved(leg, p, now))
                take(leg, p, notes, statistics);
            else
                p.drop = Drop::wrong_source;
            continue;
        }
        // The tail of a call that is a fax now may come from where a datagram would never be read.
        if (leg.is_from_before(p.rtcp, p.from, now) && leg.judge(p.rtcp, p.from) != Judgement::stranger) {
            if (leg.udptl) p.drop = Drop::wrong_source;
            continue;
        }
        if (!believable(leg, p, now)) {
            p.drop = Drop::wrong_source;
            continue;
        }
        take(leg, p, notes, statistics);
    }
}

}  // namespace sallyport::media::stages
