// The master key identifier of SRTP packets, RFC 3711 3.1 and 3.4, RFC 7714 8 and 9: where it is, whatever the engine.
// It is not authenticated. We send none: SIPconnect 14.4 has a line of ours without.
#pragma once

#include <algorithm>

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/key_derivation.h"

namespace sallyport::srtp {

namespace limits {
inline constexpr std::size_t mki_bytes = 128;  // RFC 4568 6.1
}

// Takes it out of a packet that is to be unprotected. False: it is not there, and nothing is changed.
inline bool take_mki(Job& job, ByteView mki) {
    const Suite suite = job.context->key().suite();
    // The tag of AEAD is the end of the ciphertext, which the MKI follows.
    const std::size_t tag = is_aead(suite) ? 0 : job.rtcp ? facts(suite).rtcp_tag_bytes : facts(suite).rtp_tag_bytes;
    if (job.length < mki.size() + tag) return false;
    std::uint8_t* place = job.data + job.length - tag - mki.size();
    if (!std::equal(mki.begin(), mki.end(), place)) return false;
    std::copy_n(place + mki.size(), tag, place);
    job.length = static_cast<std::uint16_t>(job.length - mki.size());
    return true;
}

}  // namespace sallyport::srtp
