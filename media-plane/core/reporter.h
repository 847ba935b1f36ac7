// What one leg remembers for the reports that its peer has from us, RFC 3550 6.2 to 6.4. To its peer a leg is one
// endpoint: the SSRC of what is relayed to it is ours there, and what the other side reports is our report. While it
// may still report we say under an SSRC of our own how well the peer is received; only where it is silent for good do
// we speak for the stream. Two authors of one SSRC's reports would have two names, and counts that go back.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "control/base/bytes.h"
#include "control/base/time.h"

namespace sallyport::media {

struct Reporter {
    // Reports to addresses that nothing ever came from: what victims named in one side's SDP have to bear, 1 kB.
    static constexpr std::uint8_t most_unheard = 10;
    // RFC 3550 6.2, A.7: every 5 s, by half less or more, and by e - 3/2; so the longest wait of a peer that reports is
    // 6.2 s, and after this one the peer has a word from us.
    static constexpr Duration patience = std::chrono::seconds{7};
    // Who has said nothing for this long does not report. It is at least twice the longest wait, and four times what
    // was seen of the other side, whose interval may be longer: RFC 3550 scales it with the bandwidth.
    static constexpr Duration silence = std::chrono::seconds{15};
    static constexpr Duration longest_interval = std::chrono::seconds{60};  // of the other side that is reckoned with

    TimePoint due{};         // when we are to report; the epoch: never
    TimePoint relayed_at{};  // the other side's last report, or when it could first have made one
    using Milliseconds = std::chrono::duration<std::uint32_t, std::milli>;
    Milliseconds interval{};  // between the other side's reports, as lately seen; zero: it has made none, or one
    std::uint32_t own_ssrc = 0;
    std::optional<std::uint32_t> last_ssrc;                        // that we have reported as
    std::uint64_t packets_before_ssrc = 0, bytes_before_ssrc = 0;  // relayed that are not of this SSRC
    std::uint64_t extra_header_bytes = 0;               // CSRC lists and extensions of all packets of this SSRC
    std::array<std::uint64_t, 2> packets_at_reports{};  // of this SSRC at our last report, and at the one before
    std::array<std::uint32_t, 2> own_times{};           // of our last two sender reports; 0: none

    struct Heard {  // the peer's last sender report
        std::uint32_t ssrc = 0, time = 0;
        TimePoint at{};  // the epoch: there was none
        bool known() const { return at != TimePoint{}; }
    };
    Heard heard;
    // To the peer and back, as its last report block told: by an answer to a sender report of ours, or to the last one
    // of the other side that was relayed to it. RFC 3550 6.4.1 without the part of the way that is not ours.
    std::optional<Duration> round_trip() const {
        return round_trip_us == 0 ? std::nullopt : std::optional<Duration>(std::chrono::microseconds{round_trip_us});
    }
    std::uint32_t round_trip_us = 0;  // 0: not known
    bool has_relayed = false;         // the other side has reported

    bool reported() const { return last_ssrc.has_value(); }
    // Reports are due from now on, the first one at `first`; before, nobody had a reason to make any.
    void begin(TimePoint now, TimePoint first);
    // The other side has had the time, and says nothing: the stream is ours to speak for.
    bool speaks_for_stream(TimePoint now) const {
        return now - relayed_at >= std::max<Duration>(silence, 4 * interval);
    }

    static constexpr Duration longest_round_trip = std::chrono::seconds{10};  // more is a clock gone wrong

    // The following take well-formed compounds, decrypted.
    // One that has arrived from the leg's peer; `relayed`: what it may answer, of the other side's peer.
    void on_received(ByteView compound, const Heard& relayed, TimePoint now);
    // The same on its way to the other side: what it says of a sender report of ours is taken out, because there it
    // would be taken for an answer to somebody else's, and a round trip of nonsense.
    void keep_own_times(ByteSpan compound) const;
    // One from the other side that goes to the peer; true if `ssrc`, of the RTP relayed to it, says BYE in it.
    bool on_relayed(ByteView compound, std::uint32_t ssrc, TimePoint now);

private:
    void take_round_trip(ByteView block, const Heard& relayed, TimePoint now);
};

}  // namespace sallyport::media
