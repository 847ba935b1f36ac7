// The SRTP protection profiles that SDES can name. RFC 3711, 4568, 6188, 7714.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport::srtp {

enum class Suite : std::uint8_t {
    none,
    aes_cm_128_hmac_sha1_80,
    aes_cm_128_hmac_sha1_32,
    aead_aes_128_gcm,
    aead_aes_256_gcm,
    aes_256_cm_hmac_sha1_80,
};

struct SuiteFacts {
    std::string_view sdes_name;
    std::size_t key_bytes, salt_bytes;
    std::size_t rtp_tag_bytes, rtcp_tag_bytes;  // RFC 4568 6.2: the 32-bit suite still has an 80-bit SRTCP tag
};
inline constexpr std::array<SuiteFacts, 6> suite_facts{{
    {"", 0, 0, 0, 0},
    {"AES_CM_128_HMAC_SHA1_80", 16, 14, 10, 10},
    {"AES_CM_128_HMAC_SHA1_32", 16, 14, 4, 10},
    {"AEAD_AES_128_GCM", 16, 12, 16, 16},
    {"AEAD_AES_256_GCM", 32, 12, 16, 16},
    {"AES_256_CM_HMAC_SHA1_80", 32, 14, 10, 10},
}};
constexpr const SuiteFacts& facts(Suite s) { return suite_facts[static_cast<std::size_t>(s)]; }
constexpr std::optional<Suite> suite_by_name(std::string_view sdes_name) {
    for (std::size_t i = 1; i < suite_facts.size(); ++i)
        if (suite_facts[i].sdes_name == sdes_name) return static_cast<Suite>(i);
    return std::nullopt;
}

}  // namespace sallyport::srtp
