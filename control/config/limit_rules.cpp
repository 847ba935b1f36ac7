// What limits, of a trunk, of its numbers and of a customer, may not say, nor who may be called, and when.
#include <algorithm>
#include <cmath>
#include <set>

#include "control/config/limits.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config::rules {
namespace {

constexpr double slowest = 0.001;                // calls per second: one in a quarter of an hour
constexpr double longest_burst = 30.0 * 86'400;  // seconds

void check_prefixes_of(const std::string& list, const std::vector<std::string>& prefixes, bool may_be_empty,
                       FieldErrors& errors) {
    for (std::size_t i = 0; i < prefixes.size(); ++i)
        if ((prefixes[i].empty() && !may_be_empty) || !is_prefix(prefixes[i]))
            errors.push_back({at(list, i), quoted(prefixes[i]) +
                                               " is no prefix: \"+\" and up to 15 digits, e.g. \"+49\"" +
                                               (may_be_empty ? ", or \"\" for every number" : "")});
}

void check_window(const std::string& field, const WeeklyWindow& window, FieldErrors& errors) {
    if (window.days == 0) errors.push_back({field + ".days", "names no day, e.g. [monday, tuesday]; none: every day"});
    if (window.from >= WeeklyWindow::end_of_day)
        errors.push_back({field + ".from", "is no time of day: \"00:00\" to \"23:59\", e.g. \"08:00\""});
    if (window.to > WeeklyWindow::end_of_day)
        errors.push_back({field + ".to", "is no time of day: \"00:00\" to \"24:00\", e.g. \"18:00\""});
}

}  // namespace

void check_call_limits(const CallLimits& limits, FieldErrors& errors) {
    if (limits.concurrent_calls > limits::concurrent_calls)
        errors.push_back({"limits.concurrent_calls",
                          out_of_range(limits.concurrent_calls, 0, limits::concurrent_calls) + "; 0: unlimited"});
    if (!std::isfinite(limits.calls_per_second) || limits.calls_per_second < 0 ||
        limits.calls_per_second > limits::calls_per_second ||
        (limits.calls_per_second > 0 && limits.calls_per_second < slowest))
        errors.push_back({"limits.calls_per_second", "must be 0 (unlimited) or a number from 0.001 to 10000, e.g. 5"});
    if (limits.burst > limits::burst)
        errors.push_back({"limits.burst", out_of_range(limits.burst, 0, limits::burst) + "; 0: one second's worth"});
    else if (limits.burst > 0 && limits.calls_per_second <= 0)
        errors.push_back({"limits.burst",
                          "belongs to limits.calls_per_second, which is 0: unlimited; e.g. "
                          "{calls_per_second: 2, burst: 20}"});
    else if (limits.burst > 0 && limits.burst / limits.calls_per_second > longest_burst)
        errors.push_back(
            {"limits.burst", quoted(std::to_string(limits.burst)) +
                                 " takes longer than 30 days to come back at limits.calls_per_second: at most " +
                                 std::to_string(static_cast<std::uint64_t>(limits.calls_per_second * longest_burst))});
    if (limits.bandwidth_kbps > limits::bandwidth_kbps)
        errors.push_back({"limits.bandwidth_kbps",
                          out_of_range(limits.bandwidth_kbps, 0, limits::bandwidth_kbps) + "; 0: unlimited"});
}

void check_number_limits(const Trunk& trunk, FieldErrors& errors) {
    const auto& entries = trunk.number_limits;
    if (entries.size() > limits::number_limits)
        errors.push_back({"number_limits", too_many(entries.size(), limits::number_limits)});
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& [numbers, together, each] = entries[i];
        const auto field = at("number_limits", i);
        const bool form = is_e164(numbers.first) && is_e164(numbers.last) &&
                          numbers.first.size() == numbers.last.size() && numbers.first <= numbers.last;
        const bool owned = std::any_of(trunk.numbers.begin(), trunk.numbers.end(), [&](const NumberRange& own) {
            return own.contains(numbers.first) && own.contains(numbers.last);
        });
        if (!form || !owned)
            errors.push_back({field + ".numbers", quoted(numbers.to_string()) +
                                                      " is no number, and no part of a range, of the trunk's numbers, "
                                                      "e.g. \"+4930123400..+4930123409\""});
        for (std::size_t j = 0; j < i && form; ++j)
            if (entries[j].numbers.contains(numbers.first) || entries[j].numbers.contains(numbers.last) ||
                numbers.contains(entries[j].numbers.first))
                errors.push_back({field + ".numbers", quoted(numbers.to_string()) + " overlaps " +
                                                          quoted(entries[j].numbers.to_string()) + " of " +
                                                          at("number_limits", j)});
        if (together == 0 && each == 0)
            errors.push_back({field + ".concurrent_calls",
                              "is missing: it, concurrent_calls_each or both, e.g. {numbers: \"+4930123400\", "
                              "concurrent_calls: 2}"});
        if (together > limits::concurrent_calls)
            errors.push_back(
                {field + ".concurrent_calls", out_of_range(together, 0, limits::concurrent_calls) + "; 0: unlimited"});
        if (each > limits::concurrent_calls)
            errors.push_back(
                {field + ".concurrent_calls_each", out_of_range(each, 0, limits::concurrent_calls) + "; 0: unlimited"});
    }
}

void check_destinations(const Destinations& destinations, FieldErrors& errors) {
    const auto& [allowed, time_zone, zone, hours] = destinations;
    if (allowed.size() > limits::allowed_prefixes)
        errors.push_back({"destinations.allowed_prefixes", too_many(allowed.size(), limits::allowed_prefixes)});
    check_prefixes_of("destinations.allowed_prefixes", allowed, false, errors);
    if (hours.size() > limits::calling_hours)
        errors.push_back({"destinations.hours", too_many(hours.size(), limits::calling_hours)});
    if (!hours.empty() && time_zone.empty())
        errors.push_back({"destinations.time_zone",
                          "is missing: destinations.hours are by the clock of a place, e.g. \"Europe/Berlin\""});
    else if (!time_zone.empty() && zone == nullptr)
        errors.push_back({"destinations.time_zone", quoted(time_zone) +
                                                        " is no time zone of this machine's database (package "
                                                        "tzdata), e.g. \"Europe/Berlin\" or \"UTC\""});
    std::set<std::string_view> seen;
    std::size_t prefixes = 0;
    for (std::size_t i = 0; i < hours.size(); ++i) {
        const auto field = at("destinations.hours", i);
        prefixes += hours[i].prefixes.size();
        if (hours[i].prefixes.empty())
            errors.push_back({field + ".prefixes",
                              "is empty: give those that the windows are for, e.g. [\"+49\"], or "
                              "[\"\"] for every number"});
        check_prefixes_of(field + ".prefixes", hours[i].prefixes, true, errors);
        for (std::size_t j = 0; j < hours[i].prefixes.size(); ++j)
            if (!seen.insert(hours[i].prefixes[j]).second)
                errors.push_back({at(field + ".prefixes", j), quoted(hours[i].prefixes[j]) + " is given twice"});
        if (hours[i].windows.size() > limits::weekly_windows)
            errors.push_back({field + ".windows", too_many(hours[i].windows.size(), limits::weekly_windows)});
        for (std::size_t j = 0; j < hours[i].windows.size(); ++j)
            check_window(at(field + ".windows", j), hours[i].windows[j], errors);
    }
    if (prefixes > limits::hours_prefixes)
        errors.push_back(
            {"destinations.hours", "have too many prefixes: " + too_many(prefixes, limits::hours_prefixes)});
}

}  // namespace sallyport::config::rules
