// What one leg remembers for the reports that its peer has from us, RFC 3550 6.2 to 6.4. To its peer a leg is one
// endpoint: the SSRC of what is relayed to it is ours there, and what the other side reports is our report. Only where
// the other side says nothing do we speak, under that SSRC, or before there is any under one of our own.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "control/base/bytes.h"
#include "control/base/time.h"

namespace sallyport::media {

struct Reporter {
    // Reports in a row to an address that nothing ever came from: what a victim named in SDP has to bear, 1 kB.
    static constexpr std::uint8_t most_unheard = 10;
    // RFC 3550 6.2, A.7: every 5 s, by half less or more, and by e - 3/2; so the longest wait of a peer that reports is
    // 6.2 s, and who has said nothing for this long does not.
    static constexpr Duration patience = std::chrono::seconds{7};

    TimePoint due{};           // when we are to report; the epoch: never
    std::uint8_t unheard = 0;  // in a row, to a host that nothing ever came from
    std::uint32_t own_ssrc = 0;
    std::optional<std::uint32_t> last_ssrc;  // that we have reported as
    // The other side's BYE was relayed when so many RTP packets had been: until there are more, nobody sends.
    std::optional<std::uint64_t> left_after;
    std::uint64_t packets_before_ssrc = 0, bytes_before_ssrc = 0;  // relayed under the SSRCs before this one
    std::uint64_t extra_header_bytes = 0;               // CSRC lists and extensions of all packets of this SSRC
    std::array<std::uint64_t, 2> packets_at_reports{};  // relayed at our last report, and at the one before
    std::array<std::uint32_t, 2> own_times{};           // of our last two sender reports; 0: none

    struct Heard {  // the peer's last sender report
        std::uint32_t ssrc = 0, time = 0;
        TimePoint at{};
    };
    std::optional<Heard> heard;

    bool reported() const { return last_ssrc.has_value(); }

    // The following take well-formed compounds, decrypted.
    // One that has arrived from the leg's peer.
    void on_received(ByteView compound, TimePoint now);
    // The same on its way to the other side: what it says of a sender report of ours is taken out, because there it
    // would be taken for an answer to somebody else's, and a round trip of nonsense.
    void keep_own_times(ByteSpan compound) const;
    // One from the other side that goes to the peer; `ssrc` and `packets`: of the RTP relayed to it so far.
    void on_relayed(ByteView compound, std::uint32_t ssrc, std::uint64_t packets, TimePoint now);
};

}  // namespace sallyport::media
