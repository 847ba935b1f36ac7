// From UDP port to leg, and from octets to RTP or RTCP. RFC 7983, 5761; RTCP is on the port above RTP's, never on it.
// UDPTL is where signaling has said so.
#include "control/base/fetch_lines.h"
#include "media-plane/core/demux.h"
#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"
#include "media-plane/core/udptl.h"

namespace sallyport::media::stages {
namespace {

// The lines of both legs that the next stages touch, asked for while the rest of the burst is looked up.
void fetch_receiver(const Leg& leg) { fetch_lines(&leg, 2); }
void fetch_sender(const Leg& leg) { fetch_lines(&leg, 2); }

Drop check_rtp(ByteView packet, bool encrypted) {
    if (packet.size() < 2) return Drop::truncated;
    if (rtcp::is_packet_type(packet[1])) return Drop::not_rtp;  // RTCP here would be multiplexing, never negotiated
    if (rtp::header_bytes(packet) == 0) return Drop::truncated;
    return encrypted || rtp::padding_fits(packet) ? Drop::none : Drop::truncated;
}

Drop check_rtcp(ByteView packet, bool encrypted) {
    if (packet.size() < rtcp::header_bytes) return Drop::truncated;
    if (!rtcp::starts_well(packet)) return Drop::not_rtp;
    return encrypted || rtcp::well_formed(packet) ? Drop::none : Drop::truncated;
}

// Any first octet may be a sequence number's: there is nothing to tell it from STUN or RTP by. But a gateway that asks
// for a fax goes on with the call until it has our answer, and that call's SSRC is known.
Drop check_udptl(const Leg& leg, ByteView datagram) {
    if (datagram.size() < udptl::least_bytes) return Drop::truncated;
    const bool of_the_call = leg.reception.started() && datagram.size() >= rtp::fixed_header_bytes &&
                             datagram[0] >> 6 == 2 && rtp::ssrc(datagram.data()) == leg.reception.ssrc();
    return of_the_call ? Drop::late_rtp : Drop::none;
}

Drop examine(Packet& p) {
    const Leg& leg = *p.leg;
    // The pair of ports is the leg's on its own address; the media port may have one of the other family too.
    if (p.from.address.family != leg.local.address.family) return Drop::no_leg;
    if (leg.refuse != Drop::none) return leg.refuse;
    const ByteView packet{p.data, p.length};
    p.rtcp = p.local_port % 2 != 0;
    if (leg.udptl) [[unlikely]]
        return p.rtcp ? Drop::not_rtp : check_udptl(leg, packet);
    switch (demultiplex(packet)) {
        case Protocol::rtp_or_rtcp: break;
        case Protocol::stun: return Drop::stun;
        case Protocol::dtls: return Drop::dtls;
        case Protocol::other: return Drop::not_rtp;
    }
    return p.rtcp ? check_rtcp(packet, leg.secure()) : check_rtp(packet, leg.secure());
}

}  // namespace

void classify(std::span<Packet> burst) {
    for (Packet& p : burst) {
        if (p.done()) continue;
        p.leg = p.flow ? p.flow->leg : nullptr;
        if (p.leg)
            fetch_receiver(*p.leg);
        else
            p.drop = Drop::no_leg;
    }
    for (Packet& p : burst) {
        if (p.done()) continue;
        p.drop = examine(p);
        if (p.drop == Drop::none) fetch_sender(*p.leg->opposite);
    }
}

}  // namespace sallyport::media::stages
