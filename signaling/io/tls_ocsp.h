// What an OCSP response says about a certificate (RFC 6960): signed by its issuer or by whom the issuer has delegated,
// about this very certificate, and of today. Asks no responder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct x509_st;

namespace sallyport::io {

struct StatusQuestion {
    std::shared_ptr<x509_st> certificate, issuer;
};

enum class CertificateStatus : std::uint8_t { good, revoked, unknown };

struct StatusAnswer {
    CertificateStatus status = CertificateStatus::unknown;
    std::string why;            // a sentence, when it is not good
    long long next_update = 0;  // seconds since 1970: it counts until then; 0: unknown
};

// `now`: seconds since 1970. Clocks may differ by five minutes. A response without nextUpdate counts for a day.
StatusAnswer read_status(std::string_view der, const x509_st& certificate, const x509_st& issuer, long long now);

}  // namespace sallyport::io
