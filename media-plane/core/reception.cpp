#include "media-plane/core/reception.h"

#include <algorithm>
#include <limits>

namespace sallyport::media {

void Reception::on_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t arrival,
                          std::uint32_t clock_rate) {
    Arrivals& a = *arrivals_;
    if (a.take_next(ssrc, sequence, timestamp, arrival, clock_rate)) return;
    if (!a.started || ssrc != a.ssrc)
        start(ssrc, sequence);
    else if (!advance(sequence))
        return;
    ++a.received;
    update_jitter(timestamp, arrival - timestamp, clock_rate);
}

void Reception::on_untimed_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t arrival) {
    Arrivals& a = *arrivals_;
    if (!a.started || ssrc != a.ssrc)
        start(ssrc, sequence);
    else if (!advance(sequence))
        return;
    ++a.received;
    repeat_ = arrival;
    has_repeat_ = true;
}

bool Reception::advance(std::uint16_t sequence) {
    Arrivals& a = *arrivals_;
    const auto ahead = static_cast<std::uint16_t>(sequence - a.highest);
    if (ahead < Arrivals::max_dropout) {
        if (sequence < a.highest) ++a.cycles;
        a.highest = sequence;
        return true;
    }
    if (ahead <= 65'536 - Arrivals::max_misorder) return jump(sequence);
    if (reordered_ != std::numeric_limits<std::uint32_t>::max()) ++reordered_;
    return true;  // a duplicate, or late
}

void Reception::update_jitter(std::uint32_t timestamp, std::uint32_t transit, std::uint32_t clock_rate) {
    Arrivals& a = *arrivals_;
    // Packets that repeat a timestamp (RFC 4733 events, frames of several packets) were not sampled when they
    // were sent, and say nothing about the path.
    if (a.has_transit && timestamp == a.timestamp) {
        repeat_ = transit + timestamp;
        has_repeat_ = true;
        return;
    }
    if (a.has_transit) return a.take_transit(timestamp, transit, clock_rate);
    a.timestamp = timestamp;
    a.transit = transit;
    a.has_transit = true;
}

void Reception::start(std::uint32_t ssrc, std::uint16_t sequence) {
    Arrivals& a = *arrivals_;
    if (a.started) {
        lost_before_ += lost_of_this_ssrc();
        expected_before_ += expected_of_this_ssrc();
    }
    a.started = true;
    a.ssrc = ssrc;
    a.highest = base_ = sequence;
    a.cycles = 0;
    a.received = 0;
    expected_prior_ = received_prior_ = 0;
    after_jump_ = 65'537;
    a.has_transit = has_repeat_ = false;  // another source has another clock; the jitter estimate goes on
}

bool Reception::jump(std::uint16_t sequence) {
    if (sequence != after_jump_) {
        after_jump_ = static_cast<std::uint16_t>(sequence + 1);
        return false;
    }
    // Two in a row: the other side restarted without telling. Of the two, the first was not counted.
    Arrivals& a = *arrivals_;
    start(a.ssrc, static_cast<std::uint16_t>(sequence - 1));
    a.highest = sequence;
    ++a.received;
    if (sequence == 0) a.cycles = 1;
    return true;
}

std::uint64_t Reception::lost_of_this_ssrc() const {
    const std::uint64_t expected = expected_of_this_ssrc(), received = arrivals_->received;
    return expected > received ? expected - received : 0;
}

std::optional<ReceptionReport> Reception::take_report() {  // RFC 3550 A.3
    const Arrivals& a = *arrivals_;
    if (!a.started || static_cast<std::uint32_t>(a.received) == received_prior_) return std::nullopt;
    constexpr std::int64_t most_lost = 0x7f'ffff, least_lost = -0x80'0000;
    const std::uint64_t expected = expected_of_this_ssrc();
    const auto expected_now = static_cast<std::uint32_t>(expected) - expected_prior_;
    const auto received_now = static_cast<std::uint32_t>(a.received) - received_prior_;
    ReceptionReport r;
    r.ssrc = a.ssrc;
    if (expected_now > received_now)
        r.fraction_lost = static_cast<std::uint8_t>((std::uint64_t{expected_now - received_now} << 8) / expected_now);
    r.lost =
        static_cast<std::int32_t>(std::clamp(static_cast<std::int64_t>(expected - a.received), least_lost, most_lost));
    r.highest_sequence = a.cycles << 16 | a.highest;
    r.jitter = a.jitter >> 4;
    expected_prior_ = static_cast<std::uint32_t>(expected);
    received_prior_ = static_cast<std::uint32_t>(a.received);
    return r;
}

std::uint64_t Reception::expected() const {
    return expected_before_ + (arrivals_->started ? expected_of_this_ssrc() : 0);
}
std::uint64_t Reception::lost() const { return lost_before_ + (arrivals_->started ? lost_of_this_ssrc() : 0); }

}  // namespace sallyport::media
