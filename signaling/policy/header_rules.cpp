#include "signaling/policy/header_rules.h"

#include <algorithm>

#include "signaling/sip/fields.h"
#include "signaling/sip/header_name.h"

namespace sallyport::policy {
namespace {

using config::HeaderAction;
using config::HeaderRule;

// A field by its name, or by the compact form of it.
bool is_same_header(std::string_view a, std::string_view b) {
    if (sip::equal_ignoring_case(a, b)) return true;
    const auto name = sip::header_name_from(a);
    return name != sip::HeaderName::other && name == sip::header_name_from(b);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

// RFC 3261 7.3.1: a folded value is the same with single blanks. No part of one may carry an end of line elsewhere.
std::string on_one_line(std::string_view value) {
    std::string out;
    for (const char c : value) {
        const char shown = static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c;
        if (shown != ' ' || out.empty() || out.back() != ' ') out += shown;
    }
    return std::string(trimmed(out));
}

std::string rewritten(std::string_view value, const std::vector<std::string_view>& parts) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char next = i + 1 < value.size() ? value[i + 1] : ' ';
        const auto part = static_cast<std::size_t>(next - '1');
        if (value[i] == '$' && next >= '1' && next <= '9' && part < parts.size()) {
            out += parts[part];
            ++i;
        } else {
            out += value[i];
        }
        if (out.size() > rewritten_bytes) return {};
    }
    return std::string(trimmed(out));
}

// RFC 3261 7.3.1: a second one of these would make the message malformed, and what a sender says of his own call comes
// first.
bool is_there_for_good(std::string_view header, const std::vector<HeaderField>& fields) {
    const auto name = sip::header_name_from(header);
    if (name == sip::HeaderName::other || sip::is_list(name)) return false;
    return std::any_of(fields.begin(), fields.end(), [&](const auto& f) { return is_same_header(header, f.name); });
}

// False: the field goes.
bool apply_to(const HeaderRule& rule, HeaderField& field) {
    if (!is_same_header(rule.header, field.name)) return true;
    const std::string value = on_one_line(field.value);
    const auto parts = match_value(rule.match.empty() ? "*" : std::string_view(rule.match), value);
    if (!parts) return true;
    if (rule.action == HeaderAction::remove) return false;
    if (auto fresh = rewritten(rule.value, *parts); !fresh.empty()) field.value = std::move(fresh);
    return true;
}

}  // namespace

// The first part stands at the beginning, the last one at the end, and each between them where it is found first: what
// is found later would leave less for the rest.
std::optional<std::vector<std::string_view>> match_value(std::string_view pattern, std::string_view value) {
    auto star = pattern.find('*');
    if (star == pattern.npos) return pattern == value ? std::optional(std::vector<std::string_view>{}) : std::nullopt;
    if (!value.starts_with(pattern.substr(0, star))) return std::nullopt;
    value.remove_prefix(star);
    std::vector<std::string_view> parts;
    for (pattern.remove_prefix(star + 1); (star = pattern.find('*')) != pattern.npos; pattern.remove_prefix(star + 1)) {
        const auto found = value.find(pattern.substr(0, star));
        if (found == value.npos) return std::nullopt;
        parts.push_back(value.substr(0, found));
        value.remove_prefix(found + star);
    }
    if (!value.ends_with(pattern)) return std::nullopt;
    parts.push_back(value.substr(0, value.size() - pattern.size()));
    return parts;
}

void apply_rules(const std::vector<HeaderRule>& rules, RuleScope scope, std::vector<HeaderField>& fields) {
    for (const auto& rule : rules) {
        if (rule.action == HeaderAction::add) {
            if (scope.adding && !is_there_for_good(rule.header, fields)) fields.push_back({rule.header, rule.value});
        } else if (!scope.for_help) {
            std::erase_if(fields, [&](HeaderField& field) { return !apply_to(rule, field); });
        }
    }
}

}  // namespace sallyport::policy
