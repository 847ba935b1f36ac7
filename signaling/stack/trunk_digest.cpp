#include "signaling/stack/trunk_digest.h"

#include <algorithm>

namespace sallyport::stack {
namespace {

sip::DigestAlgorithm to_sip(config::DigestAlgorithm algorithm) {
    return algorithm == config::DigestAlgorithm::sha256 ? sip::DigestAlgorithm::sha256 : sip::DigestAlgorithm::md5;
}

bool has_secret(const config::Trunk& trunk, config::DigestAlgorithm algorithm) {
    return std::any_of(trunk.credentials.begin(), trunk.credentials.end(), [&](const config::Credential& c) {
        return !(algorithm == config::DigestAlgorithm::sha256 ? c.ha1_sha256 : c.ha1_md5).empty();
    });
}

const std::vector<config::DigestAlgorithm>& algorithms_of(const config::Trunk& trunk) {
    using enum config::DigestAlgorithm;
    static const std::vector every{sha256, md5};
    return trunk.authentication.algorithms.empty() ? every : trunk.authentication.algorithms;
}

}  // namespace

std::string digest_realm_of(const config::Trunk& trunk) {
    if (!trunk.credentials.empty() && !trunk.credentials.front().digest_realm.empty())
        return trunk.credentials.front().digest_realm;
    return std::string(trunk.aor_domain());
}

registrar::DigestOffer digest_offer_of(const config::Trunk& trunk) {
    registrar::DigestOffer offer{{}};
    for (const auto algorithm : algorithms_of(trunk))
        if (has_secret(trunk, algorithm)) offer.algorithms.push_back(to_sip(algorithm));
    return offer.algorithms.empty() ? registrar::DigestOffer{} : offer;
}

registrar::CredentialSecret secret_of(const config::Snapshot::CredentialMatch& match) {
    if (match.trunk == nullptr) return {};
    registrar::CredentialSecret secret{match.trunk->id, {}, {}, match.trunk->authentication.without_qop};
    for (const auto algorithm : algorithms_of(*match.trunk)) {
        if (algorithm == config::DigestAlgorithm::sha256) secret.ha1_sha256 = match.credential->ha1_sha256;
        if (algorithm == config::DigestAlgorithm::md5) secret.ha1_md5 = match.credential->ha1_md5;
    }
    return secret;
}

}  // namespace sallyport::stack
