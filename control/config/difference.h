// What differs between two states of a resource, field by field, as an operator reads it before saying yes.
// Secrets are named, never shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/config/model.h"

namespace sallyport::config {

enum class Action : std::uint8_t { unchanged, create, update, delete_ };

struct FieldChange {
    std::string field;
    std::string before, after;  // of a list: what is removed, what is added; long values are shortened
    friend bool operator==(const FieldChange&, const FieldChange&) = default;
};
struct Difference {
    std::string name;  // "trunks/acme-hq"
    Action action = Action::unchanged;
    std::vector<FieldChange> fields;
    friend bool operator==(const Difference&, const Difference&) = default;
};

// nullptr: it did not exist before, or will not exist afterwards.
Difference difference(const Trunk* before, const Trunk* after);
Difference difference(const Carrier* before, const Carrier* after);
Difference difference(const Route* before, const Route* after);
Difference difference(const Customer* before, const Customer* after);

}  // namespace sallyport::config
