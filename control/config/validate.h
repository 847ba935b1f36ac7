// The rules of one resource by itself: every broken one is reported, with its field and an example of right. What two
// resources may not share is conflicts.h.
#pragma once

#include <string>
#include <vector>

#include "control/config/model.h"

namespace sallyport::config {

struct FieldError {
    std::string field;  // as in Violation
    std::string text;
    friend bool operator==(const FieldError&, const FieldError&) = default;
};
using FieldErrors = std::vector<FieldError>;

FieldErrors validate(const Trunk& trunk);
FieldErrors validate(const Carrier& carrier);
FieldErrors validate(const Route& route);
FieldErrors validate(const Customer& customer);

// What the operator should know although it is allowed: sentences for status, e.g. compatibility mode.
std::vector<std::string> warnings(const Trunk& trunk);

}  // namespace sallyport::config
