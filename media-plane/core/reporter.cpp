#include "media-plane/core/reporter.h"

#include <algorithm>

#include "media-plane/core/rtcp.h"

namespace sallyport::media {
namespace {

constexpr std::size_t last_report_offset = 16;  // in a report block; the delay since is behind it

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

void Reporter::on_received(ByteView compound, TimePoint now) {
    rtcp::for_each_packet(compound, [&](ByteView packet) {
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
    if (has_relayed) interval = std::min(std::max(now - relayed_at, interval * 3 / 4), longest_interval);
    has_relayed = true;
    relayed_at = now;
    due = now + std::max(patience, interval * 3 / 2);
    return false;
}

}  // namespace sallyport::media
