// Judges what arrives: RTP header checks, which frames of the signal came and whether every bit of them did, loss,
// order, jitter (RFC 3550 A.1, A.3, A.8). Receives nothing itself: packets and their arrival times are handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/rtp_probe/signal.h"

namespace rtp_probe {

using Clock = std::chrono::steady_clock;

struct Reception {
    std::uint64_t packets = 0;  // valid RTP of our payload type
    std::uint64_t not_rtp = 0, wrong_type = 0;
    std::uint64_t auth_failed = 0, replayed = 0, malformed = 0;
    std::uint64_t frames = 0;      // different frames of the signal, each bit as sent
    std::uint64_t corrupt = 0;     // neither silence nor a frame of the signal
    std::uint64_t duplicates = 0;  // frames seen again
    std::uint64_t out_of_order = 0;
    std::uint64_t lost = 0;  // by sequence numbers
    std::uint64_t ssrc_changes = 0;
    std::uint64_t rtcp = 0, rtcp_invalid = 0;
    std::uint32_t ssrc = 0;
    double jitter_seconds = 0;
    double longest_gap_seconds = 0;  // between two packets, silence included
    bool calling = false;            // the other side has been seen,
    bool heard = false;              // and has told that it sees us
};

class Receiver {
public:
    Receiver(const Signal& signal, std::uint8_t payload_type, bool verify, bool record);

    // A decrypted packet; false when it is not RTP of this call.
    bool rtp(std::span<const std::uint8_t> packet, Clock::time_point now);
    void rtcp(std::span<const std::uint8_t> packet);
    Reception& reception() { return reception_; }
    const Reception& reception() const { return reception_; }
    bool complete() const { return reception_.frames == signal_.size(); }
    const std::vector<std::int16_t>& samples() const { return samples_; }

private:
    void count_sequence(std::uint32_t ssrc, std::uint16_t sequence);
    void count_jitter(std::uint32_t timestamp, Clock::time_point now);
    void judge(std::span<const std::uint8_t> payload);

    const Signal& signal_;
    std::uint8_t payload_type_;
    bool verify_, record_;
    Reception reception_;
    std::vector<bool> seen_;
    std::vector<std::int16_t> samples_;
    std::int64_t first_sequence_ = -1, highest_sequence_ = -1;
    std::uint64_t received_of_ssrc_ = 0;
    std::uint64_t lost_before_ = 0;  // of earlier SSRCs
    bool has_transit_ = false;
    double last_transit_ = 0;
    Clock::time_point last_arrival_;
};

}  // namespace rtp_probe
