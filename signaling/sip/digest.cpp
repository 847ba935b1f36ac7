// Digest arithmetic on OpenSSL's EVP: RFC 7616 3.4, RFC 8760, RFC 2617 3.2.2.
#include "signaling/sip/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "control/base/check.h"
#include "signaling/sip/auth_params.h"

namespace sallyport::sip {
namespace {

// Fetched once: EVP_md5() and EVP_sha256() are looked up by name at every use. Never freed, the process has them.
const EVP_MD* engine(DigestAlgorithm algorithm) {
    static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
    static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    const EVP_MD* found = algorithm == DigestAlgorithm::md5 ? md5 : sha256;
    SALLYPORT_CHECK(found != nullptr);
    return found;
}

struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::size_t hex_digits(DigestAlgorithm algorithm) { return algorithm == DigestAlgorithm::md5 ? 32 : 64; }

// Joined by colons, as every input of a digest is.
std::string hash_joined(DigestAlgorithm algorithm, std::initializer_list<std::string_view> parts) {
    std::string data;
    std::size_t size = 0;
    for (const auto part : parts) size += part.size() + 1;
    data.reserve(size);
    for (const auto part : parts) data.append(part).push_back(':');
    data.pop_back();
    return digest_hash(algorithm, data);
}

enum Known : std::size_t { username, realm, nonce, uri, response, algorithm, qop, nc, cnonce, opaque, known_count };
constexpr std::array<std::string_view, known_count> names{"username",  "realm", "nonce", "uri",    "response",
                                                          "algorithm", "qop",   "nc",    "cnonce", "opaque"};

// What the parameters say, where they stand.
struct Given {
    std::array<std::optional<ParameterView>, known_count> values;

    bool has(Known name) const { return values[name].has_value(); }
    std::string text(Known name) const {
        const auto& found = values[name];
        if (!found) return {};
        return found->quoted ? scan::unquoted(found->value) : std::string(found->value);
    }
};

std::optional<DigestErrc> read_given(std::string_view auth_params, Given& out) {
    ParameterNames seen;
    bool twice = false;
    const auto error = each_auth_param(auth_params, [&](const ParameterView& one) -> std::optional<FieldErrc> {
        const auto repeated = seen.add(one.name);
        if (repeated == FieldErrc::out_of_range) return repeated;
        twice = twice || repeated;
        for (std::size_t i = 0; i < known_count; ++i)
            if (names[i].size() == one.name.size() && equal_ignoring_case(names[i], one.name)) out.values[i] = one;
        return std::nullopt;
    });
    if (error) return DigestErrc::not_digest;
    // The first one found is not the one meant: then nobody knows which was checked.
    return twice ? std::optional(DigestErrc::duplicate_parameter) : std::nullopt;
}

std::optional<DigestErrc> read_algorithm(const Given& given, DigestAnswer& out) {
    if (!given.has(algorithm)) return std::nullopt;  // RFC 7616 3.4: absent means MD5
    const std::string text = given.text(algorithm);
    if (equal_ignoring_case(text, "SHA-256"))
        out.algorithm = DigestAlgorithm::sha256;
    else if (!equal_ignoring_case(text, "MD5"))
        return DigestErrc::unknown_algorithm;
    return std::nullopt;
}

std::optional<DigestErrc> read_qop(const Given& given, DigestAnswer& out) {
    out.has_qop = given.has(qop);
    if (!out.has_qop) return std::nullopt;  // RFC 2069: cnonce and nc count for nothing
    if (!equal_ignoring_case(given.text(qop), "auth")) return DigestErrc::unknown_qop;
    if (!given.has(nc) || !given.has(cnonce)) return DigestErrc::missing_parameter;
    out.cnonce = given.text(cnonce);
    if (out.cnonce.empty()) return DigestErrc::missing_parameter;
    out.nc_text = given.text(nc);
    if (out.nc_text.size() != 8 || !scan::all(out.nc_text, scan::hex)) return DigestErrc::bad_nc;
    std::uint32_t count = 0;
    for (const char c : out.nc_text) count = count << 4 | static_cast<std::uint32_t>(scan::hex_digit(c));
    out.nc = count;
    return std::nullopt;
}

}  // namespace

std::string_view to_string(DigestAlgorithm a) { return a == DigestAlgorithm::md5 ? "MD5" : "SHA-256"; }

std::string digest_hash(DigestAlgorithm algorithm, std::string_view data) {
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeDigest> context(EVP_MD_CTX_new());
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> raw;
    unsigned size = 0;
    SALLYPORT_CHECK(EVP_DigestInit_ex2(context.get(), engine(algorithm), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), data.data(), data.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), raw.data(), &size) == 1);
    return to_hex(ByteView(raw).first(size));
}

std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password) {
    return hash_joined(algorithm, {username, realm, password});
}

std::string hmac_sha256(std::string_view key, std::string_view data) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> raw;
    std::size_t size = 0;
    constexpr std::uint8_t empty = 0;  // a null pointer would mean the key of before
    const std::uint8_t* bytes = key.empty() ? &empty : as_bytes(key).data();
    SALLYPORT_CHECK(EVP_Q_mac(nullptr, "HMAC", nullptr, "SHA256", nullptr, bytes, key.size(), as_bytes(data).data(),
                              data.size(), raw.data(), raw.size(), &size) != nullptr);
    return to_hex(ByteView(raw).first(size));
}

namespace {

SipHash::Key derived_key(std::string_view secret, std::string_view purpose) {
    SipHash::Key key{};
    const auto derived = *from_hex(hmac_sha256(secret, purpose));
    std::copy_n(derived.begin(), key.size(), key.begin());
    return key;
}

}  // namespace

SipHash128::SipHash128(std::string_view secret, std::string_view purpose) : hash_(derived_key(secret, purpose)) {}

std::string SipHash128::operator()(std::initializer_list<std::string_view> parts) const {
    const SipHash::Wide hash = hash_.wide(parts);
    std::array<std::uint8_t, 16> raw;
    std::memcpy(raw.data(), &hash.low, 8);
    std::memcpy(raw.data() + 8, &hash.high, 8);
    return to_hex(raw);
}

std::string_view to_string(DigestErrc e) {
    switch (e) {
        case DigestErrc::not_digest: return "not_digest";
        case DigestErrc::missing_parameter: return "missing_parameter";
        case DigestErrc::duplicate_parameter: return "duplicate_parameter";
        case DigestErrc::unknown_algorithm: return "unknown_algorithm";
        case DigestErrc::unknown_qop: return "unknown_qop";
        case DigestErrc::bad_nc: return "bad_nc";
        case DigestErrc::bad_response: return "bad_response";
    }
    return "unknown";
}

Result<DigestAnswer, DigestErrc> parse_digest_answer(std::string_view header_value) {
    const auto parts = split_credentials(header_value);
    if (!parts || !equal_ignoring_case(parts->scheme, "Digest")) return DigestErrc::not_digest;
    Given given;
    DigestAnswer out;
    if (const auto error = read_given(parts->auth_params, given)) return *error;
    if (const auto error = read_algorithm(given, out)) return *error;
    for (const auto name : {username, realm, nonce, uri, response})
        if (!given.has(name)) return DigestErrc::missing_parameter;
    if (const auto error = read_qop(given, out)) return *error;
    out.response = given.text(response);
    if (out.response.size() != hex_digits(out.algorithm) || !scan::all(out.response, scan::hex))
        return DigestErrc::bad_response;
    for (char& c : out.response) c = scan::lower(c);
    out.username = given.text(username);
    out.realm = given.text(realm);
    out.nonce = given.text(nonce);
    out.uri = given.text(uri);
    out.opaque = given.text(opaque);
    if (out.username.empty() || out.nonce.empty() || out.uri.empty()) return DigestErrc::missing_parameter;
    return out;
}

std::optional<std::string_view> auth_parameter(std::string_view header_value, std::string_view name) {
    const auto parts = split_credentials(header_value);
    if (!parts) return std::nullopt;
    std::optional<std::string_view> found;
    const auto error = each_auth_param(parts->auth_params, [&](const ParameterView& one) -> std::optional<FieldErrc> {
        if (!equal_ignoring_case(one.name, name)) return std::nullopt;
        if (found) return FieldErrc::bad_parameter;
        found = one.value;
        return std::nullopt;
    });
    return error ? std::nullopt : found;
}

std::string digest_response(const DigestAnswer& answer, std::string_view ha1, std::string_view method) {
    return digest_response_of(answer, ha1, digest_ha2(answer, method));
}

std::string digest_ha2(const DigestAnswer& answer, std::string_view method) {
    return hash_joined(answer.algorithm, {method, answer.uri});
}

std::string digest_response_of(const DigestAnswer& answer, std::string_view ha1, std::string_view ha2) {
    if (!answer.has_qop) return hash_joined(answer.algorithm, {ha1, answer.nonce, ha2});
    std::uint8_t count[4];
    store_be32(count, answer.nc.value_or(0));
    const std::string nc = answer.nc_text.empty() ? to_hex(count) : answer.nc_text;
    return hash_joined(answer.algorithm, {ha1, answer.nonce, nc, answer.cnonce, "auth", ha2});
}

std::string digest_challenge(DigestAlgorithm algorithm, std::string_view realm, std::string_view nonce,
                             std::string_view opaque, bool stale) {
    std::string out = "Digest realm=";
    append_quoted(out, realm);
    append_quoted(out.append(", nonce="), nonce);
    if (!opaque.empty()) append_quoted(out.append(", opaque="), opaque);
    if (stale) out.append(", stale=true");
    return out.append(", algorithm=").append(to_string(algorithm)).append(", qop=\"auth\"");
}

}  // namespace sallyport::sip
