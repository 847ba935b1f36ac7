// What dial plans, translation tables, identities and routes may not say.
#include <algorithm>
#include <set>

#include "control/config/limits.h"
#include "control/config/prefix_table.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config::rules {
namespace {

bool is_digits(std::string_view text) { return text.find_first_not_of("0123456789") == text.npos; }

// What a telephone can send: digits, "*", "#".
bool is_dialled(std::string_view text, std::size_t most) {
    return !text.empty() && text.size() <= most && text.find_first_not_of("0123456789*#") == text.npos;
}

bool is_number_start(std::string_view text) {
    return text.empty() || text == "+" || is_prefix(text) || is_dialled(text, limits::e164_digits);
}

void check_digits(const std::string& field, const std::string& value, std::size_t most, std::string_view example,
                  FieldErrors& errors) {
    if (value.size() > most || !is_digits(value))
        errors.push_back({"numbering.dial_plan." + field, quoted(value) + " must be at most " + std::to_string(most) +
                                                              " digits, e.g. " + std::string(example)});
}

void check_short_codes(const DialPlan& plan, FieldErrors& errors) {
    if (plan.short_codes.size() > limits::short_codes)
        errors.push_back({"numbering.dial_plan.short_codes", too_many(plan.short_codes.size(), limits::short_codes)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < plan.short_codes.size(); ++i) {
        const auto& code = plan.short_codes[i];
        const auto field = at("numbering.dial_plan.short_codes", i);
        if (!is_dialled(code.dialled, limits::service_digits))
            errors.push_back({field + ".dialled",
                              quoted(code.dialled) + " is nothing to dial: 1 to 15 of 0-9, * and #, e.g. \"4711\""});
        else if (!seen.insert(code.dialled).second)
            errors.push_back({field + ".dialled", quoted(code.dialled) + " is given twice"});
        if (!is_e164(code.number))
            errors.push_back({field + ".number", quoted(code.number) + " is no E.164 number, e.g. \"+4930123456\""});
    }
}

void check_emergency_numbers(const DialPlan& plan, FieldErrors& errors) {
    constexpr std::string_view list = "numbering.dial_plan.emergency_numbers";
    if (plan.emergency_numbers.size() > limits::emergency_numbers)
        errors.push_back({std::string(list), too_many(plan.emergency_numbers.size(), limits::emergency_numbers)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < plan.emergency_numbers.size(); ++i) {
        const auto& number = plan.emergency_numbers[i];
        if (!is_dialled(number, limits::service_digits) || !is_digits(number))
            errors.push_back({at(list, i), quoted(number) + " is nothing to dial: 1 to 15 digits, e.g. \"112\""});
        else if (!seen.insert(number).second)
            errors.push_back({at(list, i), quoted(number) + " is given twice"});
    }
}

void check_dial_plan(const DialPlan& plan, FieldErrors& errors) {
    check_digits("country_code", plan.country_code, 3, "\"49\"", errors);
    check_digits("area_code", plan.area_code, limits::dial_prefix_digits, "\"30\"", errors);
    check_digits("national_prefix", plan.national_prefix, limits::dial_prefix_digits, "\"0\"", errors);
    check_digits("international_prefix", plan.international_prefix, limits::dial_prefix_digits, "\"00\"", errors);
    check_digits("outside_line", plan.outside_line, limits::dial_prefix_digits, "\"9\"", errors);
    if (plan.country_code.starts_with('0'))
        errors.push_back({"numbering.dial_plan.country_code",
                          quoted(plan.country_code) + " is no country code: none begins with 0, e.g. \"49\""});
    if (plan.national_digits > limits::e164_digits)
        errors.push_back({"numbering.dial_plan.national_digits",
                          out_of_range(plan.national_digits, 0, limits::e164_digits) + "; 0: never"});
    const bool national = !plan.area_code.empty() || !plan.national_prefix.empty() || plan.national_digits != 0;
    if (national && plan.country_code.empty())
        errors.push_back({"numbering.dial_plan.country_code",
                          "is missing: area_code, national_prefix and national_digits need it, e.g. \"49\""});
    if (!plan.international_prefix.empty() && plan.international_prefix == plan.national_prefix)
        errors.push_back(
            {"numbering.dial_plan.international_prefix",
             quoted(plan.international_prefix) + " is the national prefix as well, e.g. \"00\" and \"0\""});
    check_short_codes(plan, errors);
    check_emergency_numbers(plan, errors);
}

void check_rules(const std::string& table, const NumberRules& rules, bool stays_global, FieldErrors& errors) {
    const auto name = "numbering." + table;
    if (rules.size() > limits::number_rules) errors.push_back({name, too_many(rules.size(), limits::number_rules)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const auto& rule = rules[i];
        const auto field = at(name, i);
        if (!is_number_start(rule.match))
            errors.push_back({field + ".match", quoted(rule.match) +
                                                    " begins no number: \"+\" and digits, or digits, * and #, e.g. "
                                                    "\"+49\" or \"0\"; \"\" matches all"});
        else if (!seen.insert(rule.match).second)
            errors.push_back({field + ".match", quoted(rule.match) + " is given twice"});
        if (rule.strip > rule.match.size())
            errors.push_back({field + ".strip", std::to_string(rule.strip) + " is more than match has: at most " +
                                                    std::to_string(rule.match.size())});
        if (!is_number_start(rule.prepend))
            errors.push_back({field + ".prepend", quoted(rule.prepend) +
                                                      " begins no number: \"+\" and digits, or digits, * and #, e.g. "
                                                      "\"+49\""});
        if (stays_global && (rule.strip > 0 || !rule.prepend.empty()) &&
            !(rule.strip > 0 && rule.prepend.starts_with('+')))
            errors.push_back({field,
                              "makes something else of a number than one with \"+\", which is all that a PBX "
                              "is told (SIPconnect 9): strip 1 or more and prepend \"+...\", e.g. {match: "
                              "\"+4930\", strip: 5, prepend: \"+4940\"}"});
    }
}

}  // namespace

void check_numbering(const Numbering& numbering, NumbersOf owner, FieldErrors& errors) {
    const bool trunk = owner == NumbersOf::trunk;
    check_dial_plan(numbering.dial_plan, errors);
    check_rules("called_in", numbering.called_in, false, errors);
    check_rules("called_out", numbering.called_out, trunk, errors);
    check_rules("calling_in", numbering.calling_in, false, errors);
    check_rules("calling_out", numbering.calling_out, trunk, errors);
    if (trunk) return;
    if (numbering.own_domain_only)
        errors.push_back(
            {"numbering.own_domain_only", "belongs to trunks: a carrier's numbers decide, not its domain"});
    if (!numbering.dial_plan.emergency_numbers.empty())
        errors.push_back({"numbering.dial_plan.emergency_numbers", "belongs to trunks: a carrier calls no services"});
    if (!numbering.dial_plan.outside_line.empty())
        errors.push_back({"numbering.dial_plan.outside_line", "belongs to trunks: a carrier dials no outside line"});
}

void check_identity(const Trunk& trunk, FieldErrors& errors) {
    const auto& number = trunk.identity.default_number;
    if (number.empty() || trunk.owns(number)) return;
    errors.push_back({"identity.default_number", is_e164(number)
                                                     ? quoted(number) + " is no number of this trunk"
                                                     : quoted(number) + " is no E.164 number, e.g. \"+4930123456\""});
}

void check_prefixes(const Route& route, FieldErrors& errors) {
    if (route.prefixes.size() > limits::prefixes_of_route)
        errors.push_back({"prefixes", too_many(route.prefixes.size(), limits::prefixes_of_route)});
    for (std::size_t i = 0; i < route.prefixes.size(); ++i)
        if (route.prefixes[i].empty() || !is_prefix(route.prefixes[i]))
            errors.push_back({at("prefixes", i),
                              quoted(route.prefixes[i]) + " is no prefix: \"+\" and up to 15 digits, e.g. \"+4930\""});
    if (route.service_numbers.size() > limits::service_numbers)
        errors.push_back({"service_numbers", too_many(route.service_numbers.size(), limits::service_numbers)});
    for (std::size_t i = 0; i < route.service_numbers.size(); ++i)
        if (!is_dialled(route.service_numbers[i], limits::service_digits))
            errors.push_back({at("service_numbers", i), quoted(route.service_numbers[i]) +
                                                            " is no service number: 1 to 15 of 0-9, * and #, e.g. "
                                                            "\"112\""});
}

void check_choices(const Route& route, FieldErrors& errors) {
    if (!route.choices.empty() && !route.carriers.empty())
        errors.push_back({"choices", "is given beside carriers: give one or the other"});
    if (route.choices.size() > limits::carriers_of_route)
        errors.push_back({"choices", too_many(route.choices.size(), limits::carriers_of_route)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < route.choices.size(); ++i)
        if (!seen.insert(route.choices[i].carrier).second)
            errors.push_back(
                {at("choices", i) + ".carrier", quoted("carriers/" + route.choices[i].carrier) + " is given twice"});
}

}  // namespace sallyport::config::rules
