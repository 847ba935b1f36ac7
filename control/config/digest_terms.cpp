#include "control/config/digest_terms.h"

#include <algorithm>

#include "control/base/check.h"
#include "control/config/keys.h"

namespace sallyport::config {
namespace {

bool has_secret(const Trunk& trunk, DigestAlgorithm algorithm) {
    return std::any_of(trunk.credentials.begin(), trunk.credentials.end(), [&](const Credential& c) {
        return !(algorithm == DigestAlgorithm::sha256 ? c.ha1_sha256 : c.ha1_md5).empty();
    });
}

}  // namespace

const std::vector<DigestAlgorithm>& algorithms_of(const Trunk& trunk) {
    using enum DigestAlgorithm;
    static const std::vector every{sha256, md5};
    return trunk.authentication.algorithms.empty() ? every : trunk.authentication.algorithms;
}

std::vector<DigestAlgorithm> offered_algorithms(const Trunk& trunk) {
    std::vector<DigestAlgorithm> offered;
    for (const auto algorithm : algorithms_of(trunk))
        if (has_secret(trunk, algorithm)) offered.push_back(algorithm);
    return offered.empty() ? algorithms_of({}) : offered;
}

std::optional<DigestTerms> digest_terms_of(const Trunk& trunk) {
    if (trunk.credentials.empty()) return std::nullopt;
    return DigestTerms{std::string(effective_realm(trunk, trunk.credentials.front())), offered_algorithms(trunk)};
}

DigestTermsByLot::DigestTermsByLot(const Counts& counts) {
    SALLYPORT_CHECK(!counts.empty());
    std::uint64_t trunks = 0;
    std::uint32_t most = 0;
    for (const auto& [terms, count] : counts) {
        if (count > most) {
            most = count;
            commonest_ = terms_.size();
        }
        terms_.emplace_back(trunks += count, terms);
    }
}

// A lot is a place within [0, 1): other trunks move the borders between the terms, and not the lots.
const DigestTerms& DigestTermsByLot::drawn(std::uint64_t lot) const {
    const std::uint64_t place = (lot >> 32) * terms_.back().first >> 32;
    return std::upper_bound(terms_.begin(), terms_.end(), place,
                            [](std::uint64_t at, const auto& entry) { return at < entry.first; })
        ->second;
}

}  // namespace sallyport::config
