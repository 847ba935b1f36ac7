// Whom a certificate names as a SIP domain: RFC 5922 7.1 with the CN rule of SIPconnect 2.0 section 8.1. Exact names,
// no wildcards. The chain is OpenSSL's business, not ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace sallyport::io {

// The SIP domains of the certificate, lower case: host parts of `sip:` URIs in subjectAltName without a user part; only
// if there are none, DNS names; only if there is no subjectAltName at all, the common name.
std::vector<std::string> sip_identities(const x509_st& certificate);

// Whether one of them is `name` (a host name or an address literal), in any case.
bool names_host(const std::vector<std::string>& identities, std::string_view name);

}  // namespace sallyport::io
