// From the leg a packet came in on to the one it leaves by. SSRC, sequence numbers and timestamps pass through: to
// both peers the stream stays the one that its sender made.
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

// What passes between the peers is what both sides' reports are made of.
void relay_report(const Leg& in, Leg& out, const Packet& p, TimePoint now) {
    in.reporter.keep_own_times({p.data, p.length});
    if (out.reporter.on_relayed({p.data, p.length}, out.sent_ssrc, now)) out.source_left = true;
}

}  // namespace

void rewrite(std::span<Packet> burst, TimePoint now) {
    for (Packet& p : burst) {
        if (p.drop != Drop::none) continue;
        const Leg& in = *p.leg;
        Leg& out = *in.opposite;
        p.drop = p.rtcp                        ? out.withhold_rtcp  // RTCP goes on during hold, RFC 3264 8.4
                 : in.refuse_rtp != Drop::none ? in.refuse_rtp
                                               : out.withhold_rtp;
        if (p.drop != Drop::none) continue;
        p.out = &out;
        p.out_port = out.port;
        p.source = out.local;
        if (p.rtcp || in.maps_payload || in.secure() || out.secure()) p.payload_sum = 0;
        if (p.rtcp) {
            ++p.source.port;
            p.to = out.rtcp.remote();
            relay_report(in, out, p, now);
            continue;
        }
        p.to = out.rtp.remote();
        if (!in.maps_payload || in.udptl) continue;
        const std::uint8_t type = in.payload_map[rtp::payload_type(p.data)];
        if (type == Leg::unmapped)
            p.drop = Drop::payload_type;
        else
            rtp::set_payload_type(p.data, type);
    }
}

}  // namespace sallyport::media::stages
