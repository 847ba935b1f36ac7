#include "media-plane/core/reception.h"

#include <algorithm>

namespace sallyport::media {

void Reception::start(std::uint32_t ssrc, std::uint16_t sequence) {
    if (started_) {
        lost_before_ += lost_of_this_ssrc();
        expected_before_ += expected_of_this_ssrc();
    }
    started_ = true;
    ssrc_ = ssrc;
    highest_ = base_ = sequence;
    cycles_ = received_ = 0;
    expected_prior_ = received_prior_ = 0;
    after_jump_ = 65'537;
    has_transit_ = has_repeat_ = false;  // another source has another clock; the jitter estimate goes on
}

bool Reception::jump(std::uint16_t sequence) {
    if (sequence != after_jump_) {
        after_jump_ = static_cast<std::uint16_t>(sequence + 1);
        return false;
    }
    // Two in a row: the other side restarted without telling. Of the two, the first was not counted.
    start(ssrc_, static_cast<std::uint16_t>(sequence - 1));
    highest_ = sequence;
    ++received_;
    if (sequence == 0) cycles_ = 65'536;
    return true;
}

std::uint64_t Reception::lost_of_this_ssrc() const {
    const std::uint64_t expected = expected_of_this_ssrc();
    return expected > received_ ? expected - received_ : 0;
}

std::optional<ReceptionReport> Reception::take_report() {  // RFC 3550 A.3
    if (!started_ || static_cast<std::uint32_t>(received_) == received_prior_) return std::nullopt;
    constexpr std::int64_t most_lost = 0x7f'ffff, least_lost = -0x80'0000;
    const std::uint64_t expected = expected_of_this_ssrc();
    const auto expected_now = static_cast<std::uint32_t>(expected) - expected_prior_;
    const auto received_now = static_cast<std::uint32_t>(received_) - received_prior_;
    ReceptionReport r;
    r.ssrc = ssrc_;
    if (expected_now > received_now)
        r.fraction_lost = static_cast<std::uint8_t>((std::uint64_t{expected_now - received_now} << 8) / expected_now);
    r.lost =
        static_cast<std::int32_t>(std::clamp(static_cast<std::int64_t>(expected - received_), least_lost, most_lost));
    r.highest_sequence = static_cast<std::uint32_t>(cycles_ + highest_);
    r.jitter = static_cast<std::uint32_t>(jitter_ >> 4);
    expected_prior_ = static_cast<std::uint32_t>(expected);
    received_prior_ = static_cast<std::uint32_t>(received_);
    return r;
}

std::uint64_t Reception::expected() const { return expected_before_ + (started_ ? expected_of_this_ssrc() : 0); }
std::uint64_t Reception::lost() const { return lost_before_ + (started_ ? lost_of_this_ssrc() : 0); }

}  // namespace sallyport::media
