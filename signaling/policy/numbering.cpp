#include "signaling/policy/numbering.h"

#include <algorithm>

#include "signaling/sip/fields.h"

namespace sallyport::policy {
namespace {

constexpr std::size_t shortest_subscriber = 4;  // shorter ones are services: nobody's local number
constexpr std::size_t e164_characters = 16;     // "+" and 15 digits, E.164 6

bool is_digits(std::string_view text) { return text.find_first_not_of("0123456789") == text.npos; }

// The value of a parameter inside a SIP user part ("7042;phone-context=x"), as written.
std::optional<std::string_view> user_parameter(std::string_view user, std::string_view name) {
    for (auto at = user.find(';'); at != user.npos; at = user.find(';', at + 1)) {
        const auto one = user.substr(at + 1, user.find(';', at + 1) - at - 1);
        const auto equals = std::min(one.find('='), one.size());
        if (sip::equal_ignoring_case(one.substr(0, equals), name)) return one.substr(std::min(equals + 1, one.size()));
    }
    return std::nullopt;
}

std::optional<std::string_view> phone_context(const sip::Uri& uri) {
    return uri.scheme == sip::Scheme::tel ? uri.parameters.value("phone-context")
                                          : user_parameter(uri.user, "phone-context");
}

// What somebody has dialled: digits, "*" and "#" without the separators of RFC 3966, in the numbering of `domain`.
std::optional<std::string> dial_string(const sip::Uri& uri, std::string_view domain) {
    const bool names_number =
        uri.scheme == sip::Scheme::sip || uri.scheme == sip::Scheme::sips || uri.scheme == sip::Scheme::tel;
    if (!names_number) return std::nullopt;
    if (const auto context = phone_context(uri); context && !sip::equal_ignoring_case(*context, domain))
        return std::nullopt;
    sip::Uri number;
    number.user = uri.user.substr(0, uri.user.find(';'));
    std::string out;
    for (const char c : number.decoded_user())
        if (std::string_view("-.()").find(c) == std::string_view::npos) out += c;
    if (out.empty() || out.find_first_not_of("0123456789*#") != out.npos) return std::nullopt;
    return out;
}

std::optional<std::string> global(std::string_view digits) {
    if (digits.empty() || digits.size() >= e164_characters || digits.front() == '0' || !is_digits(digits))
        return std::nullopt;
    return '+' + std::string(digits);
}

enum class Use : std::uint8_t { called, calling };

std::string_view without_outside_line(const config::DialPlan& plan, std::string_view dialled) {
    if (!plan.outside_line.empty() && dialled.starts_with(plan.outside_line))
        dialled.remove_prefix(plan.outside_line.size());
    return dialled;
}

std::optional<std::string> by_dial_plan(const config::DialPlan& plan, std::string_view dialled, Use use) {
    const auto is_national = [&] { return plan.national_digits != 0 && dialled.size() == plan.national_digits; };
    if (use == Use::called) {
        for (const auto& code : plan.short_codes)
            if (code.dialled == dialled) return code.number;
        if (!is_national()) dialled = without_outside_line(plan, dialled);
    }
    const auto after = [&](const std::string& prefix) { return dialled.substr(prefix.size()); };
    if (!plan.international_prefix.empty() && dialled.starts_with(plan.international_prefix))
        return global(after(plan.international_prefix));
    if (plan.country_code.empty()) return std::nullopt;
    if (is_national()) return global(plan.country_code + std::string(dialled));
    if (!plan.national_prefix.empty() && dialled.starts_with(plan.national_prefix)) {
        const auto national = after(plan.national_prefix);
        // Where all have one length, another one is no number: in North America 112 is not "1" and 12.
        if (plan.national_digits != 0 && national.size() != plan.national_digits) return std::nullopt;
        return global(plan.country_code + std::string(national));
    }
    if (!plan.area_code.empty() && dialled.size() >= shortest_subscriber)
        return global(plan.country_code + plan.area_code + std::string(dialled));
    return std::nullopt;
}

bool is_emergency(const config::DialPlan& plan, std::string_view dialled) {
    return std::find(plan.emergency_numbers.begin(), plan.emergency_numbers.end(), dialled) !=
           plan.emergency_numbers.end();
}

// RFC 5031: "urn:service:sos", and what is below it.
std::optional<std::string> emergency_service(const sip::Uri& uri) {
    constexpr std::string_view sos = "service:sos";
    if (uri.scheme != sip::Scheme::urn || !sip::equal_ignoring_case(uri.user.substr(0, sos.size()), sos))
        return std::nullopt;
    if (uri.user.size() > sos.size() && uri.user[sos.size()] != '.') return std::nullopt;
    return "urn:" + uri.user;
}

}  // namespace

std::optional<std::string> emergency_call(const sip::Uri& uri, const config::Trunk& trunk) {
    if (auto service = emergency_service(uri)) return service;
    if (sip::e164(uri)) return std::nullopt;
    const auto number = dial_string(uri, trunk.domain.empty() ? trunk.aor_domain() : std::string_view(trunk.domain));
    if (!number) return std::nullopt;
    const config::DialPlan& plan = trunk.numbering.dial_plan;
    for (const std::string_view dialled : {std::string_view(*number), without_outside_line(plan, *number)})
        if (is_emergency(plan, dialled)) return std::string(dialled);
    return std::nullopt;
}

std::string translated(const config::NumberRules& rules, std::string_view number) {
    const config::NumberRule* best = nullptr;
    for (const auto& rule : rules)
        if (number.starts_with(rule.match) && (best == nullptr || rule.match.size() > best->match.size())) best = &rule;
    if (best == nullptr) return std::string(number);
    return best->prepend + std::string(number.substr(std::min<std::size_t>(best->strip, number.size())));
}

bool has_phone_context(const sip::Uri& uri) {
    return uri.scheme != sip::Scheme::tel && user_parameter(uri.user, "phone-context").has_value();
}

CalledNumber called_number(const sip::Uri& uri, const config::Numbering& numbering, std::string_view domain) {
    auto number = sip::e164(uri);
    if (!number) {
        number = dial_string(uri, domain);
        if (!number) return {NumberKind::none, uri.decoded_user()};
    }
    std::string text = translated(numbering.called_in, *number);
    const auto e164 = text.starts_with('+') ? global(std::string_view(text).substr(1))
                                            : by_dial_plan(numbering.dial_plan, text, Use::called);
    if (e164) return {NumberKind::global, *e164};
    return {!text.empty() && is_digits(text) ? NumberKind::incomplete : NumberKind::none, std::move(text)};
}

std::optional<std::string> calling_number(const sip::Uri& uri, const config::Numbering& numbering,
                                          std::string_view domain) {
    auto number = sip::e164(uri);
    if (!number) number = dial_string(uri, domain);
    if (!number) return std::nullopt;
    const std::string text = translated(numbering.calling_in, *number);
    return text.starts_with('+') ? global(std::string_view(text).substr(1))
                                 : by_dial_plan(numbering.dial_plan, text, Use::calling);
}

}  // namespace sallyport::policy
