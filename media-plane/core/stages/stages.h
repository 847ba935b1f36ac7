// The stages of the pipeline, in the order of a packet's walk. Each takes the whole burst and does one thing to it;
// a packet that has a drop reason is left alone by all that follow, until account counts it.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "media-plane/core/leg_list.h"
#include "media-plane/core/leg_table.h"
#include "media-plane/core/pace.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/statistics.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media::stages {

inline constexpr std::size_t max_burst = 64;

struct Rates {  // intervals at the permitted rates; zero permits everything
    Duration rtp{}, rtcp{};
    Tolls tolls{};  // of RTP, by the pace of its stream
    // Of packets under a key that are looked at, authentic or not: whoever forges the peer's address cannot take what
    // is the peer's, and has no more of the cipher's time than this.
    static constexpr int forged = 25;
    Duration cipher_rtp() const { return rtp / forged; }
    Duration cipher_rtcp() const { return rtcp / forged; }
};

// Ours, by media port and family.
using OwnAddresses = std::vector<std::array<IpAddress, 3>>;

// Finds the flow by local port (tables: by media port).
void find(std::span<Packet> burst, std::span<const LegTable> tables);
// What nearly all packets are of: plain RTP of an open flow (flow.h), with an ordinary header and the payload type and
// SSRC of the one before. For those all of the following stages come to the same few steps, which are done here in one
// go; how many are left for the stages is returned. Nothing overtakes an earlier packet of its flow.
std::size_t relay_at_once(std::span<Packet> burst, TimePoint now, const Rates& rates, const OwnAddresses& own,
                          PipelineStatistics& statistics);
// After all other stages, if any were left.
void end_waiting(std::span<Packet> burst);

// Finds the leg and checks the shape of what can be seen unencrypted.
void classify(std::span<Packet> burst);
// Turns strangers away before they cost anything, and lets nobody else exceed the stream's rate, which is that of its
// codec where signaling has said so; where there are keys, what authentication may cost.
void police(std::span<Packet> burst, TimePoint now, const Rates& rates);
// Behind unprotect: then the stream's rate counts what is authentic alone.
void police_authentic(std::span<Packet> burst, TimePoint now, const Rates& rates);
// SRTP to RTP, the burst at once; then the shape of what was encrypted.
void unprotect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes, PipelineStatistics& statistics);
// After authentication, so that a forged packet can never take an SRTP leg.
void latch(std::span<Packet> burst, TimePoint now, Notes& notes, PipelineStatistics& statistics);
// What has arrived for good: loss, jitter, activity.
void account_received(std::span<Packet> burst, TimePoint now, Notes& notes);
// The other leg's addresses and payload types; hold. What telephone-event packets say is noted. Reports from one peer
// to the other are noted: they need none of ours.
void rewrite(std::span<Packet> burst, TimePoint now, Notes& notes, PipelineStatistics& statistics);
// The checksum of the payload goes with it, RFC 1624.
inline void change_payload_type(Packet& p, std::uint8_t type) {
    const std::uint16_t before = load_be16(p.data);
    rtp::set_payload_type(p.data, type);
    if (p.payload_sum == 0) return;
    const std::uint32_t sum = std::uint32_t{p.payload_sum} + static_cast<std::uint16_t>(~before) + load_be16(p.data);
    p.payload_sum = static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}
// RTP to SRTP, the burst at once.
void protect(std::span<Packet> burst, srtp::Engine& engine, Notes& notes);
// What is sent, and every drop with its reason, once.
void account(std::span<Packet> burst, PipelineStatistics& statistics);

}  // namespace sallyport::media::stages
