// A change of the provisioned state: pure, all or nothing. The same function answers a dry run and the real thing.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "control/base/result.h"
#include "control/config/difference.h"
#include "control/config/snapshot.h"
#include "control/config/violation.h"

namespace sallyport::config {

struct Deletion {
    std::string name;  // "trunks/acme-hq"
};
// A resource is created or replaced as a whole. A credential without a hash keeps the one stored under its user name.
using ChangeItem = std::variant<Trunk, Carrier, Route, Customer, Deletion>;

struct Change {
    std::vector<ChangeItem> items;
    bool prune = false;  // what no item names is deleted
};
struct Outcome {
    Snapshot snapshot;                    // revision: one more than the base's, unless nothing changed
    std::vector<Difference> differences;  // one per item, in their order; then what was pruned
    bool changed() const;
};

// "trunks/acme-hq" of any item.
std::string name_of(const ChangeItem& item);

Result<Outcome, Violations> apply(const Snapshot& base, const Change& change);

}  // namespace sallyport::config
