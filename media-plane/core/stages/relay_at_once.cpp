// The short way of plain RTP. It does what the stages do, in their order, and has no rule of its own: whatever it would
// have to think about it leaves to them.
#include "control/base/fetch_lines.h"
#include "media-plane/core/same_place.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media::stages {
namespace {

constexpr std::uint8_t ordinary = 0x80;  // version 2; no padding, extension or CSRC list

// The burst came at one moment, and most streams have the same clock.
class Arrival {
public:
    explicit Arrival(TimePoint now) : now_(now) {}
    std::uint32_t in_units_of(std::uint32_t clock_rate) {
        if (clock_rate != clock_rate_) [[unlikely]] {
            clock_rate_ = clock_rate;
            arrival_ = in_clock_units(now_, clock_rate);
        }
        return arrival_;
    }

private:
    TimePoint now_;
    std::uint32_t clock_rate_ = 0, arrival_ = 0;
};

bool is_next_of(const Flow& flow, const Packet& p) {
    if (flow.state != FlowState::open || p.local_port % 2 != 0 || p.length < rtp::fixed_header_bytes) return false;
    const LastPacket& last = flow.last_packet;
    return same_place(p.from, flow.from) && p.data[0] == ordinary && rtp::payload_type(p.data) == last.type &&
           last.sent_as != LastPacket::look_up && rtp::ssrc(p.data) == flow.sent_ssrc;
}

void count(Flow& flow, const Packet& p, TimePoint now, Arrival& arrival) {
    ++flow.packets;
    flow.bytes += p.length;
    flow.last = now;
    flow.last_packet.length = p.length;
    const std::uint32_t arrived = arrival.in_units_of(flow.clock_rate);
    const std::uint32_t ssrc = rtp::ssrc(p.data), timestamp = rtp::timestamp(p.data);
    const std::uint16_t sequence = rtp::sequence_number(p.data);
    if (!flow.arrivals.take_next(ssrc, sequence, timestamp, arrived, flow.clock_rate)) [[unlikely]]
        flow.leg->reception.on_packet(ssrc, sequence, timestamp, arrived, flow.clock_rate);
}

}  // namespace

void find(std::span<Packet> burst, std::span<const LegTable> tables) {
    for (Packet& p : burst) {
        if (p.drop != Drop::none || p.port >= tables.size()) continue;
        p.flow = tables[p.port].flow(p.local_port);
        if (p.flow) fetch_lines(p.flow, 2);
    }
}

std::size_t relay_at_once(std::span<Packet> burst, TimePoint now, const Rates& rates, const OwnAddresses& own,
                          PipelineStatistics& statistics) {
    Arrival arrival(now);
    std::size_t relayed = 0;
    std::uint64_t bytes = 0;
    for (Packet& p : burst) {
        if (p.drop != Drop::none || !p.flow) continue;
        Flow& flow = *p.flow;
        if (!is_next_of(flow, p) || !flow.police.take(now, rates.tolls[flow.pace()].of(p.length))) [[unlikely]] {
            if (flow.state == FlowState::open) flow.state = FlowState::waits;
            continue;
        }
        count(flow, p, now, arrival);
        if (flow.last_packet.sent_as != flow.last_packet.type) change_payload_type(p, flow.last_packet.sent_as);
        p.relayed = true;
        p.out_port = flow.out_port;
        p.service = flow.service();
        p.to = flow.to;
        p.source = {own[flow.out_port][static_cast<std::size_t>(flow.to.address.family)], flow.source_port};
        bytes += p.length;
        ++relayed;
    }
    if (relayed > 0) {
        statistics.packets.add(relayed);
        statistics.bytes.add(bytes);
    }
    return burst.size() - relayed;
}

void end_waiting(std::span<Packet> burst) {
    for (Packet& p : burst)
        if (!p.relayed && p.flow && p.flow->state == FlowState::waits) p.flow->state = FlowState::open;
}

}  // namespace sallyport::media::stages
