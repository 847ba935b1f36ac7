#include "media-plane/core/statistics.h"

namespace sallyport::media {

void PipelineStatistics::observe(const SessionStatistics& ended) {
    constexpr std::uint64_t least_packets = 50;  // a stream of a second
    for (const LegStatistics& leg : ended.legs) {
        if (leg.udptl || leg.packets_received < least_packets) continue;
        if (leg.mos > 0) mos.observe(leg.mos);
        loss_ratio.observe(static_cast<double>(leg.lost) / static_cast<double>(leg.packets_received + leg.lost));
        jitter_seconds.observe(leg.jitter_seconds);
        if (leg.round_trip) round_trip_seconds.observe(std::chrono::duration<double>(*leg.round_trip).count());
    }
}

}  // namespace sallyport::media
