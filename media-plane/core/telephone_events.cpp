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

bool is_before_or_at(std::uint32_t a, std::uint32_t b, std::uint32_t within) { return b - a <= within; }

}  // namespace

void TelephoneEvents::set_types(const std::vector<TelephoneEventType>& types) {
    type_count_ = static_cast<std::uint8_t>(std::min(types.size(), most_types));
    std::copy_n(types.begin(), type_count_, types_.begin());
}

std::uint32_t TelephoneEvents::take(ByteView packet, std::uint32_t clock_rate, TimePoint now) {
    const std::size_t header = rtp::header_bytes(packet);
    if (header > packet.size()) return 0;
    ByteView content = packet.subspan(header);
    if ((packet[0] & 0x20) != 0) {
        const std::size_t padding = packet.back();
        if (padding > content.size()) return 0;
        content = content.first(content.size() - padding);
    }
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
    timestamp_ = timestamp;
    code_ = block.code;
    before_ = 0;
    duration_ = block.duration;
    ++count_;
    if (block.ends) finish(true);
    return true;
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
