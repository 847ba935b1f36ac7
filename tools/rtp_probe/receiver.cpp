#include "tools/rtp_probe/receiver.h"

#include <algorithm>
#include <cmath>

namespace rtp_probe {

namespace {

std::uint32_t big_endian(std::span<const std::uint8_t> bytes, std::size_t at, int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = (value << 8) | bytes[at + static_cast<std::size_t>(i)];
    return value;
}

// RFC 3550 5.1: what follows the fixed header, CSRCs and extension, without padding; empty when it does not add up.
std::span<const std::uint8_t> payload_of(std::span<const std::uint8_t> packet) {
    std::size_t header = 12 + 4u * (packet[0] & 0x0Fu);
    if ((packet[0] & 0x10) != 0) {
        if (packet.size() < header + 4) return {};
        header += 4 + 4u * big_endian(packet, header + 2, 2);
    }
    const std::size_t padding = (packet[0] & 0x20) != 0 ? packet.back() : 0;
    if (packet.size() < header + padding) return {};
    return packet.subspan(header, packet.size() - header - padding);
}

}  // namespace

Receiver::Receiver(const Signal& signal, std::uint8_t payload_type, bool verify, bool record)
    : signal_(signal), payload_type_(payload_type), verify_(verify), record_(record), seen_(signal.size()) {}

bool Receiver::rtp(std::span<const std::uint8_t> packet, Clock::time_point now) {
    if (packet.size() < 12 || (packet[0] >> 6) != 2) {
        ++reception_.not_rtp;
        return false;
    }
    if ((packet[1] & 0x7F) != payload_type_) {
        ++reception_.wrong_type;
        return false;
    }
    ++reception_.packets;
    count_sequence(big_endian(packet, 8, 4), static_cast<std::uint16_t>(big_endian(packet, 2, 2)));
    count_jitter(big_endian(packet, 4, 4), now);
    const auto payload = payload_of(packet);
    if (record_)
        for (const auto code : payload) samples_.push_back(alaw_decode(code));
    if (verify_) judge(payload);
    reception_.calling = true;
    return true;
}

void Receiver::judge(std::span<const std::uint8_t> payload) {
    if (is_silence(payload, calling)) return;
    if (is_silence(payload, heard)) {
        reception_.heard = true;
    } else if (const auto index = signal_.find(payload)) {
        reception_.heard = true;
        if (seen_[*index]) {
            ++reception_.duplicates;
        } else {
            seen_[*index] = true;
            ++reception_.frames;
        }
    } else {
        ++reception_.corrupt;
    }
}

void Receiver::count_sequence(std::uint32_t ssrc, std::uint16_t sequence) {
    if (highest_sequence_ < 0 || ssrc != reception_.ssrc) {
        if (highest_sequence_ >= 0) {
            ++reception_.ssrc_changes;
            lost_before_ = reception_.lost;
        }
        reception_.ssrc = ssrc;
        first_sequence_ = highest_sequence_ = sequence;
        received_of_ssrc_ = 1;
        has_transit_ = false;
        return;
    }
    ++received_of_ssrc_;
    const auto step = static_cast<std::int16_t>(sequence - static_cast<std::uint16_t>(highest_sequence_));
    if (step > 0) {
        highest_sequence_ += step;
    } else {
        ++reception_.out_of_order;
    }
    const auto expected = static_cast<std::uint64_t>(highest_sequence_ - first_sequence_ + 1);
    reception_.lost = lost_before_ + (expected > received_of_ssrc_ ? expected - received_of_ssrc_ : 0);
}

void Receiver::count_jitter(std::uint32_t timestamp, Clock::time_point now) {
    if (reception_.calling) {
        const double gap = std::chrono::duration<double>(now - last_arrival_).count();
        reception_.longest_gap_seconds = std::max(reception_.longest_gap_seconds, gap);
    }
    last_arrival_ = now;
    const double arrival = std::chrono::duration<double>(now.time_since_epoch()).count();
    const double transit = arrival - static_cast<double>(timestamp) / sample_rate;
    if (has_transit_) {
        const double change = std::abs(transit - last_transit_);
        if (change < 60) reception_.jitter_seconds += (change - reception_.jitter_seconds) / 16;  // not at a wrap
    }
    last_transit_ = transit;
    has_transit_ = true;
}

void Receiver::rtcp(std::span<const std::uint8_t> packet) {
    const bool valid = packet.size() >= 8 && (packet[0] >> 6) == 2 && packet[1] >= 200 && packet[1] <= 204 &&
                       packet.size() >= 4 * (big_endian(packet, 2, 2) + 1);
    ++(valid ? reception_.rtcp : reception_.rtcp_invalid);
}

}  // namespace rtp_probe
