// What a trunk's provisioning says of Digest: the protection domain, the algorithms offered, the secret of a user name.
#pragma once

#include <string>
#include <vector>

#include "control/config/snapshot.h"
#include "signaling/registrar/authenticator.h"

namespace sallyport::stack {

// The protection domain a trunk's first credential is good for.
std::string digest_realm_of(const config::Trunk& trunk);
registrar::DigestOffer offer_of(const std::vector<config::DigestAlgorithm>& algorithms);
registrar::DigestOffer digest_offer_of(const config::Trunk& trunk);
// Without a trunk: nobody's, which takes as long to be made.
registrar::CredentialSecret secret_of(const config::Snapshot::CredentialMatch& match);

}  // namespace sallyport::stack
