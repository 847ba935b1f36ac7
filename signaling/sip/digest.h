// HTTP Digest as SIP uses it: RFC 7616, RFC 8760, RFC 3261 22.4 and the RFC 2069 form without qop. Arithmetic only;
// whose credential it is and whether a nonce is still good is the registrar's to know.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/bytes.h"
#include "control/base/result.h"
#include "control/base/sip_hash.h"
#include "signaling/sip/fields.h"

namespace sallyport::sip {

enum class DigestAlgorithm : std::uint8_t { md5, sha256 };
std::string_view to_string(DigestAlgorithm a);  // "MD5", "SHA-256"

std::string digest_hash(DigestAlgorithm algorithm, std::string_view data);  // lower-case hex
std::string digest_ha1(DigestAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password);
std::string hmac_sha256(std::string_view key, std::string_view data);  // 64 hex digits

// SipHash with 128 bits under a key derived from `secret` for one `purpose`: proof of short texts that nobody but who
// has the secret checks, at a fraction of what an HMAC takes.
class SipHash128 {
public:
    SipHash128(std::string_view secret, std::string_view purpose);
    std::string operator()(std::initializer_list<std::string_view> parts) const;  // 32 hex digits, of all in a row
    std::uint64_t number(std::initializer_list<std::string_view> parts) const { return hash_.wide(parts).low; }

private:
    SipHash hash_;
};

struct DigestAnswer {  // what a client sent in (Proxy-)Authorization
    DigestAlgorithm algorithm = DigestAlgorithm::md5;
    std::string username, realm, nonce, uri, response, cnonce, opaque;
    std::optional<std::uint32_t> nc;  // present exactly when qop is
    std::string nc_text;              // as written, since the hash covers the text; empty: nc in lower case
    bool has_qop = false;             // qop=auth; auth-int is refused
};
enum class DigestErrc : std::uint8_t {
    not_digest,
    missing_parameter,
    duplicate_parameter,
    unknown_algorithm,
    unknown_qop,
    bad_nc,
    bad_response
};
std::string_view to_string(DigestErrc e);
Result<DigestAnswer, DigestErrc> parse_digest_answer(std::string_view header_value);
// One parameter of an answer or a challenge where it stands, without its quotes; nothing if it is not there once, or
// anything is malformed.
std::optional<std::string_view> auth_parameter(std::string_view header_value, std::string_view name);

// The expected response in lower-case hex; compare with equal_constant_time.
std::string digest_response(const DigestAnswer& answer, std::string_view ha1, std::string_view method);
// The part of it that says what is asked for (RFC 7616 3.4.3), and the response with that known.
std::string digest_ha2(const DigestAnswer& answer, std::string_view method);
std::string digest_response_of(const DigestAnswer& answer, std::string_view ha1, std::string_view ha2);

// A WWW-Authenticate / Proxy-Authenticate value with qop="auth".
std::string digest_challenge(DigestAlgorithm algorithm, std::string_view realm, std::string_view nonce,
                             std::string_view opaque, bool stale);

}  // namespace sallyport::sip
