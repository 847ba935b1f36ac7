// What an operator has to hear about the node's certificates before peers do: their end, the end of their OCSP
// responses, and the switches that weaken TLS. Reads no file and logs nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "signaling/io/tls_context.h"

namespace sallyport::app {

struct Alarm {
    bool urgent = false;
    std::string text;
};

// `now`: seconds since 1970. A certificate is told of from 30 days before its end, urgently from 7 days before it; an
// OCSP response from 6 hours before its end, urgently when it has come.
std::vector<Alarm> certificate_alarms(const std::string& realm, const std::vector<io::TlsContext::Life>& lives,
                                      long long now);

// Suites and versions that SIPconnect 8.1.1 allows and RFC 8996 and 9325 advise against.
std::vector<std::string> legacy_warnings(const std::string& realm, const io::TlsOptions& options);

}  // namespace sallyport::app
