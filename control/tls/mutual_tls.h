// Mutual TLS between the daemons of a node over gRPC. The PEM files are looked at again after `interval`: a renewed
// certificate needs no restart. Whoever renews replaces certificate and key in one step (a renamed directory or a
// symbolic link); between two that do not belong together, new connections fail until the next look.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "control/base/result.h"
#include "control/tls/tls_files.h"

namespace sallyport::tls {

inline constexpr std::chrono::seconds looks_every{60};

// The error is a sentence that names the file: it cannot be read, is no PEM, or key and certificate do not belong
// together.
Result<std::shared_ptr<grpc::ChannelCredentials>, std::string> channel_credentials(
    const TlsFiles& files, std::chrono::seconds interval = looks_every);

// `clients`: the names (DNS or IP SAN; the CN of a certificate without SAN) that may call, exactly as written. Any
// other call is answered PERMISSION_DENIED. Empty: whoever has a certificate of the CA.
Result<std::shared_ptr<grpc::ServerCredentials>, std::string> server_credentials(
    const TlsFiles& files, std::vector<std::string> clients = {}, std::chrono::seconds interval = looks_every);

// What is wrong with the files, as the two above say it; empty: nothing.
std::string fault_of(const TlsFiles& files);

}  // namespace sallyport::tls
