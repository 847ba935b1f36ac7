// RTP to SRTP, with our key, for the leg a packet leaves by.
#include <array>

#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {

void protect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes) {
    std::array<srtp::Job, max_burst> jobs;
    std::array<Packet*, max_burst> packets;
    std::size_t count = 0;
    for (Packet& p : burst) {
        if (p.done() || !p.out->send_context) continue;
        jobs[count] = {p.out->send_context.get(), p.data, p.length, p.capacity, p.rtcp, srtp::Status::ok};
        packets[count++] = &p;
    }
    if (count == 0) return;
    engine.protect(std::span(jobs).first(count));
    for (std::size_t i = 0; i < count; ++i) {
        packets[i]->length = jobs[i].length;
        if (jobs[i].news) notes.add(*packets[i]->out);
        if (jobs[i].status == srtp::Status::replayed)
            packets[i]->drop = Drop::replayed;
        else if (jobs[i].status != srtp::Status::ok)
            packets[i]->drop = Drop::protect_failed;
    }
}

}  // namespace sallyport::media::stages
