#include "media-plane/core/reporter.h"

#include <algorithm>

#include "media-plane/core/rtcp.h"
#include "media-plane/core/rtcp_compound.h"

namespace sallyport::media {
namespace {

constexpr std::size_t last_report_offset = 16;  // in a report block; the delay since is behind it

Duration from_report_units(std::uint32_t units) {  // of 1/65536 s
    return std::chrono::nanoseconds{(std::uint64_t{units} * 1'000'000'000) >> 16};
}

bool names(ByteView bye, std::uint32_t ssrc) {
    for (std::size_t i = 0; i < rtcp::count(bye); ++i)
        if (load_be32(bye.data() + 4 + 4 * i) == ssrc) return true;
    return false;
}

}  // namespace

void Reporter::begin(TimePoint now, TimePoint first) {
    due = first;
    relayed_at = now;
    interval = {};
    has_relayed = false;
}

// RFC 3550 6.4.1: what has passed since the report that the block answers, without what the peer kept it for.
void Reporter::take_round_trip(ByteView block, const Heard& relayed, TimePoint now) {
    const std::uint32_t answered = load_be32(block.data() + last_report_offset);
    if (answered == 0) return;
    const Duration kept = from_report_units(load_be32(block.data() + last_report_offset + 4));
    Duration since{};
    if (std::find(own_times.begin(), own_times.end(), answered) != own_times.end())
        since = from_report_units(rtcp::middle(rtcp::ntp_time(now)) - answered);
    else if (relayed.known() && relayed.time == answered)
        since = now - relayed.at;
    else
        return;
    // The units are 15 us: a peer on the same link may seem to answer before it was asked.
    if (since + std::chrono::microseconds{50} >= kept && since - kept <= longest_round_trip)
        round_trip_us = static_cast<std::uint32_t>(
            std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(since - kept).count(), 1));
}

void Reporter::on_received(ByteView compound, const Heard& relayed, TimePoint now) {
    rtcp::for_each_packet(compound, [&](ByteView packet) {
        if (rtcp::is_report(packet))
            rtcp::for_each_block(packet, [&](ByteView block) { take_round_trip(block, relayed, now); });
        if (packet[1] != rtcp::sender_report) return;
        const std::uint32_t middle = load_be32(packet.data() + rtcp::header_bytes + 2);
        heard = Heard{load_be32(packet.data() + 4), middle, now};
    });
}

void Reporter::keep_own_times(ByteSpan compound) const {
    if (own_times == std::array<std::uint32_t, 2>{}) return;
    rtcp::for_each_packet(compound, [&](ByteSpan packet) {
        if (!rtcp::is_report(packet)) return;
        rtcp::for_each_block(packet, [&](ByteSpan block) {
            const std::uint32_t time = load_be32(block.data() + last_report_offset);
            if (time != 0 && std::find(own_times.begin(), own_times.end(), time) != own_times.end())
                std::fill(block.begin() + last_report_offset, block.end(), std::uint8_t{0});
        });
    });
}

bool Reporter::on_relayed(ByteView compound, std::uint32_t ssrc, TimePoint now) {
    bool reports = false, leaves = false;
    rtcp::for_each_packet(compound, [&](ByteView packet) {
        reports = reports || rtcp::is_report(packet);
        leaves = leaves || (packet[1] == rtcp::bye && names(packet, ssrc));
    });
    if (leaves || !reports || due == TimePoint{}) return leaves;
    // Intervals are random from half to one and a half: one short one says little, some of them more.
    if (has_relayed)
        interval = std::chrono::duration_cast<Milliseconds>(
            std::min<Duration>(std::max<Duration>(now - relayed_at, interval * 3 / 4), longest_interval));
    has_relayed = true;
    relayed_at = now;
    due = now + std::max<Duration>(patience, interval * 3 / 2);
    return false;
}

}  // namespace sallyport::media
