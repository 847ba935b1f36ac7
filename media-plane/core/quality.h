// What an operator asks of a stream as it arrives on a leg: does it come at all, how well in the last seconds, and what
// would a listener say of it (e_model.h). Looked at about once a second; packets never touch it. Reports nothing by
// itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "control/base/time.h"

namespace sallyport::media {

struct Leg;
struct LegStatistics;

class Quality {
public:
    static constexpr Duration interval = std::chrono::seconds{5};  // of loss and MOS
    // A stream that has not come for so long is silent. Looked at once a second, it is known within two.
    static constexpr Duration patience = std::chrono::milliseconds{800};
    // Who has sent comfort noise pauses; after so long without a word of it the way may be cut, or the peer gone.
    static constexpr Duration longest_pause = std::chrono::seconds{30};
    static constexpr Duration between_reports = std::chrono::seconds{10};  // doubled with each: some phones just pause
    static constexpr std::uint64_t least_packets = 25;                     // of an interval that is judged
    static constexpr Duration rate_interval = std::chrono::milliseconds{900};  // at least; of packets a second
    // What is not known of the way to a listener: his buffer for jitter, at least, and twice the jitter where that is
    // more; frames and the codec's look-ahead.
    static constexpr Duration least_buffer = std::chrono::milliseconds{40}, coding = std::chrono::milliseconds{20};

    struct Silence {  // to be reported
        bool begins = false, one_way = false;
        Duration lasted{};
    };
    // `due_since`: from when on its peer is to send; the epoch: it is not. `other_flows`: what comes from the other
    // side.
    std::optional<Silence> look(const Leg& leg, TimePoint due_since, bool other_flows, TimePoint now);

    bool is_silent() const { return silences_ && silences_->since != TimePoint{}; }
    void fill(LegStatistics& statistics) const;

    // Of all that has come so far; 0: too little, or no voice that can be judged.
    static double mos_of(const Leg& leg);
    // By the static payload type (RFC 3551 6) of what came last, or else as signaling says; may be empty.
    static std::string_view codec_of(const Leg& leg);

private:
    std::optional<Silence> look_for_silence(const Leg& leg, TimePoint due_since, bool other_flows, TimePoint now);
    void close_interval(const Leg& leg, TimePoint now);

    TimePoint looked_at_{}, interval_began_{};
    std::uint32_t packets_then_ = 0, drops_then_ = 0, expected_then_ = 0, lost_then_ = 0;  // modulo 2^32
    float packets_per_second_ = 0, drops_per_second_ = 0, recent_loss_ = 0, recent_mos_ = 0, worst_mos_ = 0;

    struct Silences {
        TimePoint since{};      // the epoch: it is not silent
        TimePoint accounted{};  // as far as the silence is in the sums
        TimePoint next_report{};
        std::uint32_t count = 0, reports = 0;
        bool reported = false;
        Duration silent{}, one_way{};
    };
    std::unique_ptr<Silences> silences_;  // once there was one
};

}  // namespace sallyport::media
