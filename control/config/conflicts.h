// What two resources may not share: numbers, an address of record, a credential, a source address, a prefix; and what
// one may not lose: the carrier that a route names. Costs one pass over the snapshot, however large.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "control/config/snapshot.h"

namespace sallyport::config {

struct Conflict {
    std::string resource;  // the changed one: "trunks/acme-hq"
    std::string field;
    std::string text;
    friend bool operator==(const Conflict&, const Conflict&) = default;
};

// `changed` names what the change put or deleted; only these are blamed; a gap in `base` is nobody's fault.
std::vector<Conflict> find_conflicts(const Snapshot& base, const Snapshot& candidate,
                                     const std::set<std::string>& changed);

}  // namespace sallyport::config
