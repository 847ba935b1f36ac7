// SDES keys of a leg (RFC 4568): which suites are understood, which offered line is taken, how a key of ours is made.
// Lines with session parameters are not taken: the media plane could not honour them. Nor are those with several keys,
// nor those whose key lasts for less than 4,096 packets: it would be replaced every minute.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "control/base/random.h"
#include "signaling/sdp/session_description.h"

namespace sallyport::b2bua {

inline constexpr std::string_view default_suite = "AES_CM_128_HMAC_SHA1_80";  // SIPconnect 14.4: every offer has it

std::size_t key_and_salt_bytes(std::string_view suite);  // 0: not understood
sdp::CryptoLine make_key(std::uint32_t tag, std::string_view suite, RandomSource& random);
// The first usable line of an offer without an MKI, as SIPconnect 14.4 has it; else, if the media plane knows them, the
// first with one.
std::optional<sdp::CryptoLine> choose_offered_key(const std::vector<sdp::CryptoLine>& offered, bool takes_mki);
// The line of an answer, if it takes ours and does not repeat our key (RFC 4568 7.1.4).
std::optional<sdp::CryptoLine> accept_answered_key(const std::vector<sdp::CryptoLine>& answered,
                                                   const sdp::CryptoLine& ours, bool takes_mki);

}  // namespace sallyport::b2bua
