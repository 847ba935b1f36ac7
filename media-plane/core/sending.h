// Whether a leg's peer is sent what the other side sends it: RTP that arrives well and is dropped on its way out shows
// on no account of what arrives. Looked at about once a second; a packet that leaves never touches it. Reports nothing
// by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "control/base/time.h"
#include "media-plane/core/drop.h"

namespace sallyport::media {

class Sending {
public:
    static constexpr Duration patience = std::chrono::seconds{2};
    // Who drops all but so small a part of what is to be sent does not send: a packet may be under way to a next hop.
    static constexpr std::uint32_t all_but = 10;

    struct Change {  // to be reported
        bool stopped = false;
        Drop why = Drop::none;      // of the last one dropped
        std::uint32_t packets = 0;  // dropped meanwhile
        Duration lasted{};
    };
    // A packet of RTP was to leave, and has not.
    void fail(Drop why) {
        ++failed_;
        why_ = why;
    }
    // `sent`: so far.
    std::optional<Change> look(std::uint64_t sent, TimePoint now) {
        const auto sent_now = static_cast<std::uint32_t>(sent);
        const std::uint32_t left = sent_now - std::exchange(sent_then_, sent_now);
        const std::uint32_t kept = failed_ - std::exchange(failed_then_, failed_);
        const TimePoint before = last_look(now);
        if (left < 1u << 31 && left > kept / all_but) {  // packets held back for a next hop may be taken back
            const Duration lasted = before - since_;
            since_ = TimePoint{};
            if (std::exchange(reported_, false)) return Change{false, Drop::none, 0, lasted};
            return std::nullopt;
        }
        if (kept == 0) {  // nothing is to be sent
            if (!reported_) since_ = TimePoint{};
            return std::nullopt;
        }
        if (since_ == TimePoint{}) {
            since_ = before;
            failed_before_ = failed_ - kept;
        }
        if (reported_ || now - since_ < patience) return std::nullopt;
        reported_ = true;
        return Change{true, why_, failed_ - failed_before_, now - since_};
    }

private:
    // When it was called before; the first time, now.
    TimePoint last_look(TimePoint now) {
        const auto ms = static_cast<std::uint32_t>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
        const std::uint32_t then = std::exchange(looked_at_, ms);
        return then == 0 ? now : now - std::chrono::milliseconds{ms - then};
    }

    std::uint32_t failed_ = 0, failed_then_ = 0, failed_before_ = 0, sent_then_ = 0;  // modulo 2^32
    std::uint32_t looked_at_ = 0;  // milliseconds, modulo 2^32: a look is a second behind the one before
    Drop why_ = Drop::none;
    bool reported_ = false;
    TimePoint since_{};
};

}  // namespace sallyport::media
