// SRTP to RTP. Whatever is wrong with a packet is the packet's end and never the call's, however often it happens.
#include <algorithm>
#include <array>

#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"
#include "media-plane/srtp/mki.h"

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

// A packet that is not named as was stated is taken as it is: its tag says whether it is authentic, and there are peers
// who state an MKI and send none.
void take_mki(srtp::Job& job, const KeyTerms* terms) {
    if (terms && !terms->mki().empty()) srtp::take_mki(job, terms->mki());
}

// During a changeover: under the new key, or else the one before. A failed attempt may leave its marks on the bytes.
srtp::Job under_either_key(const Packet& p, srtp::Engine& engine) {
    std::array<std::uint8_t, limits::packet_bytes> copy;
    srtp::Job job = job_of(p, *p.leg->receive_context);
    const bool fits = p.length <= copy.size();
    if (fits) std::copy_n(p.data, p.length, copy.data());
    take_mki(job, p.leg->key_terms());
    engine.unprotect({&job, 1});
    if (job.status != srtp::Status::auth_failed || !fits) return job;
    std::copy_n(copy.data(), p.length, p.data);
    srtp::Job before = job_of(p, *p.leg->extras->retired.context);
    take_mki(before, p.leg->extras->retired.terms.get());
    engine.unprotect({&before, 1});
    return before.status == srtp::Status::auth_failed ? job : before;
}

// RFC 4568 6.1: of SRTP and of SRTCP there are less than the lifetime. Who goes on is not heard, RFC 3711 9.2.
void count_under_key(Packet& p, std::size_t removed, Notes& notes) {
    KeyTerms& terms = *p.leg->key_terms();
    if (!p.rtcp && removed == srtp::facts(p.leg->suite).rtp_tag_bytes) terms.note_unnamed();
    if (!terms.count(p.rtcp)) p.drop = Drop::key_over;
    if (terms.has_news()) notes.add(*p.leg);
}

void take(Packet& p, const srtp::Job& job, Notes& notes, PipelineStatistics& statistics) {
    const auto removed = static_cast<std::size_t>(p.length - job.length);
    p.length = job.length;
    p.drop = drop_for(job.status, p);
    if (job.news) notes.add(*p.leg);
    if (p.leg->has_key_terms && job.status == srtp::Status::ok && job.context == p.leg->receive_context.get())
        count_under_key(p, removed, notes);
    if (p.drop == Drop::auth_failed) {
        if (KeyTerms* terms = p.leg->key_terms()) terms->note_refused();
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
        if (p.leg->has_key_terms) [[unlikely]]
            take_mki(jobs[count], p.leg->key_terms());
        packets[count++] = &p;
    }
    if (count == 0) return;
    engine.unprotect(std::span(jobs).first(count));
    for (std::size_t i = 0; i < count; ++i) take(*packets[i], jobs[i], notes, statistics);
}

}  // namespace sallyport::media::stages
