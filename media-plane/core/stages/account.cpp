// The books: what arrived, what left, and why the rest did not. RFC 3550 A.3 and A.8 are in reception.h.
#include "media-plane/core/rtp.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

std::size_t extra_header_bytes(const Packet& p) {
    return rtp::header_bytes({p.data, p.length}) - rtp::fixed_header_bytes;
}

}  // namespace

void account_received(std::span<Packet> burst, TimePoint now, Notes& notes) {
    for (Packet& p : burst) {
        if (p.drop != Drop::none) continue;
        Leg& leg = *p.leg;
        leg.received.last = now;
        if (p.rtcp) {
            ++leg.received.rtcp_packets;
            leg.reporter.on_received({p.data, p.length}, leg.opposite->reporter.heard, now);
            continue;
        }
        if (leg.received.packets++ == 0) {
            leg.notes.first_packet = true;
            notes.add(leg);
        }
        leg.received.bytes += p.length;
        if (leg.udptl) [[unlikely]]
            continue;
        leg.last = {p.length, rtp::payload_type(p.data)};
        leg.reception.on_packet(rtp::ssrc(p.data), rtp::sequence_number(p.data), rtp::timestamp(p.data),
                                in_clock_units(now, leg.clock_rate), leg.clock_rate);
    }
}

void account(std::span<Packet> burst, PipelineStatistics& statistics) {
    std::uint64_t packets = 0, bytes = 0, rtcp_packets = 0;
    for (Packet& p : burst) {
        if (p.drop != Drop::none) {
            const auto reason = static_cast<std::size_t>(p.drop);
            statistics.drops[reason].add();
            if (p.leg) ++p.leg->drops[reason];
            continue;
        }
        SentCounters& sent = p.out->sent;
        if (p.rtcp) {
            ++sent.rtcp_packets;
            ++rtcp_packets;
            continue;
        }
        if (p.out->udptl) [[unlikely]]
            p.out->keep_from_reports(p.length);
        else if (rtp::ssrc(p.data) != p.out->sent_ssrc || p.out->source_left) [[unlikely]]
            p.out->begin_sending(rtp::ssrc(p.data));
        if ((p.data[0] & 0x1f) != 0 && !p.out->udptl) [[unlikely]]
            p.out->reporter.extra_header_bytes += extra_header_bytes(p);
        const std::uint64_t rtp_bytes = p.length - srtp::facts(p.out->suite).rtp_tag_bytes;
        ++sent.packets;
        sent.bytes += rtp_bytes;
        ++packets;
        bytes += rtp_bytes;
    }
    if (packets > 0) {
        statistics.packets.add(packets);
        statistics.bytes.add(bytes);
    }
    if (rtcp_packets > 0) statistics.rtcp_packets.add(rtcp_packets);
}

}  // namespace sallyport::media::stages
