// Whom a certificate names as a SIP domain: RFC 5922 7.1 with the CN rule of SIPconnect 2.0 section 8.1. Exact names
// unless asked otherwise. The chain is OpenSSL's business, not ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

struct x509_st;

namespace sallyport::io {

// The SIP domains of the certificate, lower case: host parts of `sip:` URIs in subjectAltName without a user part; only
// if there are none, DNS names; only if there is no subjectAltName at all, the common name.
std::vector<std::string> sip_identities(const x509_st& certificate);

// Every host it names, whatever a peer would make of it: what a server of this certificate can be asked for (SNI).
std::vector<std::string> all_names(const x509_st& certificate);

// They come from the common name, for want of a subjectAltName: the way of old CAs (SIPconnect 8.1).
bool is_named_by_common_name(const x509_st& certificate);

// Whether one of them is `name` (a host name or an address literal), in any case. `wildcards`: "*." stands for one
// label, against RFC 5922 7.2 and at an operator's wish.
bool names_host(const std::vector<std::string>& identities, std::string_view name, bool wildcards = false);

}  // namespace sallyport::io
