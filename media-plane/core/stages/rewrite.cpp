// From the leg a packet came in on to the one it leaves by. SSRC and timestamps pass through: to both peers the stream
// stays the one that its sender made. So do sequence numbers, but under a key of ours.
#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

// Whom the peer hears when the i-th packet of the burst reaches it: what goes before it is on the books afterwards
// only.
std::uint32_t heard_before(std::span<const Packet> burst, std::size_t i) {
    const Leg& in = *burst[i].leg;
    while (i-- > 0)
        if (burst[i].leg == &in && !burst[i].rtcp && !burst[i].done() && !in.udptl) return rtp::ssrc(burst[i].data);
    return in.opposite->sent_ssrc();
}

// What passes between the peers is what both sides' reports are made of.
void relay_report(std::span<Packet> burst, std::size_t i, TimePoint now) {
    Packet& p = burst[i];
    p.leg->reporter.keep_own_times({p.data, p.length});
    if (p.leg->send_context) p.leg->numbering.give_back({p.data, p.length}, p.out->flow->arrivals);
    p.leaves = p.out->reporter.on_relayed({p.data, p.length}, heard_before(burst, i), now);
}

// Every packet of an event comes this way: what the next one's type is sent as is never noted for it.
bool take_telephone_event(Leg& in, Packet& p, TimePoint now, Notes& notes, PipelineStatistics& statistics) {
    const TelephoneEventType* type = in.telephone->type(rtp::payload_type(p.data));
    if (!type) return false;
    statistics.telephone_events.add(in.telephone->take({p.data, p.length}, type->clock_rate, now));
    if (in.telephone->has_news()) notes.add(in);
    if (type->sent_clock_rate != type->clock_rate) {
        in.telephone->convert({p.data, p.length}, *type);
        p.payload_sum = 0;
    }
    return true;
}

}  // namespace

void rewrite(std::span<Packet> burst, TimePoint now, Notes& notes, PipelineStatistics& statistics) {
    for (std::size_t i = 0; i < burst.size(); ++i) {
        Packet& p = burst[i];
        if (p.done()) continue;
        Leg& in = *p.leg;
        Leg& out = *in.opposite;
        p.drop = p.rtcp                        ? out.withhold_rtcp  // RTCP goes on during hold, RFC 3264 8.4
                 : in.refuse_rtp != Drop::none ? in.refuse_rtp
                                               : out.withhold_rtp;
        if (p.drop != Drop::none) {
            if (!p.rtcp) out.numbering.hold();
            continue;
        }
        p.out = &out;
        p.out_port = out.port;
        p.source = out.local;
        p.service = p.rtcp ? rtcp_beside(in.flow->service()) : in.flow->service();
        if (p.rtcp || in.secure() || out.secure()) p.payload_sum = 0;
        if (p.rtcp) {
            ++p.source.port;
            p.to = out.rtcp.remote();
            relay_report(burst, i, now);
            continue;
        }
        p.to = out.rtp.remote();
        if (in.udptl) continue;
        const std::uint8_t received = rtp::payload_type(p.data);
        LastPacket& last = in.flow->last_packet;
        const bool known = last.type == received && last.sent_as != LastPacket::look_up;
        const bool event = !known && in.telephone && take_telephone_event(in, p, now, notes, statistics);
        const std::uint8_t type = known ? last.sent_as : in.maps_payload ? in.payload_types[received] : received;
        if (type == PayloadTypes::unmapped) {
            p.drop = Drop::payload_type;
            continue;
        }
        change_payload_type(p, type);
        if (out.send_context)
            store_be16(p.data + 2,
                       out.numbering.next(rtp::ssrc(p.data), rtp::sequence_number(p.data), *out.send_context));
        // The next one like it need not look it up. With the marker bit some types look like RTCP, and are looked at.
        if (!event && last.type == received && !rtcp::is_packet_type(received | 0x80u)) last.sent_as = type;
    }
}

}  // namespace sallyport::media::stages
