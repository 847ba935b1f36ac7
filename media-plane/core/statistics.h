// Counters of one lcore. Written by it alone, read by anybody at any time.
#pragma once

#include <array>

#include "control/base/counter.h"
#include "media-plane/core/drop.h"

namespace sallyport::media {

struct PipelineStatistics {
    std::array<Counter, drop_count> drops;
    // Relayed, as far as the pipeline goes: the driver's drops are counted beside it. `packets` and `bytes` are of RTP
    // (with its header, without SRTP's tag) and UDPTL alone.
    Counter packets, bytes, rtcp_packets;
    Counter own_rtcp_packets;  // made here and not relayed, BYE of sessions released included
    Counter srtp_auth_failures, latches;
    Counter sessions;  // alive now (set, not added)
};

}  // namespace sallyport::media
