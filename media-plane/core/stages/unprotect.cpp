// SRTP to RTP. Whatever is wrong with a packet is the packet's end and never the call's, however often it happens.
#include <algorithm>
#include <array>

#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

namespace limits {
constexpr std::size_t packet_bytes = 9'216;  // more than the highest MTU there may be
}

Drop drop_for(srtp::Status status, const Packet& p) {
    switch (status) {
        case srtp::Status::ok: {
            const ByteView packet{p.data, p.length};
            return (p.rtcp ? rtcp::well_formed(packet) : rtp::padding_fits(packet)) ? Drop::none : Drop::truncated;
        }
        case srtp::Status::auth_failed: return Drop::auth_failed;
        case srtp::Status::replayed: return Drop::replayed;
        case srtp::Status::malformed: return Drop::truncated;
        case srtp::Status::failed: return Drop::protect_failed;
    }
    return Drop::protect_failed;
}

srtp::Job job_of(const Packet& p, srtp::CryptoContext& context) {
    return {&context, p.data, p.length, p.capacity, p.rtcp, srtp::Status::ok};
}

// During a changeover: under the new key, or else the one before. A failed attempt may leave its marks on the bytes.
srtp::Job under_either_key(const Packet& p, srtp::Engine& engine) {
    std::array<std::uint8_t, limits::packet_bytes> copy;
    srtp::Job job = job_of(p, *p.leg->receive_context);
    const bool fits = p.length <= copy.size();
    if (fits) std::copy_n(p.data, p.length, copy.data());
    engine.unprotect({&job, 1});
    if (job.status != srtp::Status::auth_failed || !fits) return job;
    std::copy_n(copy.data(), p.length, p.data);
    srtp::Job before = job_of(p, *p.leg->past->retired.context);
    engine.unprotect({&before, 1});
    return before.status == srtp::Status::auth_failed ? job : before;
}

void take(Packet& p, const srtp::Job& job, Notes& notes, PipelineStatistics& statistics) {
    p.length = job.length;
    p.drop = drop_for(job.status, p);
    if (job.news) notes.add(*p.leg);
    if (p.drop == Drop::auth_failed) {
        statistics.srtp_auth_failures.add();
        notes.add(*p.leg);
    } else if (p.drop == Drop::replayed) {
        p.leg->replays.add();
    }
}

}  // namespace

void unprotect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes, PipelineStatistics& statistics) {
    std::array<srtp::Job, max_burst> jobs;
    std::array<Packet*, max_burst> packets;
    std::size_t count = 0;
    for (Packet& p : burst) {
        if (p.done() || !p.leg->receive_context) continue;
        if (p.leg->in_changeover) [[unlikely]] {
            take(p, under_either_key(p, engine), notes, statistics);
            continue;
        }
        jobs[count] = job_of(p, *p.leg->receive_context);
        packets[count++] = &p;
    }
    if (count == 0) return;
    engine.unprotect(std::span(jobs).first(count));
    for (std::size_t i = 0; i < count; ++i) take(*packets[i], jobs[i], notes, statistics);
}

}  // namespace sallyport::media::stages
