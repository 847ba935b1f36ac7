// A new private key and the request for a certificate over it (PKCS#10, RFC 2986), naming a SIP domain as RFC 5922 7.1
// has it. Writes no file.
#pragma once

#include <string>
#include <vector>

#include "control/base/result.h"

namespace sallyport::wire {

enum class KeyType { ec_p256, rsa_2048, rsa_3072 };

// An entry of subjectAltName (RFC 5280 4.2.1.6).
struct AlternativeName {
    enum class Kind { uri, dns };
    Kind kind = Kind::uri;
    std::string value;  // ASCII: "sip:sip.example.com", "sip.example.com"
    friend bool operator==(const AlternativeName&, const AlternativeName&) = default;
};

struct CertificateRequest {
    std::string key;      // PKCS#8 in PEM, not encrypted
    std::string request;  // PEM
};

struct RequestError {
    std::string sentence;
};

// common_name: left out where it is longer than a certificate can hold it (64 characters); subjectAltName is critical
// then, as RFC 5280 4.2.1.6 asks.
Result<CertificateRequest, RequestError> make_certificate_request(KeyType type, const std::string& common_name,
                                                                  const std::vector<AlternativeName>& names);

}  // namespace sallyport::wire
