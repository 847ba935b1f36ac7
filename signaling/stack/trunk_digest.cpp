#include "signaling/stack/trunk_digest.h"

namespace sallyport::stack {
namespace {

sip::DigestAlgorithm to_sip(config::DigestAlgorithm algorithm) {
    return algorithm == config::DigestAlgorithm::sha256 ? sip::DigestAlgorithm::sha256 : sip::DigestAlgorithm::md5;
}

// In whose place an unknown user is looked up: whoever has a clock must not see that there was nothing to copy.
struct Nobody {
    config::Trunk trunk;
    config::Credential credential;
    Nobody() {
        trunk.id = "in the place of a trunk";
        credential.ha1_md5.assign(32, '0');
        credential.ha1_sha256.assign(64, '0');
    }
};

}  // namespace

std::string digest_realm_of(const config::Trunk& trunk) {
    if (!trunk.credentials.empty() && !trunk.credentials.front().digest_realm.empty())
        return trunk.credentials.front().digest_realm;
    return std::string(trunk.aor_domain());
}

registrar::DigestOffer offer_of(const std::vector<config::DigestAlgorithm>& algorithms) {
    registrar::DigestOffer offer{{}};
    for (const auto algorithm : algorithms) offer.algorithms.push_back(to_sip(algorithm));
    return offer;
}

registrar::DigestOffer digest_offer_of(const config::Trunk& trunk) {
    return offer_of(config::offered_algorithms(trunk));
}

registrar::CredentialSecret secret_of(const config::Snapshot::CredentialMatch& match) {
    static const Nobody nobody;
    const auto& trunk = match.trunk != nullptr ? *match.trunk : nobody.trunk;
    const auto& credential = match.trunk != nullptr ? *match.credential : nobody.credential;
    registrar::CredentialSecret secret{trunk.id, {}, {}, trunk.authentication.without_qop};
    for (const auto algorithm : config::algorithms_of(trunk)) {
        if (algorithm == config::DigestAlgorithm::sha256) secret.ha1_sha256 = credential.ha1_sha256;
        if (algorithm == config::DigestAlgorithm::md5) secret.ha1_md5 = credential.ha1_md5;
    }
    if (match.trunk == nullptr) secret.trunk.clear();
    return secret;
}

}  // namespace sallyport::stack
