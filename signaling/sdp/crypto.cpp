// SDES key lines, RFC 4568 9 and RFC 6188, 7714. Reads and writes; which suite is chosen and whether a key was seen
// before is for others to decide.
#include <algorithm>
#include <array>
#include <charconv>

#include "signaling/sdp/session_description.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

struct Suite {
    std::string_view name;
    std::size_t key_bytes;  // master key and salt
};
constexpr std::array suites{
    Suite{"AES_CM_128_HMAC_SHA1_80", 30}, Suite{"AES_CM_128_HMAC_SHA1_32", 30}, Suite{"F8_128_HMAC_SHA1_80", 30},
    Suite{"AES_192_CM_HMAC_SHA1_80", 38}, Suite{"AES_192_CM_HMAC_SHA1_32", 38}, Suite{"AES_256_CM_HMAC_SHA1_80", 46},
    Suite{"AES_256_CM_HMAC_SHA1_32", 46}, Suite{"AEAD_AES_128_GCM", 28},        Suite{"AEAD_AES_256_GCM", 44},
};

bool key_fits(std::string_view suite, std::size_t bytes) {
    for (const auto& s : suites)
        if (s.name == suite) return bytes == s.key_bytes;
    return bytes != 0;  // a suite we do not know is judged by whoever does
}

// "2^20" or the number of packets itself, RFC 4568 6.1; nothing if it is no lifetime, or longer than any suite's.
std::optional<std::uint64_t> read_lifetime(std::string_view text) {
    constexpr unsigned longest = 48;
    if (text.starts_with("2^")) {
        const auto power = number(text.substr(2), longest);
        return power && *power != 0 ? std::optional(std::uint64_t{1} << *power) : std::nullopt;
    }
    std::uint64_t packets = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), packets);
    const bool whole = error == std::errc() && end == text.data() + text.size() && !text.starts_with('0');
    return whole && packets <= std::uint64_t{1} << longest ? std::optional(packets) : std::nullopt;
}

// "value:length", RFC 4568 6.1: a decimal number that packets have in so many octets; nothing if it has no room there.
std::optional<Bytes> read_mki(std::string_view text) {
    constexpr std::size_t longest = 309;  // 128 octets in digits; zeros in front would be read for as long as a line is
    const std::size_t colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos || colon > longest) return std::nullopt;
    const auto length = number(text.substr(colon + 1), 128);
    if (!length || *length == 0) return std::nullopt;
    Bytes octets(*length);
    for (const char digit : text.substr(0, colon)) {
        if (digit < '0' || digit > '9') return std::nullopt;
        unsigned carried = static_cast<unsigned>(digit - '0');
        for (auto octet = octets.rbegin(); octet != octets.rend(); ++octet) {
            carried += *octet * 10u;
            *octet = static_cast<std::uint8_t>(carried);
            carried >>= 8;
        }
        if (carried != 0) return std::nullopt;
    }
    return octets;
}

// "inline:<key||salt>[|lifetime][|mki:length]". Of several keys, which its sender changes as it likes (RFC 4568 6.1),
// one would leave the rest of a call noise: such a line is none that can be used.
bool read_key(std::string_view text, CryptoLine& out) {
    constexpr std::string_view method = "inline:";
    if (text.find(';') != std::string_view::npos || !same_name(text.substr(0, method.size()), method)) return false;
    text.remove_prefix(method.size());
    const std::size_t bar = std::min(text.find('|'), text.size());
    auto key = from_base64(text.substr(0, bar));  // wrong padding is met in practice and changes no bit of the key
    if (!key || !key_fits(out.suite, key->size())) return false;
    out.key = std::move(*key);
    for (text.remove_prefix(bar); !text.empty();) {
        text.remove_prefix(1);
        const std::string_view part = text.substr(0, text.find('|'));
        text.remove_prefix(part.size());
        if (out.lifetime.empty() && out.mki.empty() && read_lifetime(part))
            out.lifetime = part;
        else if (out.mki.empty() && read_mki(part))
            out.mki = part;
        else
            return false;
    }
    return true;
}

}  // namespace

std::optional<CryptoLine> parse_crypto(std::string_view attribute_value) {
    const auto w = words(attribute_value);
    if (w.size() < 3) return std::nullopt;
    CryptoLine out;
    const auto tag = number(w[0], 999'999'999);
    if (!tag || *tag == 0 || !is_token(w[1])) return std::nullopt;
    out.tag = *tag;
    out.suite = w[1];
    if (!read_key(w[2], out)) return std::nullopt;
    out.session_parameters.assign(w.begin() + 3, w.end());
    return out;
}

std::uint64_t lifetime_of(const CryptoLine& line) { return read_lifetime(line.lifetime).value_or(0); }

Bytes mki_of(const CryptoLine& line) { return read_mki(line.mki).value_or(Bytes{}); }

std::string write_crypto(const CryptoLine& line) {
    std::string out = std::to_string(line.tag);
    out.append(1, ' ').append(line.suite).append(" inline:").append(to_base64(line.key));
    if (!line.lifetime.empty()) out.append(1, '|').append(line.lifetime);
    if (!line.mki.empty()) out.append(1, '|').append(line.mki);
    for (const auto& parameter : line.session_parameters) out.append(1, ' ').append(parameter);
    return out;
}

}  // namespace sallyport::sdp
