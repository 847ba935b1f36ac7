// The books: what arrived, what left, and why the rest did not. RFC 3550 A.3 and A.8 are in reception.h.
#include <utility>

#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

std::size_t extra_header_bytes(const Packet& p) {
    return rtp::header_bytes({p.data, p.length}) - rtp::fixed_header_bytes;
}

bool has_other_clock(const Leg& leg, std::uint8_t type) {
    if (!leg.telephone) return false;
    const TelephoneEventType* event = leg.telephone->type(type);
    return event && event->clock_rate != leg.flow->clock_rate;
}

// What was sent before the i-th packet of the burst, all of which were counted as received already.
Amount sent_before(std::span<const Packet> burst, std::size_t i) {
    const Packet& packet = burst[i];
    Amount before{packet.out->packets_sent(), packet.out->bytes_sent()};
    for (const Packet& p : burst.subspan(i)) {
        if (p.leg != packet.leg || p.relayed || p.counted == 0) continue;
        --before.packets;
        before.bytes -= p.counted;
    }
    return before;
}

}  // namespace

void account_received(std::span<Packet> burst, TimePoint now, Notes& notes) {
    for (Packet& p : burst) {
        if (p.done()) continue;
        Leg& leg = *p.leg;
        Flow& flow = *leg.flow;
        flow.last = now;
        if (p.rtcp) {
            leg.rtcp_received.add();
            leg.reporter.on_received({p.data, p.length}, leg.opposite->reporter.heard, now);
            continue;
        }
        if (flow.packets++ == 0) {
            leg.notes.first_packet = true;
            notes.add(leg);
        }
        flow.bytes += p.length;
        p.counted = p.length;
        if (leg.udptl) [[unlikely]]
            continue;
        LastPacket& last = flow.last_packet;
        const std::uint8_t type = rtp::payload_type(p.data);
        if (std::exchange(last.type, type) != type) last.sent_as = LastPacket::look_up;
        last.length = p.length;
        const std::uint32_t ssrc = rtp::ssrc(p.data), timestamp = rtp::timestamp(p.data);
        const std::uint16_t sequence = rtp::sequence_number(p.data);
        const std::uint32_t arrival = in_clock_units(now, flow.clock_rate);
        if (has_other_clock(leg, type)) [[unlikely]] {
            leg.reception.on_untimed_packet(ssrc, sequence, arrival);
            continue;
        }
        if (!flow.arrivals.take_next(ssrc, sequence, timestamp, arrival, flow.clock_rate)) [[unlikely]]
            leg.reception.on_packet(ssrc, sequence, timestamp, arrival, flow.clock_rate);  // another cache line
    }
}

void account(std::span<Packet> burst, PipelineStatistics& statistics) {
    std::uint64_t packets = 0, bytes = 0, rtcp_packets = 0;
    for (std::size_t i = 0; i < burst.size(); ++i) {
        Packet& p = burst[i];
        if (p.relayed) continue;
        if (p.drop != Drop::none) {
            const auto reason = static_cast<std::size_t>(p.drop);
            statistics.drops[reason].add();
            if (!p.leg) continue;
            p.leg->count_drop(p.drop);
            if (p.counted == 0) continue;
            if (p.drop == Drop::replayed || p.drop == Drop::protect_failed) p.out->sending.fail(p.drop);
            ++p.leg->kept_back.packets;
            p.leg->kept_back.bytes += p.counted;
            continue;
        }
        if (p.rtcp) {
            if (p.leaves) p.out->note_source_left();  // what the burst has behind it has come back
            p.out->rtcp_sent.add();
            ++rtcp_packets;
            continue;
        }
        if (p.out->udptl) [[unlikely]]
            p.out->keep_from_reports(p.length);
        else if (rtp::ssrc(p.data) != p.leg->flow->sent_ssrc || p.out->source_left) [[unlikely]]
            p.out->begin_sending(rtp::ssrc(p.data), sent_before(burst, i));
        if ((p.data[0] & 0x1f) != 0 && !p.out->udptl) [[unlikely]]
            p.out->reporter.extra_header_bytes += extra_header_bytes(p);
        ++packets;
        bytes += p.counted;
    }
    if (packets > 0) {
        statistics.packets.add(packets);
        statistics.bytes.add(bytes);
    }
    if (rtcp_packets > 0) statistics.rtcp_packets.add(rtcp_packets);
}

}  // namespace sallyport::media::stages
