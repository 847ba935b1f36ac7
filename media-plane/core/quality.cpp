#include "media-plane/core/quality.h"

#include <algorithm>
#include <numeric>

#include "media-plane/core/e_model.h"
#include "media-plane/core/leg.h"

namespace sallyport::media {
namespace {

constexpr std::uint32_t most_doublings = 10;

// RFC 3551 6; those that e_model knows.
std::string_view static_name(std::uint8_t payload_type) {
    switch (payload_type) {
        case 0: return "PCMU";
        case 4: return "G723";
        case 8: return "PCMA";
        case 9: return "G722";
        case 18: return "G729";
        default: return {};
    }
}

// Who ends so has nothing to say, and says it: comfort noise (RFC 3389; 19 as it was before), or G.729 Annex B's frame
// of two octets behind those of ten (RFC 3551 4.5.6).
bool pauses(const Leg& leg) {
    const std::uint8_t type = leg.flow->last_packet.type;
    if (leg.flow->packets == 0) return false;
    if (type == 13 || type == 19) return true;
    return type == 18 && leg.flow->last_packet.length >= rtp::fixed_header_bytes &&
           (leg.flow->last_packet.length - rtp::fixed_header_bytes) % 10 == 2;
}

Duration since_last(const Leg& leg, TimePoint due_since, TimePoint now) {
    const auto since = leg.reception.since_last(in_clock_units(now, leg.flow->clock_rate));
    if (!since) return now - due_since;
    const Duration exact = std::chrono::nanoseconds{std::uint64_t{*since} * 1'000'000'000 / leg.flow->clock_rate};
    return std::min(exact, now - due_since);
}

double estimate(const Leg& leg, std::uint64_t expected, std::uint64_t lost) {
    if (leg.udptl || expected < Quality::least_packets) return 0;
    const auto equipment = e_model::equipment_of(Quality::codec_of(leg));
    if (!equipment) return 0;
    const auto jitter = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(leg.reception.jitter_seconds(leg.flow->clock_rate)));
    const Duration delay = leg.reporter.round_trip().value_or(Duration{}) / 2 +
                           std::max<Duration>(Quality::least_buffer, 2 * jitter) + Quality::coding;
    const double loss = static_cast<double>(std::min(lost, expected)) / static_cast<double>(expected);
    return e_model::mos(e_model::rating(*equipment, loss, delay));
}

// Of a counter modulo 2^32, of which seconds are looked at; what it has gone down since then, as loss may, is nothing.
std::uint32_t since(std::uint64_t now, std::uint32_t then) {
    const std::uint32_t grown = static_cast<std::uint32_t>(now) - then;
    return grown < 1u << 31 ? grown : 0;
}

float rate(std::uint64_t now, std::uint32_t then, Duration time) {
    return static_cast<float>(since(now, then) / std::chrono::duration<double>(time).count());
}

}  // namespace

bool Leg::is_flowing(TimePoint now) const {
    const auto since = reception.since_last(in_clock_units(now, flow->clock_rate));
    return since && *since < std::chrono::duration<double>(Quality::patience).count() * flow->clock_rate;
}

std::optional<Quality::Silence> Quality::look(const Leg& leg, TimePoint due_since, bool other_flows, TimePoint now) {
    if (looked_at_ == TimePoint{}) looked_at_ = interval_began_ = now;
    if (const Duration time = now - looked_at_; time >= rate_interval) {
        packets_per_second_ = rate(leg.flow->packets, packets_then_, time);
        packets_then_ = static_cast<std::uint32_t>(leg.flow->packets);
        looked_at_ = now;
    }
    if (now - interval_began_ >= interval) close_interval(leg, now);
    return look_for_silence(leg, due_since, other_flows, now);
}

std::optional<Quality::Silence> Quality::look_for_silence(const Leg& leg, TimePoint due_since, bool other_flows,
                                                          TimePoint now) {
    const bool due = due_since != TimePoint{} && !leg.udptl;
    const Duration quiet = due ? since_last(leg, due_since, now) : Duration{};
    if (!due || quiet < patience || (quiet < longest_pause && pauses(leg))) {
        if (!is_silent()) return std::nullopt;
        const Silence over{false, false, silences_->accounted - silences_->since};
        silences_->since = TimePoint{};
        return std::exchange(silences_->reported, false) && due ? std::optional(over) : std::nullopt;
    }
    if (!silences_) silences_ = std::make_unique<Silences>();
    Silences& s = *silences_;
    if (!is_silent()) {
        s.since = s.accounted = now - quiet;
        ++s.count;
    }
    s.silent += now - s.accounted;
    if (other_flows) s.one_way += now - s.accounted;
    s.accounted = now;
    if (s.reported || now < s.next_report) return std::nullopt;
    s.reported = true;
    s.next_report = now + between_reports * (1u << std::min(s.reports++, most_doublings));
    return Silence{true, other_flows, quiet};
}

void Quality::close_interval(const Leg& leg, TimePoint now) {
    const std::uint64_t expected = leg.reception.expected(), lost = leg.reception.lost();
    const std::uint64_t came_due = since(expected, expected_then_), went = since(lost, lost_then_);
    const bool judged = came_due >= least_packets;
    recent_loss_ = judged ? static_cast<float>(std::min(went, came_due)) / static_cast<float>(came_due) : 0;
    recent_mos_ = static_cast<float>(estimate(leg, came_due, went));
    if (recent_mos_ != 0) worst_mos_ = worst_mos_ == 0 ? recent_mos_ : std::min(worst_mos_, recent_mos_);
    const auto drops = std::accumulate(leg.drops.begin(), leg.drops.end(), std::uint64_t{0},
                                       [](std::uint64_t sum, const LegCounter& reason) { return sum + reason.count; });
    drops_per_second_ = rate(drops, drops_then_, now - interval_began_);
    drops_then_ = static_cast<std::uint32_t>(drops);
    expected_then_ = static_cast<std::uint32_t>(expected);
    lost_then_ = static_cast<std::uint32_t>(lost);
    interval_began_ = now;
}

double Quality::mos_of(const Leg& leg) { return estimate(leg, leg.reception.expected(), leg.reception.lost()); }

std::string_view Quality::codec_of(const Leg& leg) {
    if (leg.flow->packets > 0)
        if (const auto name = static_name(leg.flow->last_packet.type); !name.empty()) return name;
    return leg.codec.view();
}

void Quality::fill(LegStatistics& s) const {
    if (silences_) {
        s.silences = silences_->count;
        s.silent = silences_->silent;
        s.one_way = silences_->one_way;
    }
    s.is_silent = is_silent();
    s.recent_loss = recent_loss_;
    s.recent_mos = recent_mos_;
    s.worst_mos = worst_mos_;
    s.packets_per_second = packets_per_second_;
    s.drops_per_second = drops_per_second_;
}

}  // namespace sallyport::media
