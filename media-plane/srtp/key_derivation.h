// From a master key to the keys of a session: RFC 3711 4.3, without re-derivation (a rate of zero), as SDES has it.
#pragma once

#include <cstdint>

#include "media-plane/srtp/key_material.h"

namespace sallyport::srtp {

enum class KeyLabel : std::uint8_t {  // RFC 3711 4.3.1, 4.3.2
    rtp_encryption,
    rtp_authentication,
    rtp_salt,
    rtcp_encryption,
    rtcp_authentication,
    rtcp_salt
};
inline constexpr std::size_t authentication_key_bytes = 20;  // RFC 3711 5.2
inline constexpr std::size_t longest_key_bytes = 32, longest_salt_bytes = 14;

constexpr bool is_aead(Suite suite) { return suite == Suite::aead_aes_128_gcm || suite == Suite::aead_aes_256_gcm; }

// As many octets as `out` has room for; at most 64 kB.
void derive(const KeyMaterial& key, KeyLabel label, ByteSpan out);

}  // namespace sallyport::srtp
