// What an operator's rules make of the header fields that cross. Each looks at a value once, whatever it says.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/header_rule.h"

namespace sallyport::policy {

struct HeaderField {
    std::string name, value;
    friend bool operator==(const HeaderField&, const HeaderField&) = default;
};
inline constexpr std::size_t rewritten_bytes = 4'096;  // more is not made of a value: it stays as it was

struct RuleScope {
    bool for_help = false;  // of an emergency call nothing is removed or rewritten
    bool adding = true;     // false: the message has no room for what rules add
};
// The rules in their order. What may be there only once (Subject, Date, Priority, Organization) is not added to one
// that is there.
void apply_rules(const std::vector<config::HeaderRule>& rules, RuleScope scope, std::vector<HeaderField>& fields);

// What each "*" of the pattern stands for, the shortest text from left to right that lets the rest match; nothing: the
// value does not match.
std::optional<std::vector<std::string_view>> match_value(std::string_view pattern, std::string_view value);

}  // namespace sallyport::policy
