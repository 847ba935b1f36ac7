#include "media-plane/core/telephone_events.h"

#include <algorithm>
#include <utility>

#include "media-plane/core/rtp.h"

namespace sallyport::media {
namespace {

constexpr std::size_t block_bytes = 4;
constexpr std::uint8_t end_bit = 0x80;
constexpr std::uint32_t late_seconds = 10;  // a packet that is older belongs to a clock that was set anew
constexpr std::size_t most_blocks = 8;      // that follow each other in one packet; nobody sends more than two

// What is between the header and the padding; nothing if those do not fit.
ByteView content_of(ByteView packet) {
    const std::size_t header = rtp::header_bytes(packet);
    if (header > packet.size()) return {};
    const ByteView content = packet.subspan(header);
    const std::size_t padding = (packet[0] & 0x20) != 0 ? packet.back() : 0;
    return padding <= content.size() ? content.first(content.size() - padding) : ByteView{};
}

bool is_before_or_at(std::uint32_t a, std::uint32_t b, std::uint32_t within) { return b - a <= within; }

}  // namespace

void TelephoneEvents::set_types(const std::vector<TelephoneEventType>& types) {
    type_count_ = static_cast<std::uint8_t>(std::min(types.size(), most_types));
    types_ = std::make_unique<TelephoneEventType[]>(type_count_);
    std::copy_n(types.begin(), type_count_, types_.get());
}

std::uint32_t TelephoneEvents::take(ByteView packet, std::uint32_t clock_rate, TimePoint now) {
    ByteView content = content_of(packet);
    const bool marker = (packet[1] & 0x80) != 0;
    std::uint32_t timestamp = rtp::timestamp(packet.data()), begun = 0;
    clock_rate_ = clock_rate;
    heard_ = now;
    for (std::size_t i = 0; i < most_blocks && content.size() >= block_bytes;
         ++i, content = content.subspan(block_bytes)) {
        const Block block{content[0], (content[1] & end_bit) != 0, load_be16(content.data() + 2)};
        if (take(rtp::ssrc(packet.data()), timestamp, marker && i == 0, block)) ++begun;
        timestamp += block.duration;  // RFC 4733 2.5.1.5: the next one follows without a pause
    }
    return begun;
}

// Belongs to the last event, or to one before it.
bool TelephoneEvents::is_late(std::uint32_t ssrc, std::uint32_t timestamp, bool marker, const Block& block) const {
    if (!any_ || ssrc != ssrc_) return false;
    if (is_before_or_at(timestamp, timestamp_, late_seconds * clock_rate_)) return true;
    // Some senders move the timestamp with every packet, and repeat the end so.
    return block.ends && !marker && !open_ && block.code == code_ && timestamp - timestamp_ <= before_ + duration_;
}

bool TelephoneEvents::take(std::uint32_t ssrc, std::uint32_t timestamp, bool marker, const Block& block) {
    const bool same = any_ && open_ && ssrc == ssrc_ && block.code == code_;
    if (same && timestamp == timestamp_) {
        duration_ = std::max(duration_, block.duration);
        if (block.ends) finish(true);
        return false;
    }
    // RFC 4733 2.5.1.3: what lasts longer than a packet can tell goes on under a timestamp of its own, without a mark.
    if (same && !marker && timestamp - timestamp_ <= duration_) {
        before_ += timestamp - timestamp_;
        timestamp_ = timestamp;
        duration_ = block.duration;
        if (block.ends) finish(true);
        return false;
    }
    if (is_late(ssrc, timestamp, marker, block)) return false;
    if (open_) finish(false);  // all that said how it ended are lost
    any_ = open_ = true;
    ssrc_ = ssrc;
    timestamp_ = begun_ = timestamp;
    code_ = block.code;
    before_ = 0;
    duration_ = block.duration;
    ++count_;
    if (block.ends) finish(true);
    return true;
}

void TelephoneEvents::convert(ByteSpan packet, const TelephoneEventType& type) const {
    constexpr std::uint64_t longest = 0xffff;  // units that a packet can tell
    const ByteView content = content_of(packet);
    const std::size_t blocks = std::min(content.size() / block_bytes, most_blocks);
    const auto at = packet.begin() + (content.data() - packet.data());
    const auto converted = [&](std::uint64_t units) {
        return (units * type.sent_clock_rate + type.clock_rate / 2) / type.clock_rate;
    };
    if (blocks == 1) {
        const std::uint32_t timestamp = rtp::timestamp(packet.data());
        const bool current = any_ && rtp::ssrc(packet.data()) == ssrc_ && timestamp == timestamp_ && at[0] == code_;
        const std::uint64_t units = converted((current ? before_ : 0) + std::uint64_t{load_be16(&at[2])});
        const std::uint64_t told_before = units > 0 ? (units - 1) / longest * longest : 0;
        store_be32(packet.data() + 4, static_cast<std::uint32_t>((current ? begun_ : timestamp) + told_before));
        store_be16(&at[2], static_cast<std::uint16_t>(units - told_before));
        return;
    }
    for (std::size_t i = 0; i < blocks; ++i) {
        std::uint8_t* duration = &at[static_cast<std::ptrdiff_t>(i * block_bytes + 2)];
        store_be16(duration, static_cast<std::uint16_t>(std::min(longest, converted(load_be16(duration)))));
    }
}

void TelephoneEvents::finish(bool ended) {
    open_ = false;
    ++finished_;
    const std::uint64_t units = std::uint64_t{before_} + duration_;
    last_finished_ = {code_, std::chrono::nanoseconds{units * 1'000'000'000 / std::max(clock_rate_, 1u)}, ended};
}

std::optional<TelephoneEvents::Report> TelephoneEvents::report(TimePoint now) {
    if (open_ && now - heard_ >= patience) finish(false);
    if (finished_ == 0 || now < next_report_) return std::nullopt;
    next_report_ = now + between_reports;
    return Report{last_finished_, std::exchange(finished_, 0)};
}

}  // namespace sallyport::media
