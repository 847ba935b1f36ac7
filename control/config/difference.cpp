#include "control/config/difference.h"

#include <algorithm>

#include "control/config/value_text.h"

namespace sallyport::config {
namespace {

using told::text;

constexpr std::size_t shown_elements = 8;

struct FieldValue {
    std::string field;
    std::vector<std::string> values;  // one, or a list's
    bool list = false;
    bool secret = false;
};
using FieldValues = std::vector<FieldValue>;

void add(FieldValues& out, std::string field, std::string value) {
    out.push_back({std::move(field), {std::move(value)}});
}

template <class T>
void add_list(FieldValues& out, std::string field, const std::vector<T>& values) {
    FieldValue list{std::move(field), {}, true};
    for (const auto& value : values) list.values.push_back(text(value));
    out.push_back(std::move(list));
}

void add_media(FieldValues& out, const MediaPolicy& media) {
    add(out, "media.srtp", text(media.srtp));
    add_list(out, "media.codecs", media.codecs);
    add(out, "media.inactivity_seconds", std::to_string(media.inactivity_seconds));
    add(out, "media.latch_any_address", text(media.latch_any_address));
    add(out, "media.port", media.port);
    add(out, "media.music_on_hold", text(media.music_on_hold));
    add(out, "media.early_media", text(media.early_media));
    add(out, "media.packet_milliseconds", std::to_string(media.packet_milliseconds));
    add(out, "media.fax", text(media.fax));
}

void add_session_timers(FieldValues& out, const SessionTimers& timers) {
    add(out, "session_timers.seconds", timers.seconds == 0 ? "on_request" : std::to_string(timers.seconds));
    add(out, "session_timers.min_seconds", std::to_string(timers.min_seconds));
}

void add_tls(FieldValues& out, const PeerTls& tls) {
    add(out, "tls.required", text(tls.required));
    add(out, "tls.client_certificate", text(tls.client_certificate));
    add_list(out, "tls.authorities", tls.authorities);
    add_list(out, "tls.certificates", tls.certificates);
    add_list(out, "tls.fingerprints", tls.fingerprints);
    add_list(out, "tls.names", tls.names);
    add(out, "tls.wildcards", text(tls.wildcards));
    add(out, "tls.ocsp", text(tls.ocsp));
}

void add_numbering(FieldValues& out, const Numbering& numbering) {
    const DialPlan& plan = numbering.dial_plan;
    add(out, "numbering.dial_plan.country_code", plan.country_code);
    add(out, "numbering.dial_plan.area_code", plan.area_code);
    add(out, "numbering.dial_plan.national_prefix", plan.national_prefix);
    add(out, "numbering.dial_plan.international_prefix", plan.international_prefix);
    add(out, "numbering.dial_plan.outside_line", plan.outside_line);
    add(out, "numbering.dial_plan.national_digits", std::to_string(plan.national_digits));
    add_list(out, "numbering.dial_plan.short_codes", plan.short_codes);
    add_list(out, "numbering.dial_plan.emergency_numbers", plan.emergency_numbers);
    add_list(out, "numbering.called_in", numbering.called_in);
    add_list(out, "numbering.called_out", numbering.called_out);
    add_list(out, "numbering.calling_in", numbering.calling_in);
    add_list(out, "numbering.calling_out", numbering.calling_out);
    add(out, "numbering.own_domain_only", text(numbering.own_domain_only));
}

void add_identity(FieldValues& out, const TrunkIdentity& identity) {
    add(out, "identity.trusted", text(identity.trusted));
    add(out, "identity.default_number", identity.default_number);
    add(out, "identity.screening", text(identity.screening));
    add(out, "identity.from", text(identity.from));
    add(out, "identity.omit_asserted", text(identity.omit_asserted));
    add(out, "identity.restrict_by_default", text(identity.restrict_by_default));
    add(out, "identity.ignore_preferred", text(identity.ignore_preferred));
}

void add_credentials(FieldValues& out, const std::vector<Credential>& credentials) {
    FieldValue names{"credentials", {}, true};
    for (const auto& c : credentials)
        names.values.push_back(c.username + (c.digest_realm.empty() ? "" : '@' + c.digest_realm));
    out.push_back(std::move(names));
    FieldValue secrets{"credentials.password", {}, true, true};
    for (const auto& c : credentials) secrets.values.push_back(c.username + ':' + c.ha1_md5 + ':' + c.ha1_sha256);
    out.push_back(std::move(secrets));
}

void add_headers(FieldValues& out, const HeaderRules& headers) {
    add_list(out, "headers.in", headers.in);
    add_list(out, "headers.out", headers.out);
}

void add_destinations(FieldValues& out, const Destinations& destinations) {
    add_list(out, "destinations.allowed_prefixes", destinations.allowed_prefixes);
    add(out, "destinations.time_zone", destinations.time_zone);
    add_list(out, "destinations.hours", destinations.hours);
}

FieldValues fields_of(const Customer& c) {
    FieldValues out;
    add(out, "display_name", c.display_name);
    add(out, "limits.concurrent_calls", std::to_string(c.limits.concurrent_calls));
    add(out, "limits.calls_per_second", text(c.limits.calls_per_second));
    add(out, "limits.burst", std::to_string(c.limits.burst));
    add(out, "limits.bandwidth_kbps", std::to_string(c.limits.bandwidth_kbps));
    add(out, "disabled", text(c.disabled));
    return out;
}

FieldValues fields_of(const Trunk& t) {
    FieldValues out;
    add(out, "display_name", t.display_name);
    add(out, "mode", text(t.mode));
    add(out, "realm", t.realm);
    add(out, "registration_aor", t.registration_aor);
    add(out, "domain", t.domain);
    add_credentials(out, t.credentials);
    add_list(out, "numbers", t.numbers);
    add(out, "limits.concurrent_calls", std::to_string(t.limits.concurrent_calls));
    add(out, "limits.calls_per_second", text(t.limits.calls_per_second));
    add(out, "limits.max_contacts", std::to_string(t.limits.max_contacts));
    add(out, "limits.registration_expires_seconds", std::to_string(t.limits.registration_expires_seconds));
    add_list(out, "limits.barred_prefixes", t.limits.barred_prefixes);
    add(out, "limits.without_default_bars", text(t.limits.without_default_bars));
    add(out, "limits.cost_per_day", text(t.limits.cost_per_day));
    add(out, "limits.burst", std::to_string(t.limits.burst));
    add(out, "limits.bandwidth_kbps", std::to_string(t.limits.bandwidth_kbps));
    add_media(out, t.media);
    add(out, "disabled", text(t.disabled));
    add(out, "single_aor_compatibility", text(t.single_aor_compatibility));
    add(out, "authentication.digest", text(t.authentication.digest));
    add_list(out, "authentication.algorithms", t.authentication.algorithms);
    add_list(out, "authentication.methods", t.authentication.methods);
    add(out, "authentication.without_qop", text(t.authentication.without_qop));
    add(out, "registration.min_expires_seconds", std::to_string(t.registration.min_expires_seconds));
    add(out, "registration.default_expires_seconds", std::to_string(t.registration.default_expires_seconds));
    add_list(out, "transports", t.transports);
    add_list(out, "targets", t.targets);
    add_list(out, "sources", t.sources);
    add_tls(out, t.tls);
    add_numbering(out, t.numbering);
    add_identity(out, t.identity);
    add_list(out, "overflow.numbers", t.overflow.numbers);
    add(out, "overflow.trunk", t.overflow.trunk);
    add(out, "forwarding.keep_redirects", text(t.forwarding.keep_redirects));
    add_session_timers(out, t.session_timers);
    add(out, "reliable_provisionals", text(t.reliable_provisionals));
    add(out, "network.ip_version", text(t.network.family));
    add(out, "network.nat", text(t.network.nat));
    add(out, "network.options_interval_seconds", std::to_string(t.network.options_interval_seconds));
    add(out, "customer", t.customer);
    add_list(out, "number_limits", t.number_limits);
    add_destinations(out, t.destinations);
    add_headers(out, t.headers);
    add(out, "on_net", text(t.on_net));
    add(out, "replaces", text(t.replaces));
    add(out, "large_requests", text(t.large_requests));
    add(out, "call_records", text(t.call_records));
    return out;
}

FieldValues fields_of(const Carrier& c) {
    FieldValues out;
    add(out, "display_name", c.display_name);
    add(out, "realm", c.realm);
    add(out, "domain", c.domain);
    add_list(out, "targets", c.targets);
    add(out, "options_interval_seconds", std::to_string(c.options_interval_seconds));
    add_list(out, "reroute_statuses", c.reroute_statuses);
    add_media(out, c.media);
    add_list(out, "sources", c.sources);
    add_tls(out, c.tls);
    add_numbering(out, c.numbering);
    add(out, "identity.untrusted", text(c.identity.untrusted));
    add(out, "identity.diversion", text(c.identity.diversion));
    add_list(out, "reroute_causes", c.reroute_causes);
    add_session_timers(out, c.session_timers);
    add(out, "reliable_provisionals", text(c.reliable_provisionals));
    add_headers(out, c.headers);
    add(out, "replaces", text(c.replaces));
    add(out, "large_requests", text(c.large_requests));
    add(out, "disabled", text(c.disabled));
    return out;
}

FieldValues fields_of(const Route& r) {
    FieldValues out;
    add(out, "prefix", r.prefix);
    add_list(out, "carriers", r.carriers);
    add_list(out, "choices", r.choices);
    add_list(out, "prefixes", r.prefixes);
    add_list(out, "service_numbers", r.service_numbers);
    add(out, "price_per_minute", text(r.price_per_minute));
    add(out, "use_location", text(r.use_location));
    add_list(out, "areas", r.areas);
    add(out, "disabled", text(r.disabled));
    return out;
}

std::string joined(const std::vector<std::string>& values) {
    std::string out;
    for (std::size_t i = 0; i < values.size() && i < shown_elements; ++i) out += (i == 0 ? "" : ", ") + values[i];
    if (values.size() > shown_elements) out += " and " + std::to_string(values.size() - shown_elements) + " more";
    return out;
}

// Elements of a that b has not.
std::vector<std::string> minus(std::vector<std::string> a, std::vector<std::string> b) {
    std::sort(b.begin(), b.end());
    std::erase_if(a, [&](const std::string& value) { return std::binary_search(b.begin(), b.end(), value); });
    return a;
}

FieldChange compare(const FieldValue& before, const FieldValue& after) {
    if (before.secret) {
        const bool replaced = !before.values.empty() && !after.values.empty();
        return {before.field, before.values.empty() ? "" : "(secret)",
                replaced ? "(another secret)" : (after.values.empty() ? "" : "(secret)")};
    }
    if (!before.list) return {before.field, before.values.front(), after.values.front()};
    auto removed = minus(before.values, after.values), added = minus(after.values, before.values);
    if (removed.empty() && added.empty())
        return {before.field, joined(before.values), joined(after.values)};  // the order
    return {before.field, joined(removed), joined(added)};
}

template <class T>
Difference compare(std::string_view kind, const T* before, const T* after) {
    const T standard{};
    const T* named = after != nullptr ? after : before;
    if (named == nullptr) return {};
    Difference result{std::string(kind) + '/' + named->id, Action::update, {}};
    if (before == nullptr) result.action = Action::create;
    if (after == nullptr) {
        result.action = Action::delete_;
        return result;
    }
    const auto old = fields_of(before != nullptr ? *before : standard), fresh = fields_of(*after);
    for (std::size_t i = 0; i < fresh.size(); ++i)
        if (old[i].values != fresh[i].values) result.fields.push_back(compare(old[i], fresh[i]));
    if (before != nullptr && result.fields.empty()) result.action = Action::unchanged;
    return result;
}

}  // namespace

Difference difference(const Trunk* before, const Trunk* after) { return compare("trunks", before, after); }
Difference difference(const Carrier* before, const Carrier* after) { return compare("carriers", before, after); }
Difference difference(const Route* before, const Route* after) { return compare("routes", before, after); }
Difference difference(const Customer* before, const Customer* after) { return compare("customers", before, after); }

}  // namespace sallyport::config
