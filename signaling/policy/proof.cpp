#include "signaling/policy/proof.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::policy {
namespace {

// SIPconnect 17.2: a PBX that shows no certificate on its TLS connection is authenticated nevertheless; one that had to
// show its own for the connection is known. Where an operator gave it no credentials, its source address has to do.
config::DigestUse use_of(const config::Trunk& trunk, Transport transport) {
    if (trunk.authentication.digest != config::DigestUse::automatic) return trunk.authentication.digest;
    const bool without_certificate = trunk.mode == config::TrunkMode::static_ && transport == Transport::tls &&
                                     !trunk.tls.needs_client_certificate();
    return without_certificate && !trunk.credentials.empty() ? config::DigestUse::per_connection
                                                             : config::DigestUse::when_unknown;
}

}  // namespace

bool must_prove(const config::Trunk& trunk, Transport transport, std::string_view method, Proof proof, bool proven) {
    switch (use_of(trunk, transport)) {
        case config::DigestUse::automatic:
        case config::DigestUse::when_unknown: return false;
        case config::DigestUse::per_connection:
            // A registration over the connection has proved it already.
            return !is_reliable(transport) || !(proven || proof == Proof::registered_flow);
        case config::DigestUse::per_request: {
            const auto& methods = trunk.authentication.methods;
            return methods.empty() || std::find(methods.begin(), methods.end(), method) != methods.end();
        }
    }
    SALLYPORT_CHECK(false);
}

}  // namespace sallyport::policy
