#include "control/wire/policy_convert.h"

#include "control/wire/access_convert.h"
#include "control/wire/time_zone.h"

namespace sallyport::wire {
namespace {

using config::FieldErrors;
using config::WeeklyWindow;

std::uint16_t time_of_day(const std::string& text, std::uint16_t otherwise) {
    if (text.empty()) return otherwise;
    const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    constexpr std::uint16_t none = 0xffff;  // the validator says what would be right
    if (text.size() != 5 || text[2] != ':' || !digit(0) || !digit(1) || !digit(3) || !digit(4)) return none;
    const auto two = [&](std::size_t i) { return (text[i] - '0') * 10 + (text[i + 1] - '0'); };
    return two(3) < 60 ? static_cast<std::uint16_t>(two(0) * 60 + two(3)) : none;
}

std::string time_text(std::uint16_t minutes) {
    const auto two = [](int value) { return std::string(value < 10 ? "0" : "") + std::to_string(value); };
    return two(minutes / 60) + ':' + two(minutes % 60);
}

std::uint8_t days_from(const pb::WeeklyWindow& message, const std::string& field, FieldErrors& errors) {
    if (message.days_size() == 0) return WeeklyWindow::every_day;
    std::uint8_t days = 0;
    for (int i = 0; i < message.days_size(); ++i) {
        const int day = message.days(i) - pb::WEEKDAY_MONDAY;
        if (day < 0 || day > 6)
            errors.push_back({at(field + ".days", i),
                              "must be one of monday, tuesday, wednesday, thursday, friday, saturday, sunday"});
        else
            days = static_cast<std::uint8_t>(days | 1 << day);
    }
    return days == 0 ? WeeklyWindow::every_day : days;  // told already
}

config::HeaderAction action_from(pb::HeaderAction action, const std::string& field, FieldErrors& errors) {
    switch (action) {
        case pb::HEADER_ACTION_ADD: return config::HeaderAction::add;
        case pb::HEADER_ACTION_REMOVE: return config::HeaderAction::remove;
        case pb::HEADER_ACTION_REWRITE: return config::HeaderAction::rewrite;
        default: break;
    }
    errors.push_back({field + ".action", "must be one of add, remove, rewrite"});
    return config::HeaderAction::add;
}

pb::HeaderAction action_to(config::HeaderAction action) {
    switch (action) {
        case config::HeaderAction::add: return pb::HEADER_ACTION_ADD;
        case config::HeaderAction::remove: return pb::HEADER_ACTION_REMOVE;
        case config::HeaderAction::rewrite: return pb::HEADER_ACTION_REWRITE;
    }
    return pb::HEADER_ACTION_UNSPECIFIED;
}

template <class Messages>
std::vector<config::HeaderRule> rules_from(const Messages& messages, const std::string& list, FieldErrors& errors) {
    std::vector<config::HeaderRule> rules;
    for (const auto& message : messages)
        rules.push_back({action_from(message.action(), at(list, static_cast<int>(rules.size())), errors),
                         message.header(), message.match(), message.value()});
    return rules;
}

void rule_to(const config::HeaderRule& rule, pb::HeaderRule& message) {
    message.set_action(action_to(rule.action));
    message.set_header(rule.header);
    message.set_match(rule.match);
    message.set_value(rule.value);
}

}  // namespace

Converted<config::Customer> from_proto(const pb::Customer& message) {
    Converted<config::Customer> out;
    auto& [customer, errors, none] = out;
    customer.id = id_from(message.name(), "customers/", errors);
    customer.display_name = message.display_name();
    const auto& limits = message.limits();
    customer.limits = {limits.concurrent_calls(), limits.calls_per_second(), limits.burst(), limits.bandwidth_kbps()};
    customer.disabled = message.disabled();
    customer.revision = revision_of(message.etag());
    return out;
}

pb::Customer to_proto(const config::Customer& customer) {
    pb::Customer message;
    message.set_name("customers/" + customer.id);
    message.set_etag(etag_of(customer.revision));
    message.set_display_name(customer.display_name);
    auto& limits = *message.mutable_limits();
    limits.set_concurrent_calls(customer.limits.concurrent_calls);
    limits.set_calls_per_second(customer.limits.calls_per_second);
    limits.set_burst(customer.limits.burst);
    limits.set_bandwidth_kbps(customer.limits.bandwidth_kbps);
    message.set_disabled(customer.disabled);
    return message;
}

std::vector<config::NumberLimit> number_limits_from(const pb::Trunk& message) {
    std::vector<config::NumberLimit> limits;
    for (const auto& limit : message.number_limits()) {
        const auto& [first, last] = std::pair(limit.numbers().first(), limit.numbers().last());
        limits.push_back(
            {{first, last.empty() ? first : last}, limit.concurrent_calls(), limit.concurrent_calls_each()});
    }
    return limits;
}

void number_limits_to(const config::Trunk& trunk, pb::Trunk& message) {
    for (const auto& limit : trunk.number_limits) {
        auto& out = *message.add_number_limits();
        out.mutable_numbers()->set_first(limit.numbers.first);
        out.mutable_numbers()->set_last(limit.numbers.last);
        out.set_concurrent_calls(limit.concurrent_calls);
        out.set_concurrent_calls_each(limit.concurrent_calls_each);
    }
}

config::Destinations destinations_from(const pb::Destinations& message, FieldErrors& errors) {
    config::Destinations out;
    out.allowed_prefixes.assign(message.allowed_prefixes().begin(), message.allowed_prefixes().end());
    out.time_zone = message.time_zone();
    out.zone = time_zone(message.time_zone());
    for (int i = 0; i < message.hours_size(); ++i) {
        auto& hours = out.hours.emplace_back();
        hours.prefixes.assign(message.hours(i).prefixes().begin(), message.hours(i).prefixes().end());
        for (int j = 0; j < message.hours(i).windows_size(); ++j) {
            const auto& window = message.hours(i).windows(j);
            hours.windows.push_back({days_from(window, at(at("destinations.hours", i) + ".windows", j), errors),
                                     time_of_day(window.from(), 0),
                                     time_of_day(window.to(), WeeklyWindow::end_of_day)});
        }
    }
    return out;
}

pb::Destinations destinations_to(const config::Destinations& destinations) {
    pb::Destinations message;
    for (const auto& prefix : destinations.allowed_prefixes) message.add_allowed_prefixes(prefix);
    message.set_time_zone(destinations.time_zone);
    for (const auto& hours : destinations.hours) {
        auto& out = *message.add_hours();
        for (const auto& prefix : hours.prefixes) out.add_prefixes(prefix);
        for (const auto& window : hours.windows) {
            auto& into = *out.add_windows();
            for (int day = 0; day < 7 && window.days != WeeklyWindow::every_day; ++day)
                if ((window.days >> day & 1) != 0) into.add_days(static_cast<pb::Weekday>(pb::WEEKDAY_MONDAY + day));
            into.set_from(time_text(window.from));
            into.set_to(time_text(window.to));
        }
    }
    return message;
}

config::HeaderRules headers_from(const pb::HeaderRules& message, FieldErrors& errors) {
    return {rules_from(message.in(), "headers.in", errors), rules_from(message.out(), "headers.out", errors)};
}

pb::HeaderRules headers_to(const config::HeaderRules& headers) {
    pb::HeaderRules message;
    for (const auto& rule : headers.in) rule_to(rule, *message.add_in());
    for (const auto& rule : headers.out) rule_to(rule, *message.add_out());
    return message;
}

}  // namespace sallyport::wire
