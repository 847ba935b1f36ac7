#include "control/config/validate.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "control/config/keys.h"
#include "control/config/limits.h"
#include "control/config/network_rules.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config {
namespace {

using rules::at;

void check_credentials(const Trunk& trunk, FieldErrors& errors) {
    if (trunk.credentials.size() > limits::credentials)
        errors.push_back({"credentials", rules::too_many(trunk.credentials.size(), limits::credentials)});
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (std::size_t i = 0; i < trunk.credentials.size(); ++i) {
        const auto& credential = trunk.credentials[i];
        const auto field = at("credentials", i);
        const auto realm = effective_realm(trunk, credential);
        if (credential.username.empty() || credential.username.size() > limits::username_length ||
            !is_printable(credential.username) || credential.username.find_first_of(":\"\\") != std::string::npos)
            errors.push_back({field + ".username", quoted(credential.username) +
                                                       " is no user name: 1 to 128 characters without : \" and \\, "
                                                       "e.g. \"acme-hq\""});
        if (realm.empty())
            errors.push_back({field + ".digest_realm",
                              "is missing, and there is no domain to take its place, e.g. "
                              "\"sip.example.com\""});
        else if (!is_printable(realm) || realm.size() > limits::host_length ||
                 realm.find_first_of("\"\\") != realm.npos)
            errors.push_back({field + ".digest_realm", quoted(realm) + " is no realm, e.g. \"sip.example.com\""});
        if (credential.ha1_md5.empty() && credential.ha1_sha256.empty())
            errors.push_back({field + ".password", "is missing: give password, or ha1_md5 and ha1_sha256"});
        if (!credential.ha1_md5.empty() && !is_hex(credential.ha1_md5, 32))
            errors.push_back({field + ".ha1_md5", "must be the 32 hexadecimal digits of MD5(username:realm:password)"});
        if (!credential.ha1_sha256.empty() && !is_hex(credential.ha1_sha256, 64))
            errors.push_back(
                {field + ".ha1_sha256", "must be the 64 hexadecimal digits of SHA-256(username:realm:password)"});
        if (!seen.emplace(credential.username, realm).second)
            errors.push_back({field + ".username", quoted(credential.username) + " is given twice for the realm " +
                                                       quoted(realm) + "; one entry holds both hashes"});
    }
}

void check_e164(const std::string& field, const std::string& number, FieldErrors& errors) {
    if (!is_e164(number))
        errors.push_back({field, quoted(number) +
                                     " is no E.164 number: \"+\", country code and number, 2 to 15 digits in "
                                     "all, e.g. \"+4930123456\""});
}

void check_range(const std::string& field, const NumberRange& range, FieldErrors& errors) {
    const auto& [first, last] = range;
    check_e164(field + ".first", first, errors);
    if (last != first) check_e164(field + ".last", last, errors);
    if (!is_e164(first) || !is_e164(last)) return;
    if (first.size() != last.size())
        errors.push_back({field + ".last", quoted(last) + " has another length than " + quoted(first) +
                                               ": a range has one, e.g. \"+4930123400\" to \"+4930123499\""});
    else if (last < first)
        errors.push_back({field + ".last", quoted(last) + " comes before " + quoted(first) +
                                               ", e.g. \"+4930123400\" to \"+4930123499\""});
}

void check_numbers(const Trunk& trunk, FieldErrors& errors) {
    if (trunk.numbers.size() > limits::number_ranges)
        errors.push_back({"numbers", rules::too_many(trunk.numbers.size(), limits::number_ranges)});
    for (std::size_t i = 0; i < trunk.numbers.size(); ++i) check_range(at("numbers", i), trunk.numbers[i], errors);
}

void check_overflow(const Trunk& trunk, FieldErrors& errors) {
    const Overflow& overflow = trunk.overflow;
    if (!overflow.trunk.empty() && overflow.trunk == trunk.id)
        errors.push_back({"overflow.trunk", "is the trunk itself; name another one, e.g. \"trunks/acme-dr\""});
    if (overflow.numbers.size() > limits::overflow_numbers)
        errors.push_back({"overflow.numbers", rules::too_many(overflow.numbers.size(), limits::overflow_numbers)});
    for (std::size_t i = 0; i < overflow.numbers.size(); ++i) {
        const auto& [range, to] = overflow.numbers[i];
        const auto field = at("overflow.numbers", i);
        check_range(field, range, errors);
        check_e164(field + ".to", to, errors);
        if (trunk.owns(to))
            errors.push_back(
                {field + ".to", quoted(to) + " is a number of the trunk itself, which cannot be reached then"});
        if (range.first.size() == range.last.size() && is_e164(range.first) &&
            !(trunk.owns(range.first) && trunk.owns(range.last)))
            errors.push_back({field, "is not within the trunk's numbers"});
    }
}

bool is_price(double value, double most) { return std::isfinite(value) && value >= 0 && value <= most; }

void check_limits(const Limits& l, FieldErrors& errors) {
    rules::check_call_limits({l.concurrent_calls, l.calls_per_second, l.burst, l.bandwidth_kbps}, errors);
    if (l.max_contacts < 1 || l.max_contacts > limits::max_contacts)
        errors.push_back({"limits.max_contacts", rules::out_of_range(l.max_contacts, 1, limits::max_contacts)});
    if (l.registration_expires_seconds < limits::expires_min || l.registration_expires_seconds > limits::expires_max)
        errors.push_back(
            {"limits.registration_expires_seconds",
             rules::out_of_range(l.registration_expires_seconds, limits::expires_min, limits::expires_max)});
    if (!is_price(l.cost_per_day, limits::cost_per_day))
        errors.push_back({"limits.cost_per_day", "must be a number from 0 (unlimited) to 1000000000, e.g. 100"});
    if (l.barred_prefixes.size() > limits::barred_prefixes)
        errors.push_back(
            {"limits.barred_prefixes", rules::too_many(l.barred_prefixes.size(), limits::barred_prefixes)});
    for (std::size_t i = 0; i < l.barred_prefixes.size(); ++i)
        if (l.barred_prefixes[i].empty() || !is_prefix(l.barred_prefixes[i]))
            errors.push_back(
                {at("limits.barred_prefixes", i),
                 quoted(l.barred_prefixes[i]) + " is no prefix: \"+\" and up to 15 digits, e.g. \"+979\""});
}

bool has_secret(const Credential& credential, DigestAlgorithm algorithm) {
    return !(algorithm == DigestAlgorithm::sha256 ? credential.ha1_sha256 : credential.ha1_md5).empty();
}

void check_authentication(const Trunk& trunk, FieldErrors& errors) {
    const auto& [digest, algorithms, methods, without_qop] = trunk.authentication;
    const bool asks = digest == DigestUse::per_connection || digest == DigestUse::per_request;
    if (asks && trunk.credentials.empty())
        errors.push_back({"authentication.digest",
                          "asks for Digest, and the trunk has no credentials: add one, e.g. {username: acme-hq, "
                          "generate: true}"});
    for (std::size_t i = 0; i < algorithms.size(); ++i)
        if (std::count(algorithms.begin(), algorithms.begin() + static_cast<std::ptrdiff_t>(i), algorithms[i]) > 0)
            errors.push_back({at("authentication.algorithms", i), "is given twice"});
    for (std::size_t i = 0; i < trunk.credentials.size() && !algorithms.empty(); ++i) {
        const auto& credential = trunk.credentials[i];
        if (credential.ha1_md5.empty() && credential.ha1_sha256.empty()) continue;  // told elsewhere
        if (std::none_of(algorithms.begin(), algorithms.end(), [&](auto a) { return has_secret(credential, a); }))
            errors.push_back({at("credentials", i) + ".password",
                              "has no hash for any of authentication.algorithms: give the password again, or offer "
                              "the other algorithm too"});
    }
    if (!methods.empty() && digest != DigestUse::per_request)
        errors.push_back({"authentication.methods", "belongs to authentication.digest: per_request"});
    if (methods.size() > limits::methods)
        errors.push_back({"authentication.methods", rules::too_many(methods.size(), limits::methods)});
    for (std::size_t i = 0; i < methods.size(); ++i) {
        if (methods[i] == "ACK" || methods[i] == "CANCEL")
            errors.push_back({at("authentication.methods", i),
                              methods[i] + " cannot be challenged (RFC 3261 22.1); REGISTER always is, others may be, "
                                           "e.g. [INVITE, BYE]"});
        else if (!is_token(methods[i]) || methods[i].size() > 32)
            errors.push_back({at("authentication.methods", i), quoted(methods[i]) + " is no method, e.g. \"INVITE\""});
    }
}

void check_registration_times(const Trunk& trunk, FieldErrors& errors) {
    const auto& [shortest, otherwise] = trunk.registration;
    const auto longest = trunk.limits.registration_expires_seconds;
    if (shortest < limits::min_expires_min || shortest > limits::min_expires_max)
        errors.push_back({"registration.min_expires_seconds",
                          rules::out_of_range(shortest, limits::min_expires_min, limits::min_expires_max)});
    else if (shortest > longest && longest >= limits::expires_min)
        errors.push_back({"registration.min_expires_seconds",
                          std::to_string(shortest) + " is above limits.registration_expires_seconds, which is " +
                              std::to_string(longest)});
    if (otherwise != 0 && (otherwise < shortest || otherwise > longest))
        errors.push_back({"registration.default_expires_seconds", rules::out_of_range(otherwise, shortest, longest) +
                                                                      "; 0: limits.registration_expires_seconds"});
}

void check_registration_mode(const Trunk& trunk, FieldErrors& errors) {
    if (trunk.registration_aor.empty())
        errors.push_back({"registration_aor",
                          "is missing: mode registration needs the address of record that the PBX "
                          "registers, e.g. \"sip:acme-hq@sip.example.com\""});
    else if (!is_aor(trunk.registration_aor))
        errors.push_back({"registration_aor", quoted(trunk.registration_aor) +
                                                  " is no address of record: \"sip:user@domain\" without port and "
                                                  "parameters, e.g. \"sip:acme-hq@sip.example.com\""});
    if (trunk.credentials.empty())
        errors.push_back({"credentials",
                          "is empty: mode registration needs at least one, e.g. {username: acme-hq, "
                          "password: ...}"});
    if (!trunk.targets.empty())
        errors.push_back({"targets", "belongs to mode static: a registered PBX is reached through its registration"});
    if (!trunk.sources.empty())
        errors.push_back({"sources", "belongs to mode static: a registered PBX is known by its registration"});
    auto beside_required = trunk.tls;
    beside_required.required = false;
    if (beside_required != PeerTls{})
        errors.push_back({"tls",
                          "has more than \"required\", which belongs to mode static: a registering PBX shows no "
                          "certificate, it proves itself by Digest; e.g. {required: true}"});
    // SIPconnect 16: both sides are provisioned with the numbers before the PBX registers for them.
    if (trunk.numbers.empty() && !trunk.disabled)
        errors.push_back({"numbers",
                          "is empty: mode registration needs the numbers that the PBX registers for, e.g. {first: "
                          "\"+4930123400\", last: \"+4930123499\"}; without them the trunk can only be disabled"});
}

void check_static_mode(const Trunk& trunk, FieldErrors& errors) {
    if (!trunk.registration_aor.empty())
        errors.push_back({"registration_aor", "belongs to mode registration; a static PBX does not register"});
    if (trunk.single_aor_compatibility)
        errors.push_back({"single_aor_compatibility", "belongs to mode registration; a static PBX does not register"});
    if (trunk.domain.empty())
        errors.push_back({"domain",
                          "is missing: mode static has no registration_aor to take it from, e.g. "
                          "\"sip.example.com\""});
    if (trunk.targets.empty())
        errors.push_back({"targets",
                          "is empty: mode static needs to know where the PBX is, e.g. {host: 192.0.2.10, "
                          "port: 5061, transport: tls}"});
    if (trunk.sources.empty())
        errors.push_back({"sources",
                          "is empty: mode static needs to know where its requests come from, e.g. "
                          "[\"192.0.2.10\"]"});
}

void check_transports(const Trunk& trunk, FieldErrors& errors) {
    for (std::size_t i = 0; i < trunk.transports.size(); ++i) {
        const auto transport = trunk.transports[i];
        if (transport == Transport::unspecified)
            errors.push_back({at("transports", i), "must be one of udp, tcp, tls"});
        else if (std::count(trunk.transports.begin(), trunk.transports.begin() + static_cast<std::ptrdiff_t>(i),
                            transport) > 0)
            errors.push_back({at("transports", i), "is given twice"});
        else if (trunk.tls.required && transport != Transport::tls)
            errors.push_back({at("transports", i), "contradicts tls.required, which leaves tls alone; e.g. [tls]"});
    }
}

void check_reroute_causes(const Carrier& carrier, FieldErrors& errors) {
    std::set<std::uint16_t> seen;
    for (std::size_t i = 0; i < carrier.reroute_causes.size(); ++i) {
        const auto cause = carrier.reroute_causes[i];
        if (cause < 1 || cause > 127)
            errors.push_back(
                {at("reroute_causes", i), std::to_string(cause) + " is no Q.850 cause: 1 to 127, e.g. 34"});
        else if (!seen.insert(cause).second)
            errors.push_back({at("reroute_causes", i), std::to_string(cause) + " is given twice"});
    }
}

}  // namespace

FieldErrors validate(const Trunk& trunk) {
    FieldErrors errors;
    rules::check_id(trunk.id, errors);
    rules::check_display_name(trunk.display_name, errors);
    rules::check_realm(trunk.realm, errors);
    rules::check_domain(trunk.domain, errors);
    switch (trunk.mode) {
        case TrunkMode::registration: check_registration_mode(trunk, errors); break;
        case TrunkMode::static_: check_static_mode(trunk, errors); break;
    }
    check_credentials(trunk, errors);
    check_authentication(trunk, errors);
    check_registration_times(trunk, errors);
    check_numbers(trunk, errors);
    check_limits(trunk.limits, errors);
    rules::check_media(trunk.media, errors);
    check_transports(trunk, errors);
    rules::check_keys_in_clear(trunk, errors);
    rules::check_session_timers(trunk.session_timers, errors);
    rules::check_targets(trunk.targets, errors);
    rules::check_sources(trunk.sources, errors);
    rules::check_tls(trunk.tls, trunk.targets, errors);
    rules::check_numbering(trunk.numbering, rules::NumbersOf::trunk, errors);
    rules::check_identity(trunk, errors);
    check_overflow(trunk, errors);
    rules::check_network(trunk, errors);
    rules::check_large_requests(trunk, errors);
    rules::check_number_limits(trunk, errors);
    rules::check_destinations(trunk.destinations, errors);
    rules::check_headers(trunk.headers, errors);
    return errors;
}

FieldErrors validate(const Carrier& carrier) {
    FieldErrors errors;
    rules::check_id(carrier.id, errors);
    rules::check_display_name(carrier.display_name, errors);
    rules::check_realm(carrier.realm, errors);
    rules::check_domain(carrier.domain, errors);
    if (carrier.targets.empty())
        errors.push_back({"targets",
                          "is empty: a carrier needs at least one, e.g. {host: sip.carrier.example, "
                          "transport: udp}"});
    rules::check_targets(carrier.targets, errors);
    rules::check_sources(carrier.sources, errors);
    rules::check_tls(carrier.tls, carrier.targets, errors);
    rules::check_media(carrier.media, errors);
    rules::check_keys_in_clear(carrier, errors);
    rules::check_session_timers(carrier.session_timers, errors);
    if (carrier.options_interval_seconds < limits::options_min ||
        carrier.options_interval_seconds > limits::options_max)
        errors.push_back({"options_interval_seconds", rules::out_of_range(carrier.options_interval_seconds,
                                                                          limits::options_min, limits::options_max)});
    std::set<std::uint16_t> seen;
    for (std::size_t i = 0; i < carrier.reroute_statuses.size(); ++i) {
        const auto status = carrier.reroute_statuses[i];
        if (status < 300 || status > 699)
            errors.push_back({at("reroute_statuses", i),
                              std::to_string(status) + " is no final SIP response that refuses: 300 to 699, e.g. 503"});
        else if (!seen.insert(status).second)
            errors.push_back({at("reroute_statuses", i), std::to_string(status) + " is given twice"});
    }
    check_reroute_causes(carrier, errors);
    rules::check_large_requests(carrier, errors);
    rules::check_numbering(carrier.numbering, rules::NumbersOf::carrier, errors);
    rules::check_headers(carrier.headers, errors);
    return errors;
}

FieldErrors validate(const Customer& customer) {
    FieldErrors errors;
    const auto& l = customer.limits;
    rules::check_id(customer.id, errors);
    rules::check_display_name(customer.display_name, errors);
    rules::check_call_limits({l.concurrent_calls, l.calls_per_second, l.burst, l.bandwidth_kbps}, errors);
    return errors;
}

FieldErrors validate(const Route& route) {
    FieldErrors errors;
    rules::check_id(route.id, errors);
    if (!is_prefix(route.prefix))
        errors.push_back({"prefix", quoted(route.prefix) + " is no prefix: \"+\" and up to 15 digits, e.g. \"+49\", or "
                                                           "\"\" for every number"});
    rules::check_prefixes(route, errors);
    rules::check_choices(route, errors);
    if (!is_price(route.price_per_minute, limits::price_per_minute))
        errors.push_back({"price_per_minute", "must be a number from 0 (nothing) to 1000000, e.g. 0.25"});
    if (route.carriers.empty() && route.choices.empty())
        errors.push_back(
            {"carriers", route.areas.empty()
                             ? "is empty: a route needs at least one, e.g. [carriers/core]"
                             : "is empty: a call for help without a location, or from none of the areas, goes to the "
                               "route's own, e.g. [carriers/core]"});
    if (route.carriers.size() > limits::carriers_of_route)
        errors.push_back({"carriers", rules::too_many(route.carriers.size(), limits::carriers_of_route)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < route.carriers.size(); ++i)
        if (!seen.insert(route.carriers[i]).second)
            errors.push_back({at("carriers", i), quoted("carriers/" + route.carriers[i]) + " is given twice"});
    rules::check_areas(route, errors);
    return errors;
}

std::vector<std::string> warnings(const Trunk& trunk) {
    std::vector<std::string> sentences;
    const auto name = "trunks/" + trunk.id;
    if (trunk.disabled) return sentences;
    if (trunk.single_aor_compatibility)
        sentences.push_back(name +
                            " is in single-AOR compatibility mode: not SIPconnect 2.0, its DIDs go to one contact");
    const bool in_clear = trunk.allows(Transport::udp) || trunk.allows(Transport::tcp);
    if (in_clear && !trunk.credentials.empty())
        sentences.push_back(name +
                            " may use Digest without TLS: whoever listens can try passwords off-line, so have its "
                            "secret generated (SIPconnect 16.6.1)");
    if (trunk.authentication.without_qop)
        sentences.push_back(name + " takes Digest without qop (RFC 2069): nothing covers the count of its requests");
    if (trunk.limits.concurrent_calls == 0 || trunk.limits.calls_per_second <= 0)
        sentences.push_back(name +
                            " has no limit of calls at a time, or of calls per second: nothing bounds what a stolen "
                            "secret costs (SIPconnect 16.6.1)");
    if (trunk.limits.without_default_bars)
        sentences.push_back(name +
                            " may call premium rate and satellite numbers but for its own list "
                            "(limits.without_default_bars, SIPconnect 16.6.1)");
    if (trunk.limits.cost_per_day <= 0)
        sentences.push_back(name + " has no limit of what its calls may cost within a day (SIPconnect 16.6.1)");
    if (in_clear && !trunk.numbering.dial_plan.emergency_numbers.empty())
        sentences.push_back(name +
                            " may call for help without TLS: a location that comes with such a call would be readable "
                            "on the way (SIPconnect 13.1)");
    if (trunk.tls.wildcards)
        sentences.push_back(name + " takes wildcard certificates (tls.wildcards), which RFC 5922 7.2 forbids");
    if (trunk.media.srtp == SrtpPolicy::off) sentences.push_back(name + " sends its media without SRTP");
    if (trunk.media.latch_any_address)
        sentences.push_back(name + " accepts media from any address until the first packet (latch_any_address)");
    return sentences;
}

}  // namespace sallyport::config
