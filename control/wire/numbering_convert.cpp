#include "control/wire/numbering_convert.h"

namespace sallyport::wire {
namespace {

template <class Messages>
config::NumberRules rules_from(const Messages& messages) {
    config::NumberRules rules;
    for (const auto& message : messages) rules.push_back({message.match(), message.strip(), message.prepend()});
    return rules;
}

template <class Messages>
void rules_to(const config::NumberRules& rules, Messages& messages) {
    for (const auto& rule : rules) {
        auto& message = *messages.Add();
        message.set_match(rule.match);
        message.set_strip(rule.strip);
        message.set_prepend(rule.prepend);
    }
}

}  // namespace

config::Numbering from_proto(const pb::Numbering& message) {
    config::Numbering out;
    const auto& plan = message.dial_plan();
    out.dial_plan.country_code = plan.country_code();
    out.dial_plan.area_code = plan.area_code();
    out.dial_plan.national_prefix = plan.national_prefix();
    out.dial_plan.international_prefix = plan.international_prefix();
    out.dial_plan.outside_line = plan.outside_line();
    out.dial_plan.national_digits = plan.national_digits();
    for (const auto& code : plan.short_codes()) out.dial_plan.short_codes.push_back({code.dialled(), code.number()});
    out.dial_plan.emergency_numbers.assign(plan.emergency_numbers().begin(), plan.emergency_numbers().end());
    out.called_in = rules_from(message.called_in());
    out.called_out = rules_from(message.called_out());
    out.calling_in = rules_from(message.calling_in());
    out.calling_out = rules_from(message.calling_out());
    out.own_domain_only = message.own_domain_only();
    return out;
}

pb::Numbering to_proto(const config::Numbering& numbering) {
    pb::Numbering message;
    const auto& plan = numbering.dial_plan;
    auto& out = *message.mutable_dial_plan();
    out.set_country_code(plan.country_code);
    out.set_area_code(plan.area_code);
    out.set_national_prefix(plan.national_prefix);
    out.set_international_prefix(plan.international_prefix);
    out.set_outside_line(plan.outside_line);
    out.set_national_digits(plan.national_digits);
    for (const auto& code : plan.short_codes) {
        auto& each = *out.add_short_codes();
        each.set_dialled(code.dialled);
        each.set_number(code.number);
    }
    for (const auto& number : plan.emergency_numbers) out.add_emergency_numbers(number);
    rules_to(numbering.called_in, *message.mutable_called_in());
    rules_to(numbering.called_out, *message.mutable_called_out());
    rules_to(numbering.calling_in, *message.mutable_calling_in());
    rules_to(numbering.calling_out, *message.mutable_calling_out());
    message.set_own_domain_only(numbering.own_domain_only);
    return message;
}

config::TrunkIdentity from_proto(const pb::TrunkIdentity& message, config::FieldErrors& errors) {
    config::TrunkIdentity out;
    out.trusted = message.trusted();
    out.default_number = message.default_number();
    switch (message.screening()) {
        case pb::SCREENING_UNSPECIFIED:
        case pb::SCREENING_SUBSTITUTE: out.screening = config::Screening::substitute; break;
        case pb::SCREENING_REJECT: out.screening = config::Screening::reject; break;
        case pb::SCREENING_PASS: out.screening = config::Screening::pass; break;
        default: errors.push_back({"identity.screening", "must be one of substitute, reject, pass"});
    }
    switch (message.from()) {
        case pb::FROM_POLICY_UNSPECIFIED:
        case pb::FROM_POLICY_NORMALISE: out.from = config::FromPolicy::normalise; break;
        case pb::FROM_POLICY_TRANSPARENT: out.from = config::FromPolicy::transparent; break;
        case pb::FROM_POLICY_ANONYMISE: out.from = config::FromPolicy::anonymise; break;
        default: errors.push_back({"identity.from", "must be one of normalise, transparent, anonymise"});
    }
    out.omit_asserted = message.omit_asserted();
    out.restrict_by_default = message.restrict_by_default();
    out.ignore_preferred = message.ignore_preferred();
    return out;
}

pb::TrunkIdentity to_proto(const config::TrunkIdentity& identity) {
    pb::TrunkIdentity message;
    message.set_trusted(identity.trusted);
    message.set_default_number(identity.default_number);
    message.set_screening(identity.screening == config::Screening::substitute ? pb::SCREENING_SUBSTITUTE
                          : identity.screening == config::Screening::reject   ? pb::SCREENING_REJECT
                                                                              : pb::SCREENING_PASS);
    message.set_from(identity.from == config::FromPolicy::normalise     ? pb::FROM_POLICY_NORMALISE
                     : identity.from == config::FromPolicy::transparent ? pb::FROM_POLICY_TRANSPARENT
                                                                        : pb::FROM_POLICY_ANONYMISE);
    message.set_omit_asserted(identity.omit_asserted);
    message.set_restrict_by_default(identity.restrict_by_default);
    message.set_ignore_preferred(identity.ignore_preferred);
    return message;
}

}  // namespace sallyport::wire
