// The sequence numbers of RTP that is sent under a key of ours. They are our own, not those of the stream's source: one
// of a source that jumps, or begins again, or was held back for long, would be taken for a packet of another round of
// the rollover counter (RFC 3711 3.3.1), by us and by the receiver. Ours go on without a break; what is lost on the
// way to us stays to be seen. One SSRC at a time is kept, the one that is being sent: where another one has got to,
// its key's use says.
#pragma once

#include <cstdint>

#include "control/base/bytes.h"
#include "media-plane/core/reception.h"
#include "media-plane/srtp/crypto_context.h"

namespace sallyport::media {

class Numbering {
public:
    // Of the packet of that source which is sent next, under `context`.
    std::uint16_t next(std::uint32_t ssrc, std::uint16_t heard, const srtp::CryptoContext& context) {
        if (!begun_ || ssrc != ssrc_) [[unlikely]]
            return begin(ssrc, heard, context);
        const auto ahead = static_cast<std::uint16_t>(heard - heard_);
        if (is_late(ahead) && !broken_) return static_cast<std::uint16_t>(sent_ + ahead);  // below the highest
        // What is further ahead was not lost on the way, and further back its source began anew: RFC 3550 A.1.
        const bool in_order = ahead < Arrivals::max_dropout && !broken_;
        heard_ = heard;
        sent_ = static_cast<std::uint16_t>(sent_ + (in_order ? ahead : 1));
        broken_ = false;
        return sent_;
    }
    // A packet was kept back on purpose: what follows it goes on from what went before.
    void hold() { broken_ = true; }

    // Report blocks of the peer, who has heard our numbers, say to the other side what its own were; `source`: as it
    // arrives here. RFC 3550 6.4.1; the compound is well formed.
    void give_back(ByteSpan compound, const Arrivals& source) const;

private:
    static bool is_late(std::uint16_t ahead) { return ahead == 0 || ahead > 65'536 - Arrivals::max_misorder; }
    std::uint16_t begin(std::uint32_t ssrc, std::uint16_t heard, const srtp::CryptoContext& context);

    std::uint32_t ssrc_ = 0;
    std::uint16_t heard_ = 0, sent_ = 0;  // the highest number of the source, and ours of the same packet
    bool begun_ = false, broken_ = false;
};

}  // namespace sallyport::media
