#include "control/wire/config_convert.h"

#include <algorithm>
#include <charconv>

#include "control/config/keys.h"
#include "control/config/limits.h"
#include "control/config/password.h"
#include "control/wire/access_convert.h"
#include "control/wire/call_convert.h"
#include "control/wire/ha1.h"
#include "control/wire/numbering_convert.h"
#include "control/wire/policy_convert.h"

namespace sallyport::wire {
namespace {

using config::FieldErrors;

constexpr std::size_t password_bytes = 256;

// The id in another resource's name; empty stays empty.
std::string reference_from(const std::string& name, std::string_view collection, std::string field,
                           FieldErrors& errors) {
    if (name.empty()) return {};
    if (name.starts_with(collection)) return name.substr(collection.size());
    errors.push_back({std::move(field), '"' + name.substr(0, 80) + "\" does not begin with \"" +
                                            std::string(collection) + "\", e.g. \"" + std::string(collection) +
                                            "acme-hq\""});
    return name;
}

std::uint16_t small(std::uint32_t value, std::string field, FieldErrors& errors) {
    if (value > 65'535) errors.push_back({std::move(field), std::to_string(value) + " is out of range: 0 to 65535"});
    return static_cast<std::uint16_t>(value > 65'535 ? 0 : value);
}

config::Transport transport_from(pb::Transport transport, const std::string& field, FieldErrors& errors) {
    switch (transport) {
        case pb::TRANSPORT_UNSPECIFIED: return config::Transport::unspecified;
        case pb::TRANSPORT_UDP: return config::Transport::udp;
        case pb::TRANSPORT_TCP: return config::Transport::tcp;
        case pb::TRANSPORT_TLS: return config::Transport::tls;
        default: break;  // an open enum: a later client may send values that this server does not know
    }
    errors.push_back({field, "must be one of udp, tcp, tls"});
    return config::Transport::unspecified;
}

pb::Transport transport_to(config::Transport transport) {
    switch (transport) {
        case config::Transport::unspecified: return pb::TRANSPORT_UNSPECIFIED;
        case config::Transport::udp: return pb::TRANSPORT_UDP;
        case config::Transport::tcp: return pb::TRANSPORT_TCP;
        case config::Transport::tls: return pb::TRANSPORT_TLS;
    }
    return pb::TRANSPORT_UNSPECIFIED;
}

config::TrunkMode mode_from(pb::TrunkMode mode, FieldErrors& errors) {
    if (mode == pb::TRUNK_MODE_STATIC) return config::TrunkMode::static_;
    if (mode != pb::TRUNK_MODE_REGISTRATION)
        errors.push_back({"mode", "is missing: registration (the PBX registers) or static (it has a fixed address)"});
    return config::TrunkMode::registration;
}

config::Credential credential_from(const pb::Credential& message, std::string_view domain, const std::string& field,
                                   FieldErrors& errors) {
    const auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(),
                       [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
        return text;
    };
    config::Credential credential{message.username(), message.digest_realm(), lower(message.ha1_md5()),
                                  lower(message.ha1_sha256())};
    const auto& password = message.password();
    const bool hashed = !credential.ha1_md5.empty() || !credential.ha1_sha256.empty();
    if (message.generate() && (!password.empty() || hashed))
        errors.push_back({field + ".generate", "is given beside a password or a hash: give one or the other"});
    if (password.empty()) return credential;
    if (password.size() > password_bytes)
        errors.push_back({field + ".password", "is too long: at most 256 bytes"});
    else if (hashed)
        errors.push_back({field + ".password", "is given beside ha1_md5 or ha1_sha256: give one or the other"});
    else if (const auto weakness = config::weakness_of(password, credential.username))
        errors.push_back({field + ".password", *weakness});
    const std::string_view realm = credential.digest_realm.empty() ? domain : std::string_view(credential.digest_realm);
    credential.ha1_md5 = ha1_md5(credential.username, realm, password);
    credential.ha1_sha256 = ha1_sha256(credential.username, realm, password);
    return credential;
}

template <class Messages>
std::vector<config::Target> targets_from(const Messages& messages, FieldErrors& errors) {
    std::vector<config::Target> targets;
    for (const auto& message : messages) {
        const auto field = at("targets", static_cast<int>(targets.size()));
        config::Target target;
        target.host = message.host();
        target.port = small(message.port(), field + ".port", errors);
        target.transport = transport_from(message.transport(), field + ".transport", errors);
        target.priority = small(message.priority(), field + ".priority", errors);
        target.weight = small(message.weight(), field + ".weight", errors);
        targets.push_back(std::move(target));
    }
    return targets;
}

void target_to(const config::Target& target, pb::Target& message) {
    message.set_host(target.host);
    message.set_port(target.port);
    message.set_transport(transport_to(target.transport));
    message.set_priority(target.priority);
    message.set_weight(target.weight);
}

template <class Messages>
std::vector<config::AddressBlock> sources_from(const Messages& messages, FieldErrors& errors) {
    std::vector<config::AddressBlock> sources;
    for (const auto& text : messages) {
        const auto block = config::AddressBlock::parse(text);
        if (!block)
            errors.push_back({at("sources", static_cast<int>(sources.size())),
                              '"' + text.substr(0, 80) +
                                  "\" is no address or CIDR block, e.g. \"192.0.2.10\" or \"2001:db8::/48\""});
        sources.push_back(block.value_or(config::AddressBlock{}));  // keeps the indexes of its neighbours
    }
    return sources;
}

}  // namespace

Converted<config::Trunk> from_proto(const pb::Trunk& message) {
    Converted<config::Trunk> out;
    auto& [trunk, errors, generate] = out;
    trunk.id = id_from(message.name(), "trunks/", errors);
    trunk.display_name = message.display_name();
    trunk.mode = mode_from(message.mode(), errors);
    trunk.realm = message.realm();
    trunk.registration_aor = message.registration_aor();
    trunk.domain = message.domain();
    for (int i = 0; i < message.credentials_size(); ++i)
        if (message.credentials(i).generate()) generate.push_back(static_cast<std::size_t>(i));
    for (const auto& credential : message.credentials())
        trunk.credentials.push_back(credential_from(
            credential, trunk.aor_domain(), at("credentials", static_cast<int>(trunk.credentials.size())), errors));
    for (const auto& range : message.numbers())
        trunk.numbers.push_back({range.first(), range.last().empty() ? range.first() : range.last()});
    const auto& limits = message.limits();
    const bool said = message.has_limits();  // a zero that is written down is meant
    trunk.limits.concurrent_calls = said ? limits.concurrent_calls() : config::limits::default_concurrent_calls;
    trunk.limits.calls_per_second = said ? limits.calls_per_second() : config::limits::default_calls_per_second;
    if (limits.max_contacts() != 0) trunk.limits.max_contacts = limits.max_contacts();
    if (limits.registration_expires_seconds() != 0)
        trunk.limits.registration_expires_seconds = limits.registration_expires_seconds();
    trunk.limits.barred_prefixes.assign(limits.barred_prefixes().begin(), limits.barred_prefixes().end());
    trunk.limits.without_default_bars = limits.without_default_bars();
    trunk.limits.cost_per_day =
        limits.has_cost_per_day() ? limits.cost_per_day() : config::limits::default_cost_per_day;
    trunk.limits.burst = limits.burst();
    trunk.limits.bandwidth_kbps = limits.bandwidth_kbps();
    trunk.disabled = message.disabled();
    trunk.single_aor_compatibility = message.single_aor_compatibility();
    trunk.authentication = authentication_from(message.authentication(), errors);
    if (message.registration().min_expires_seconds() != 0)
        trunk.registration.min_expires_seconds = message.registration().min_expires_seconds();
    trunk.registration.default_expires_seconds = message.registration().default_expires_seconds();
    for (int i = 0; i < message.transports_size(); ++i)
        trunk.transports.push_back(transport_from(message.transports(i), at("transports", i), errors));
    trunk.targets = targets_from(message.targets(), errors);
    trunk.sources = sources_from(message.sources(), errors);
    trunk.tls = tls_from(message.tls(), errors);
    const bool tls_alone = !trunk.allows(config::Transport::udp) && !trunk.allows(config::Transport::tcp);
    const auto unsaid = tls_alone ? config::SrtpPolicy::required : config::SrtpPolicy::off;
    trunk.media = media_from(message.media(), unsaid, errors);
    trunk.numbering = from_proto(message.numbering());
    trunk.identity = from_proto(message.identity(), errors);
    for (const auto& one : message.overflow().numbers())
        trunk.overflow.numbers.push_back({{one.first(), one.last().empty() ? one.first() : one.last()}, one.to()});
    trunk.overflow.trunk = reference_from(message.overflow().trunk(), "trunks/", "overflow.trunk", errors);
    trunk.forwarding.keep_redirects = message.forwarding().keep_redirects();
    trunk.network = network_from(message.network(), is_probed(trunk), errors);
    trunk.session_timers = timers_from(message.session_timers(), errors);
    trunk.reliable_provisionals = !message.has_reliable_provisionals() || message.reliable_provisionals();
    trunk.customer = reference_from(message.customer(), "customers/", "customer", errors);
    trunk.number_limits = number_limits_from(message);
    trunk.destinations = destinations_from(message.destinations(), errors);
    trunk.headers = headers_from(message.headers(), errors);
    trunk.on_net = on_net_from(message.on_net(), errors);
    trunk.replaces = message.replaces();
    trunk.large_requests = large_requests_from(message.large_requests(), errors);
    trunk.call_records = call_records_from(message.call_records(), errors);
    trunk.revision = revision_of(message.etag());
    return out;
}

Converted<config::Carrier> from_proto(const pb::Carrier& message) {
    Converted<config::Carrier> out;
    auto& [carrier, errors, none] = out;
    carrier.id = id_from(message.name(), "carriers/", errors);
    carrier.display_name = message.display_name();
    carrier.realm = message.realm();
    carrier.domain = message.domain();
    carrier.targets = targets_from(message.targets(), errors);
    if (message.options_interval_seconds() != 0) carrier.options_interval_seconds = message.options_interval_seconds();
    if (message.reroute_statuses_size() > 0) carrier.reroute_statuses.clear();
    for (int i = 0; i < message.reroute_statuses_size(); ++i)
        carrier.reroute_statuses.push_back(small(message.reroute_statuses(i), at("reroute_statuses", i), errors));
    carrier.media = media_from(message.media(), config::SrtpPolicy::off, errors);
    carrier.sources = sources_from(message.sources(), errors);
    carrier.tls = tls_from(message.tls(), errors);
    carrier.numbering = from_proto(message.numbering());
    carrier.identity.untrusted = message.identity().untrusted();
    carrier.identity.diversion = message.identity().diversion();
    for (int i = 0; i < message.reroute_causes_size(); ++i)
        carrier.reroute_causes.push_back(small(message.reroute_causes(i), at("reroute_causes", i), errors));
    carrier.disabled = message.disabled();
    carrier.session_timers = timers_from(message.session_timers(), errors);
    carrier.reliable_provisionals = !message.has_reliable_provisionals() || message.reliable_provisionals();
    carrier.headers = headers_from(message.headers(), errors);
    carrier.replaces = message.replaces();
    carrier.large_requests = large_requests_from(message.large_requests(), errors);
    carrier.revision = revision_of(message.etag());
    return out;
}

pb::Trunk to_proto(const config::Trunk& trunk, Secrets secrets) {
    pb::Trunk message;
    message.set_name("trunks/" + trunk.id);
    message.set_etag(etag_of(trunk.revision));
    message.set_display_name(trunk.display_name);
    message.set_mode(trunk.mode == config::TrunkMode::registration ? pb::TRUNK_MODE_REGISTRATION
                                                                   : pb::TRUNK_MODE_STATIC);
    message.set_realm(trunk.realm);
    message.set_registration_aor(trunk.registration_aor);
    message.set_domain(trunk.domain);
    for (const auto& credential : trunk.credentials) {
        auto& out = *message.add_credentials();
        out.set_username(credential.username);
        out.set_digest_realm(credential.digest_realm);
        if (!credential.ha1_md5.empty()) out.add_algorithms("MD5");
        if (!credential.ha1_sha256.empty()) out.add_algorithms("SHA-256");
        if (secrets == Secrets::hidden) continue;
        out.set_ha1_md5(credential.ha1_md5);
        out.set_ha1_sha256(credential.ha1_sha256);
    }
    for (const auto& range : trunk.numbers) {
        auto& out = *message.add_numbers();
        out.set_first(range.first);
        out.set_last(range.last);
    }
    auto& limits = *message.mutable_limits();
    limits.set_concurrent_calls(trunk.limits.concurrent_calls);
    limits.set_calls_per_second(trunk.limits.calls_per_second);
    limits.set_max_contacts(trunk.limits.max_contacts);
    limits.set_registration_expires_seconds(trunk.limits.registration_expires_seconds);
    for (const auto& prefix : trunk.limits.barred_prefixes) limits.add_barred_prefixes(prefix);
    limits.set_without_default_bars(trunk.limits.without_default_bars);
    limits.set_cost_per_day(trunk.limits.cost_per_day);
    limits.set_burst(trunk.limits.burst);
    limits.set_bandwidth_kbps(trunk.limits.bandwidth_kbps);
    *message.mutable_media() = media_to(trunk.media);
    message.set_disabled(trunk.disabled);
    message.set_single_aor_compatibility(trunk.single_aor_compatibility);
    if (trunk.authentication != config::Authentication{})
        authentication_to(trunk.authentication, *message.mutable_authentication());
    if (trunk.registration != config::RegistrationTimes{}) {
        message.mutable_registration()->set_min_expires_seconds(trunk.registration.min_expires_seconds);
        message.mutable_registration()->set_default_expires_seconds(trunk.registration.default_expires_seconds);
    }
    for (const auto transport : trunk.transports) message.add_transports(transport_to(transport));
    for (const auto& target : trunk.targets) target_to(target, *message.add_targets());
    for (const auto& block : trunk.sources) message.add_sources(block.to_string());
    if (trunk.tls != config::PeerTls{}) *message.mutable_tls() = tls_to(trunk.tls);
    *message.mutable_numbering() = to_proto(trunk.numbering);
    *message.mutable_identity() = to_proto(trunk.identity);
    for (const auto& [range, to] : trunk.overflow.numbers) {
        auto& out = *message.mutable_overflow()->add_numbers();
        out.set_first(range.first);
        if (range.last != range.first) out.set_last(range.last);
        out.set_to(to);
    }
    if (!trunk.overflow.trunk.empty()) message.mutable_overflow()->set_trunk("trunks/" + trunk.overflow.trunk);
    if (trunk.forwarding.keep_redirects) message.mutable_forwarding()->set_keep_redirects(true);
    network_to(trunk, *message.mutable_network());
    if (trunk.session_timers != config::SessionTimers{})
        timers_to(trunk.session_timers, *message.mutable_session_timers());
    if (!trunk.reliable_provisionals) message.set_reliable_provisionals(false);
    if (!trunk.customer.empty()) message.set_customer("customers/" + trunk.customer);
    number_limits_to(trunk, message);
    if (trunk.destinations != config::Destinations{})
        *message.mutable_destinations() = destinations_to(trunk.destinations);
    if (!trunk.headers.empty()) *message.mutable_headers() = headers_to(trunk.headers);
    if (trunk.on_net != config::OnNet::carrier) message.set_on_net(on_net_to(trunk.on_net));
    if (trunk.replaces) message.set_replaces(true);
    message.set_large_requests(large_requests_to(trunk.large_requests));
    if (trunk.call_records != config::CallRecords::all) message.set_call_records(call_records_to(trunk.call_records));
    return message;
}

pb::Carrier to_proto(const config::Carrier& carrier) {
    pb::Carrier message;
    message.set_name("carriers/" + carrier.id);
    message.set_etag(etag_of(carrier.revision));
    message.set_display_name(carrier.display_name);
    message.set_realm(carrier.realm);
    message.set_domain(carrier.domain);
    for (const auto& target : carrier.targets) target_to(target, *message.add_targets());
    message.set_options_interval_seconds(carrier.options_interval_seconds);
    for (const auto status : carrier.reroute_statuses) message.add_reroute_statuses(status);
    *message.mutable_media() = media_to(carrier.media);
    for (const auto& block : carrier.sources) message.add_sources(block.to_string());
    if (carrier.tls != config::PeerTls{}) *message.mutable_tls() = tls_to(carrier.tls);
    *message.mutable_numbering() = to_proto(carrier.numbering);
    message.mutable_identity()->set_untrusted(carrier.identity.untrusted);
    message.mutable_identity()->set_diversion(carrier.identity.diversion);
    for (const auto cause : carrier.reroute_causes) message.add_reroute_causes(cause);
    message.set_disabled(carrier.disabled);
    if (carrier.session_timers != config::SessionTimers{})
        timers_to(carrier.session_timers, *message.mutable_session_timers());
    if (!carrier.reliable_provisionals) message.set_reliable_provisionals(false);
    if (!carrier.headers.empty()) *message.mutable_headers() = headers_to(carrier.headers);
    if (carrier.replaces) message.set_replaces(true);
    message.set_large_requests(large_requests_to(carrier.large_requests));
    return message;
}

std::string etag_of(std::uint64_t revision) { return std::to_string(revision); }

std::uint64_t revision_of(std::string_view etag) {
    std::uint64_t revision = 0;
    const auto [end, error] = std::from_chars(etag.data(), etag.data() + etag.size(), revision);
    return error == std::errc{} && end == etag.data() + etag.size() ? revision : 0;
}

}  // namespace sallyport::wire
