// Counters of one lcore. Written by it alone, read by anybody at any time.
#pragma once

#include <array>

#include "control/base/counter.h"
#include "control/base/histogram.h"
#include "media-plane/core/commands.h"
#include "media-plane/core/drop.h"

namespace sallyport::media {

struct PipelineStatistics {
    std::array<Counter, drop_count> drops;
    // Relayed, as far as the pipeline goes: the driver's drops are counted beside it. `packets` and `bytes` are of RTP
    // (with its header, without SRTP's tag) and UDPTL alone.
    Counter packets, bytes, rtcp_packets;
    Counter own_rtcp_packets;  // made here and not relayed, BYE of sessions released included
    Counter srtp_auth_failures, latches;
    Counter sessions, emergency_sessions;  // alive now (set, not added); of them those of calls for help
    Counter telephone_events;              // RFC 4733, each counted once
    Counter silences,
        one_way;  // streams that were reported as silent: with nothing of the other side either, and alone

    Counter not_sent;  // streams that were reported as not sent on

    // Of the streams received, as they ended. MOS of 3.6 and 4.03 is where ITU-T G.107 Annex B has users go from
    // "some dissatisfied" to "satisfied" and "very satisfied" (R 70, 80).
    Histogram<8> mos{{1.5, 2, 2.58, 3.1, 3.6, 4.03, 4.2, 4.34}};
    Histogram<8> loss_ratio{{0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3}};
    Histogram<9> jitter_seconds{{0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2}};
    Histogram<9> round_trip_seconds{{0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.3, 0.5, 1}};

    void observe(const SessionStatistics& ended);
};

}  // namespace sallyport::media
