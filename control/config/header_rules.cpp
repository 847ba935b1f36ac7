// Which header fields an operator may not touch, and what his rules may say.
#include <algorithm>

#include "control/base/utf8.h"
#include "control/config/header_rule.h"
#include "control/config/limits.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config {
namespace {

// Fields that this node writes or reads itself: transactions, dialogs, registration, events, sessions, bodies. Compact
// forms too.
constexpr std::string_view of_the_protocol =
    " a accept accept-contact accept-encoding allow allow-events answer-mode authentication-info "
    "authorization b c call-id contact cseq d e encryption error-info event expires f feature-caps "
    "flow-timer from hide i in-reply-to info-package j join k l m max-breadth max-forwards mime-version "
    "min-expires min-se o p-early-media path permission-missing priv-answer-mode r rack reason "
    "record-route recv-info refer-events-at refer-sub refer-to reject-contact replaces reply-to "
    "request-disposition require resource-share response-key retry-after route rseq security-client "
    "security-server security-verify server service-interact-info service-route session session-expires session-id "
    "sip-etag "
    "sip-if-match subscription-state supported suppress-if-match t target-dialog timestamp to "
    "trigger-consent u unsupported user-agent v via warning www-authenticate x ";
// Who calls, who has called before, where from, and who must not know it.
constexpr std::string_view of_identity =
    " call-info diversion geolocation geolocation-error geolocation-routing history-info identity "
    "identity-info n p-access-network-info p-asserted-identity p-asserted-service "
    "p-associated-uri p-called-party-id p-charging-vector p-preferred-identity p-preferred-service "
    "p-private-network-indication p-profile-key p-served-user p-user-database p-visited-network-id pidf-lo "
    "privacy referred-by remote-party-id rpid-privacy y ";

bool is_among(std::string_view words, std::string_view word) {
    return words.find(' ' + std::string(word) + ' ') != words.npos;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

// No control character, so that no value ends its field; nothing around it that a reader would take away.
bool is_field_text(std::string_view text) {
    return is_utf8(text) && is_printable(text) && !text.starts_with(' ') && !text.ends_with(' ');
}

void check_value(const HeaderRule& rule, const std::string& field, FieldErrors& errors) {
    if (rule.action == HeaderAction::remove) {
        if (!rule.value.empty())
            errors.push_back({field + ".value", "belongs to add and rewrite: remove takes the whole field away"});
        return;
    }
    if (rule.value.empty() || rule.value.size() > limits::header_value_bytes || !is_field_text(rule.value))
        errors.push_back({field + ".value", quoted(rule.value) +
                                                " is no value of a header field: 1 to 512 bytes of UTF-8 without "
                                                "control characters and without blanks around it, e.g. \"gold\""});
    if (rule.action != HeaderAction::rewrite) return;
    const auto wildcards = std::count(rule.match.begin(), rule.match.end(), '*');
    for (std::size_t i = 0; i + 1 < rule.value.size(); ++i) {
        const char digit = rule.value[i + 1];
        if (rule.value[i] != '$' || digit < '0' || digit > '9') continue;
        if (digit == '0' || digit - '0' > wildcards)
            errors.push_back({field + ".value", quoted(rule.value) + " names $" + std::string(1, digit) +
                                                    ", and match has " + std::to_string(wildcards) +
                                                    " \"*\": the first one is $1"});
    }
}

void check_match(const HeaderRule& rule, const std::string& field, FieldErrors& errors) {
    if (rule.match.empty()) return;
    if (rule.action == HeaderAction::add)
        errors.push_back({field + ".match", "belongs to remove and rewrite: add looks at nothing"});
    else if (rule.match.size() > limits::header_value_bytes || !is_field_text(rule.match))
        errors.push_back({field + ".match", quoted(rule.match) +
                                                " matches no value: at most 512 bytes of UTF-8 without control "
                                                "characters and without blanks around it, e.g. \"trunk *\""});
    else if (static_cast<std::size_t>(std::count(rule.match.begin(), rule.match.end(), '*')) > limits::header_wildcards)
        errors.push_back({field + ".match", quoted(rule.match) + " has more than 4 \"*\""});
}

void check_list(const std::string& list, const std::vector<HeaderRule>& rules, FieldErrors& errors) {
    if (rules.size() > limits::header_rules)
        errors.push_back({list, rules::too_many(rules.size(), limits::header_rules)});
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto& rule = rules[i];
        const auto field = rules::at(list, i);
        if (rule.header.size() > limits::header_name_length || !is_token(rule.header))
            errors.push_back({field + ".header", quoted(rule.header) +
                                                     " is no name of a header field: 1 to 64 characters of a token, "
                                                     "e.g. \"X-Trunk-Group\""});
        else if (const auto why = reserved_header(rule.header); !why.empty())
            errors.push_back({field + ".header", quoted(rule.header) + ' ' + std::string(why) +
                                                     "; rules are for others, e.g. \"X-Trunk-Group\" or \"Subject\""});
        check_match(rule, field, errors);
        check_value(rule, field, errors);
    }
}

}  // namespace

std::string_view reserved_header(std::string_view name) {
    const std::string known = lower(name);
    if (is_among(of_identity, known)) return "says who calls or who is to know it, which policies of identity decide";
    if (is_among(of_the_protocol, known) || known.starts_with("content-") || known.starts_with("proxy-") ||
        known.starts_with("sec-"))
        return "belongs to the protocol, and to this node alone";
    return {};
}

void rules::check_headers(const HeaderRules& headers, FieldErrors& errors) {
    check_list("headers.in", headers.in, errors);
    check_list("headers.out", headers.out, errors);
}

}  // namespace sallyport::config
