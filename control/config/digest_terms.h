// What a PBX is asked to prove itself by (RFC 3261 22, RFC 8760): the protection domain, and the algorithms in order.
// And by what somebody whom nobody knows is asked, so that he cannot be told from one of his domain's.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/config/model.h"

namespace sallyport::config {

struct DigestTerms {
    std::string digest_realm;
    std::vector<DigestAlgorithm> algorithms;  // never empty
    friend auto operator<=>(const DigestTerms&, const DigestTerms&) = default;
};

// The algorithms that a trunk's secrets are taken for, whether it has such secrets or not.
const std::vector<DigestAlgorithm>& algorithms_of(const Trunk& trunk);
// Those of them that it has a secret for; all of them, if it has none at all: nothing is told about it then.
std::vector<DigestAlgorithm> offered_algorithms(const Trunk& trunk);
// The protection domain of its first credential. Nothing without credentials: nobody can prove to be this trunk.
std::optional<DigestTerms> digest_terms_of(const Trunk& trunk);

// The terms of some trunks, each as often as there are trunks that have them.
class DigestTermsByLot {
public:
    using Counts = std::map<DigestTerms, std::uint32_t>;  // of how many trunks
    explicit DigestTermsByLot(const Counts& counts);      // of one trunk at least

    // Those of a trunk that is drawn by lot, an evenly distributed number. When few of the trunks come, go or change,
    // few lots draw other terms than before.
    const DigestTerms& drawn(std::uint64_t lot) const;
    const DigestTerms& commonest() const { return terms_[commonest_].second; }

private:
    std::vector<std::pair<std::uint64_t, DigestTerms>> terms_;  // with how many trunks there are up to them
    std::size_t commonest_ = 0;
};

}  // namespace sallyport::config
