// How well one RTP stream arrives: sequence numbers, loss and jitter. RFC 3550 6.4.1, A.1, A.3 and A.8. Puts them into
// numbers of a report block; when one is due, and to whom, is not decided here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "control/base/time.h"

namespace sallyport::media {

// `now` in units of an RTP clock, modulo 2^32 as timestamps are. Seconds and nanoseconds apart, so that no product
// overflows however long the node has been up.
inline std::uint32_t in_clock_units(TimePoint now, std::uint32_t clock_rate) {
    const auto t = static_cast<std::uint64_t>(now.time_since_epoch().count());
    return static_cast<std::uint32_t>(t / 1'000'000'000 * clock_rate + t % 1'000'000'000 * clock_rate / 1'000'000'000);
}

// RFC 3550 6.4.1, without what concerns the peer's reports.
struct ReceptionReport {
    std::uint32_t ssrc = 0;
    std::uint8_t fraction_lost = 0;  // of 256, since the last one
    std::int32_t lost = 0;           // 24 bits; duplicates may make it negative
    std::uint32_t highest_sequence = 0;
    std::uint32_t jitter = 0;  // in units of the clock rate
};

// What every packet changes. It lies apart from the rest, on the lines that a packet touches anyway (flow.h).
struct Arrivals {
    static constexpr std::uint16_t max_dropout = 3000, max_misorder = 100;  // RFC 3550 A.1

    std::uint64_t received = 0;  // of this SSRC
    std::uint32_t ssrc = 0;
    std::uint32_t timestamp = 0, transit = 0;
    std::uint32_t jitter = 0;  // scaled by 16, as A.8 has it
    std::uint32_t cycles = 0;  // how often the sequence number has turned
    std::uint16_t highest = 0;
    bool started = false, has_transit = false;

    // What nearly all packets are: one behind the last, of the same SSRC, with a timestamp of its own. False for any
    // other, which Reception::on_packet() has to take.
    bool take_next(std::uint32_t of, std::uint16_t sequence, std::uint32_t at, std::uint32_t arrival,
                   std::uint32_t clock_rate) {
        const auto ahead = static_cast<std::uint16_t>(sequence - highest);
        if (!has_transit || of != ssrc || at == timestamp || ahead >= max_dropout) return false;
        cycles += sequence < highest ? 1u : 0u;
        highest = sequence;
        ++received;
        take_transit(at, arrival - at, clock_rate);
        return true;
    }
    void take_transit(std::uint32_t at, std::uint32_t new_transit, std::uint32_t clock_rate) {
        const auto difference = static_cast<std::int32_t>(new_transit - transit);
        const auto d =
            difference < 0 ? 0u - static_cast<std::uint32_t>(difference) : static_cast<std::uint32_t>(difference);
        // More than two seconds is a sender that set its clock anew, as after hold: not a path.
        if (d <= 2 * clock_rate) jitter += d - ((jitter + 8) >> 4);
        timestamp = at;
        transit = new_transit;
    }
};

class Reception {
public:
    Reception() = default;  // of nothing yet
    explicit Reception(Arrivals& arrivals) : arrivals_(&arrivals) {}

    // `arrival` in units of `clock_rate`, from in_clock_units().
    void on_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t timestamp, std::uint32_t arrival,
                   std::uint32_t clock_rate);
    // The same of a packet whose timestamp is of another clock, as a telephone event's may be: it says nothing about
    // jitter.
    void on_untimed_packet(std::uint32_t ssrc, std::uint16_t sequence, std::uint32_t arrival);
    // Over all SSRCs so far; duplicates never make it negative.
    std::uint64_t lost() const;
    // Likewise: how many were to come, and how many came after a later one (duplicates of earlier ones with them).
    std::uint64_t expected() const;
    std::uint64_t reordered() const { return reordered_; }
    // How long ago the last packet came, in units of the clock rate; `now` as in on_packet(). Nothing if none has since
    // the clock rate is known, or the last source began.
    std::optional<std::uint32_t> since_last(std::uint32_t now) const {
        const Arrivals& a = *arrivals_;
        if (!a.has_transit) return std::nullopt;
        const std::uint32_t since = now - (a.timestamp + a.transit);
        return has_repeat_ ? std::min(since, now - repeat_) : since;
    }
    // What a report block says, and from here on the next one's beginning; nothing if nothing has come since the last.
    std::optional<ReceptionReport> take_report();
    bool started() const { return arrivals_->started; }
    // Of the last packet; meaningful once something was received.
    std::uint32_t ssrc() const { return arrivals_->ssrc; }
    // RFC 3550 6.4.1: what the stream's own clock shows, as far as its last packet tells; `arrival` as in on_packet().
    std::optional<std::uint32_t> timestamp_at(std::uint32_t arrival) const {
        return arrivals_->has_transit ? std::optional(arrival - arrivals_->transit) : std::nullopt;
    }
    double jitter_seconds(std::uint32_t clock_rate) const { return arrivals_->jitter / 16.0 / clock_rate; }
    void restart_jitter() {  // the clock rate has changed
        arrivals_->jitter = 0;
        arrivals_->has_transit = has_repeat_ = false;
    }

private:
    void start(std::uint32_t ssrc, std::uint16_t sequence);
    bool jump(std::uint16_t sequence);
    bool advance(std::uint16_t sequence);
    void update_jitter(std::uint32_t timestamp, std::uint32_t transit, std::uint32_t clock_rate);
    std::uint64_t expected_of_this_ssrc() const {
        return (std::uint64_t{arrivals_->cycles} << 16) + arrivals_->highest - base_ + 1;
    }
    std::uint64_t lost_of_this_ssrc() const;

    Arrivals* arrivals_ = nullptr;
    std::uint16_t base_ = 0;
    bool has_repeat_ = false;
    std::uint32_t reordered_ = 0;        // full one day, and stays so
    std::uint32_t repeat_ = 0;           // when the last packet that repeats a timestamp came
    std::uint32_t after_jump_ = 65'537;  // the next number after a jump: there twice in a row, and it is a restart
    std::uint64_t lost_before_ = 0, expected_before_ = 0;    // of earlier SSRCs and before restarts
    std::uint32_t expected_prior_ = 0, received_prior_ = 0;  // at the last report, modulo 2^32
};

}  // namespace sallyport::media
