#include "signaling/b2bua/srtp_keys.h"

#include <array>
#include <string>
#include <utility>

namespace sallyport::b2bua {
namespace {

// Of a call: 80 s of speech, of which an eighth is left when another key is asked for.
constexpr std::uint64_t least_lifetime = 4'096;

bool usable(const sdp::CryptoLine& line, bool with_mki) {
    const std::size_t bytes = key_and_salt_bytes(line.suite);
    const bool lasts = line.lifetime.empty() || sdp::lifetime_of(line) >= least_lifetime;
    return bytes != 0 && line.key.size() == bytes && lasts && (line.mki.empty() || with_mki) &&
           line.session_parameters.empty();
}

}  // namespace

std::size_t key_and_salt_bytes(std::string_view suite) {
    constexpr std::array<std::pair<std::string_view, std::size_t>, 5> suites{{
        {"AES_CM_128_HMAC_SHA1_80", 30},
        {"AES_CM_128_HMAC_SHA1_32", 30},
        {"AES_256_CM_HMAC_SHA1_80", 46},
        {"AEAD_AES_128_GCM", 28},
        {"AEAD_AES_256_GCM", 44},
    }};
    for (const auto& [name, bytes] : suites)
        if (name == suite) return bytes;
    return 0;
}

sdp::CryptoLine make_key(std::uint32_t tag, std::string_view suite, RandomSource& random) {
    sdp::CryptoLine line;
    line.tag = tag;
    line.suite = suite;
    line.key.resize(key_and_salt_bytes(suite));
    random.fill(line.key);
    return line;
}

std::optional<sdp::CryptoLine> choose_offered_key(const std::vector<sdp::CryptoLine>& offered, bool takes_mki) {
    for (const bool with_mki : {false, true})
        for (const auto& line : offered)
            if (usable(line, with_mki) && (takes_mki || !with_mki)) return line;
    return std::nullopt;
}

std::optional<sdp::CryptoLine> accept_answered_key(const std::vector<sdp::CryptoLine>& answered,
                                                   const sdp::CryptoLine& ours, bool takes_mki) {
    for (const auto& line : answered)
        if (usable(line, takes_mki) && line.suite == ours.suite && line.key != ours.key) return line;
    return std::nullopt;
}

}  // namespace sallyport::b2bua
