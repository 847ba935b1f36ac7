// Digest arithmetic on OpenSSL's EVP: RFC 7616 3.4, RFC 8760, RFC 2617 3.2.2.
#include "signaling/sip/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <initializer_list>

#include "control/base/check.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parameters.h"

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

std::optional<DigestErrc> read_algorithm(const Parameters& given, DigestAnswer& out) {
    const auto text = given.value("algorithm").value_or("MD5");  // RFC 7616 3.4: absent means MD5
    if (equal_ignoring_case(text, "MD5"))
        out.algorithm = DigestAlgorithm::md5;
    else if (equal_ignoring_case(text, "SHA-256"))
        out.algorithm = DigestAlgorithm::sha256;
    else
        return DigestErrc::unknown_algorithm;
    return std::nullopt;
}

std::optional<DigestErrc> read_qop(const Parameters& given, DigestAnswer& out) {
    const auto qop = given.value("qop");
    out.has_qop = qop.has_value();
    if (!qop) return std::nullopt;  // RFC 2069: cnonce and nc count for nothing
    if (!equal_ignoring_case(*qop, "auth")) return DigestErrc::unknown_qop;
    const auto nc = given.value("nc"), cnonce = given.value("cnonce");
    if (!nc || !cnonce || cnonce->empty()) return DigestErrc::missing_parameter;
    if (nc->size() != 8 || !scan::all(*nc, scan::hex)) return DigestErrc::bad_nc;
    std::uint32_t count = 0;
    for (const char c : *nc) count = count << 4 | static_cast<std::uint32_t>(scan::hex_digit(c));
    out.nc = count;
    out.nc_text = *nc;
    out.cnonce = *cnonce;
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

void HmacSha256::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }

HmacSha256::HmacSha256(std::string_view key) {
    EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    context_.reset(EVP_MAC_CTX_new(hmac));
    EVP_MAC_free(hmac);  // the context has it as well
    char sha256[] = "SHA256";
    const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
                                OSSL_PARAM_construct_end()};
    constexpr std::uint8_t empty = 0;  // a null pointer would mean the key of before
    const std::uint8_t* bytes = key.empty() ? &empty : as_bytes(key).data();
    SALLYPORT_CHECK(context_ && EVP_MAC_init(context_.get(), bytes, key.size(), parameters.data()) == 1);
}

std::string HmacSha256::operator()(std::string_view data) const {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> raw;
    std::size_t size = 0;
    SALLYPORT_CHECK(EVP_MAC_init(context_.get(), nullptr, 0, nullptr) == 1 &&
                    EVP_MAC_update(context_.get(), as_bytes(data).data(), data.size()) == 1 &&
                    EVP_MAC_final(context_.get(), raw.data(), &size, raw.size()) == 1);
    return to_hex(ByteView(raw).first(size));
}

std::string hmac_sha256(std::string_view key, std::string_view data) { return HmacSha256(key)(data); }

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
    const auto credentials = parse_credentials(header_value);
    if (!credentials || !equal_ignoring_case(credentials->scheme, "Digest")) return DigestErrc::not_digest;
    const Parameters& given = credentials->parameters;
    for (const auto& p : given.all())  // the first one found is not the one meant: then nobody knows which was checked
        if (given.find(p.name) != &p) return DigestErrc::duplicate_parameter;

    DigestAnswer out;
    if (const auto error = read_algorithm(given, out)) return *error;
    for (const auto name : {"username", "realm", "nonce", "uri", "response"})
        if (!given.has(name)) return DigestErrc::missing_parameter;
    if (const auto error = read_qop(given, out)) return *error;
    const auto response = *given.value("response");
    if (response.size() != hex_digits(out.algorithm) || !scan::all(response, scan::hex))
        return DigestErrc::bad_response;
    out.response = scan::lowered(response);
    out.username = *given.value("username");
    out.realm = *given.value("realm");
    out.nonce = *given.value("nonce");
    out.uri = *given.value("uri");
    out.opaque = given.value("opaque").value_or("");
    if (out.username.empty() || out.nonce.empty() || out.uri.empty()) return DigestErrc::missing_parameter;
    return out;
}

std::string digest_response(const DigestAnswer& answer, std::string_view ha1, std::string_view method) {
    const std::string ha2 = hash_joined(answer.algorithm, {method, answer.uri});
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
