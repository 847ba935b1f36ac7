// The stages of the pipeline, in the order of a packet's walk. Each takes the whole burst and does one thing to it;
// a packet that has a drop reason is left alone by all that follow, until account counts it.
#pragma once

#include <span>

#include "media-plane/core/leg_list.h"
#include "media-plane/core/leg_table.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/statistics.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media::stages {

inline constexpr std::size_t max_burst = 64;

struct Rates {  // intervals at the permitted rates; zero permits everything
    Duration rtp{}, rtcp{};
};

// Finds the leg by local port (tables: by media port) and checks the shape of what can be seen unencrypted.
void classify(std::span<Packet> burst, std::span<const LegTable> tables);
// Turns strangers away before they cost anything, and lets nobody else exceed the stream's rate.
void police(std::span<Packet> burst, TimePoint now, const Rates& rates);
// SRTP to RTP, the burst at once; then the shape of what was encrypted.
void unprotect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes, PipelineStatistics& statistics);
// After authentication, so that a forged packet can never take an SRTP leg.
void latch(std::span<Packet> burst, TimePoint now, Notes& notes, PipelineStatistics& statistics);
// What has arrived for good: loss, jitter, activity.
void account_received(std::span<Packet> burst, TimePoint now, Notes& notes);
// The other leg's addresses and payload types; hold. Reports from one peer to the other are noted: they need none of
// ours.
void rewrite(std::span<Packet> burst, TimePoint now);
// RTP to SRTP, the burst at once.
void protect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes);
// What is sent, and every drop with its reason, once.
void account(std::span<Packet> burst, PipelineStatistics& statistics);

}  // namespace sallyport::media::stages
