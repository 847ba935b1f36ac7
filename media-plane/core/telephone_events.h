// What the telephone-event packets of one stream say, RFC 4733: a digit is one event, however many packets tell of it.
// The first one begins it, updates add to its length, and the first that says so ends it; the two repeats of that, and
// whatever the network brings late, are nothing new. Judges no policy, keeps no list of what was dialled.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "control/base/bytes.h"
#include "control/base/time.h"
#include "media-plane/core/commands.h"

namespace sallyport::media {

class TelephoneEvents {
public:
    static constexpr std::size_t most_types = 8;
    // Updates come every 50 ms or less (RFC 4733 2.5.1.2). After so long without one the end will not come any more.
    static constexpr Duration patience = std::chrono::milliseconds{300};
    // A person dials a digit in 80 ms at best. A sender that is faster has the others counted with the last one.
    static constexpr Duration between_reports = std::chrono::milliseconds{50};

    void set_types(const std::vector<TelephoneEventType>& types);
    bool any_types() const { return type_count_ > 0; }
    // Null: it is another one.
    const TelephoneEventType* type(std::uint8_t payload_type) const {
        for (std::size_t i = 0; i < type_count_; ++i)
            if (types_[i].payload_type == payload_type) return &types_[i];
        return nullptr;
    }

    // A packet of such a type, with its header. How many events have begun by it.
    std::uint32_t take(ByteView packet, std::uint32_t clock_rate, TimePoint now);
    // Its durations are of the clock that the other side has for events, from now on. What becomes longer than a packet
    // can tell goes on under a timestamp of its own; what does not need one any more has that of its beginning (RFC
    // 4733 2.5.1.3). Timestamps else stay: they are of the stream. After take() of the same packet.
    void convert(ByteSpan packet, const TelephoneEventType& type) const;
    std::uint64_t count() const { return count_; }  // begun, since the beginning
    // One of them is under way, or is over and not reported.
    bool has_news() const { return open_ || finished_ > 0; }
    struct Report {
        TelephoneEvent last;
        std::uint64_t count = 0;  // that are over since the report before
    };
    std::optional<Report> report(TimePoint now);

private:
    struct Block {  // RFC 4733 2.3
        std::uint8_t code;
        bool ends;
        std::uint16_t duration;
    };
    bool take(std::uint32_t ssrc, std::uint32_t timestamp, bool marker, const Block& block);
    bool is_late(std::uint32_t ssrc, std::uint32_t timestamp, bool marker, const Block& block) const;
    void finish(bool ended);

    std::unique_ptr<TelephoneEventType[]> types_;  // one or two, in tens of thousands of legs
    std::uint8_t type_count_ = 0;
    // The one under way, or the last.
    std::uint8_t code_ = 0;
    bool open_ = false, any_ = false;
    std::uint32_t ssrc_ = 0, timestamp_ = 0, clock_rate_ = 0;
    std::uint32_t begun_ = 0;     // its first timestamp
    std::uint32_t before_ = 0;    // units of its earlier segments: one packet tells of 65,535 at most
    std::uint16_t duration_ = 0;  // units of this one
    TimePoint heard_{};
    std::uint32_t finished_ = 0;
    TelephoneEvent last_finished_;
    TimePoint next_report_{};
    std::uint64_t count_ = 0;
};

}  // namespace sallyport::media
