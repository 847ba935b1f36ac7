// SRTP to RTP. Whatever is wrong with a packet is the packet's end and never the call's, however often it happens.
#include <array>

#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

Drop drop_for(srtp::Status status, const Packet& p) {
    switch (status) {
        case srtp::Status::ok: {
            const ByteView packet{p.data, p.length};
            return (p.rtcp ? rtcp::well_formed(packet) : rtp::padding_fits(packet)) ? Drop::none : Drop::truncated;
        }
        case srtp::Status::auth_failed: return Drop::auth_failed;
        case srtp::Status::replayed: return Drop::replayed;
        case srtp::Status::malformed: return Drop::truncated;
        case srtp::Status::no_context:
        case srtp::Status::failed: return Drop::protect_failed;
    }
    return Drop::protect_failed;
}

}  // namespace

void unprotect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes, PipelineStatistics& statistics) {
    std::array<srtp::Job, max_burst> jobs;
    std::array<Packet*, max_burst> packets;
    std::size_t count = 0;
    for (Packet& p : burst) {
        if (p.drop != Drop::none || !p.leg->receive_context) continue;
        jobs[count] = {p.leg->receive_context.get(), p.data, p.length, p.capacity, p.rtcp, srtp::Status::ok};
        packets[count++] = &p;
    }
    if (count == 0) return;
    engine.unprotect(std::span(jobs).first(count));
    for (std::size_t i = 0; i < count; ++i) {
        Packet& p = *packets[i];
        p.length = jobs[i].length;
        p.drop = drop_for(jobs[i].status, p);
        if (jobs[i].context->has_news()) notes.add(*p.leg);
        if (p.drop == Drop::auth_failed) {
            ++p.leg->received.auth_failures;
            statistics.srtp_auth_failures.add();
            notes.add(*p.leg);
        } else if (p.drop == Drop::replayed) {
            ++p.leg->received.replays;
        }
    }
}

}  // namespace sallyport::media::stages
