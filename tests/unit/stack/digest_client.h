// The client half of Digest (RFC 7616), for tests: answers a challenge with a password.
#pragma once

#include <string>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

inline std::string credentials(const sip::Message& challenged, sip::HeaderName header, std::string_view method,
                               std::string_view uri, std::string_view password, std::size_t which = 0,
                               const std::string& username = "acme") {
    const auto values = challenged.values(header);
    REQUIRE(values.size() > which);
    const auto challenge = sip::parse_challenge(values[which]);
    REQUIRE(challenge.has_value());
    sip::DigestAnswer answer;
    answer.algorithm = challenge->algorithm == "SHA-256" ? sip::DigestAlgorithm::sha256 : sip::DigestAlgorithm::md5;
    answer.username = username;
    answer.realm = challenge->realm;
    answer.nonce = challenge->nonce;
    answer.uri = uri;
    answer.cnonce = "c0ffee";
    answer.nc = 1;
    answer.nc_text = "00000001";
    answer.has_qop = true;
    const auto ha1 = sip::digest_ha1(answer.algorithm, username, challenge->realm, password);
    return "Digest username=\"" + username + "\", realm=\"" + answer.realm + "\", nonce=\"" + answer.nonce +
           "\", uri=\"" + answer.uri + "\", response=\"" + sip::digest_response(answer, ha1, method) +
           "\", algorithm=" + std::string(to_string(answer.algorithm)) +
           ", qop=auth, nc=00000001, cnonce=\"c0ffee\", opaque=\"" + challenge->opaque + "\"";
}

}  // namespace sallyport::stack
