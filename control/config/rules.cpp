#include "control/config/rules.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "control/config/limits.h"
#include "control/config/syntax.h"

namespace sallyport::config::rules {

std::string at(std::string_view list, std::size_t index) {
    return std::string(list) + '[' + std::to_string(index) + ']';
}

std::string too_many(std::size_t count, std::size_t limit) {
    return std::to_string(count) + " are too many: at most " + std::to_string(limit);
}

std::string out_of_range(std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    return std::to_string(value) + " is out of range: " + std::to_string(low) + " to " + std::to_string(high);
}

void check_id(const std::string& id, FieldErrors& errors) {
    if (!is_id(id))
        errors.push_back({"name", quoted(id) + " is no id: 1 to 63 of a-z, 0-9 and \"-\", e.g. \"acme-hq\""});
}

void check_display_name(const std::string& name, FieldErrors& errors) {
    if (name.size() > limits::display_name_bytes || !is_printable(name))
        errors.push_back(
            {"display_name", "must be at most 128 bytes without control characters, e.g. \"ACME Berlin\""});
}

void check_realm(const std::string& realm, FieldErrors& errors) {
    if (realm.empty())
        errors.push_back({"realm", "is missing: the signaling realm of the node's configuration, e.g. \"access\""});
    else if (!is_id(realm))
        errors.push_back(
            {"realm", quoted(realm) + " is no realm name: 1 to 63 of a-z, 0-9 and \"-\", e.g. \"access\""});
}

void check_domain(const std::string& domain, FieldErrors& errors) {
    if (!domain.empty() && !is_host(domain))
        errors.push_back({"domain", quoted(domain) + " is no host, e.g. \"sip.example.com\""});
}

void check_media(const MediaPolicy& media, FieldErrors& errors) {
    if (media.codecs.size() > limits::codecs)
        errors.push_back({"media.codecs", too_many(media.codecs.size(), limits::codecs)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < media.codecs.size(); ++i) {
        const auto& codec = media.codecs[i];
        if (!is_token(codec) || codec.size() > 64)
            errors.push_back(
                {at("media.codecs", i), quoted(codec) + " is no encoding name of RFC 4855, e.g. \"PCMA\""});
        else if (!seen.insert(codec).second)
            errors.push_back({at("media.codecs", i), quoted(codec) + " is given twice"});
    }
    if (media.inactivity_seconds < limits::inactivity_min || media.inactivity_seconds > limits::inactivity_max)
        errors.push_back({"media.inactivity_seconds",
                          out_of_range(media.inactivity_seconds, limits::inactivity_min, limits::inactivity_max)});
    const auto packet = media.packet_milliseconds;
    if (packet % limits::packet_step != 0 || packet > limits::packet_max)
        errors.push_back(
            {"media.packet_milliseconds",
             "is " + std::to_string(packet) + ": must be 10, 20, 30, 40, 50 or 60; 0: as each party asks"});
    if (!media.port.empty() && !is_id(media.port))
        errors.push_back(
            {"media.port", quoted(media.port) + " is no port name: 1 to 63 of a-z, 0-9 and \"-\", e.g. \"access\""});
}

void check_session_timers(const SessionTimers& timers, FieldErrors& errors) {
    const auto& [seconds, least] = timers;
    if (seconds != 0 && (seconds < limits::session_min || seconds > limits::session_max))
        errors.push_back({"session_timers.seconds", out_of_range(seconds, limits::session_min, limits::session_max)});
    const std::uint32_t most = seconds != 0 ? std::max(seconds, limits::session_min) : limits::session_max;
    if (least < limits::session_min || least > most)
        errors.push_back({"session_timers.min_seconds", out_of_range(least, limits::session_min, most)});
}

namespace {

void check_keys_in_clear(const MediaPolicy& media, bool in_clear, std::string_view cure, FieldErrors& errors) {
    if (media.srtp == SrtpPolicy::required && in_clear)
        errors.push_back({"media.srtp",
                          "\"required\" without TLS would show its keys to whoever reads the signaling "
                          "(SIPconnect 14.4): " +
                              std::string(cure) + ", or give \"off\""});
}

}  // namespace

void check_keys_in_clear(const Trunk& trunk, FieldErrors& errors) {
    const bool in_clear = trunk.allows(Transport::udp) || trunk.allows(Transport::tcp);
    check_keys_in_clear(trunk.media, in_clear, "allow no transport but tls", errors);
}

void check_keys_in_clear(const Carrier& carrier, FieldErrors& errors) {
    check_keys_in_clear(carrier.media, !carrier.tls.required, "give tls.required", errors);
}

void check_targets(const std::vector<Target>& targets, FieldErrors& errors) {
    if (targets.size() > limits::targets) errors.push_back({"targets", too_many(targets.size(), limits::targets)});
    std::set<std::tuple<std::string_view, std::uint16_t, Transport>> seen;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        const auto& target = targets[i];
        const auto address = IpAddress::parse(target.host);
        if (!is_host(target.host))
            errors.push_back({at("targets", i) + ".host",
                              quoted(target.host) + " is no host, e.g. \"sip.carrier.example\" or \"192.0.2.9\""});
        else if (address && (address->is_unspecified() || address->is_multicast()))
            errors.push_back(
                {at("targets", i) + ".host", quoted(target.host) + " is nobody's address, e.g. \"192.0.2.9\""});
        else if (!seen.emplace(target.host, target.port, target.transport).second)
            errors.push_back(
                {at("targets", i), quoted(target.host) + " is given twice with the same port and transport"});
    }
}

namespace {

void check_list(const std::vector<std::string>& values, const char* field, FieldErrors& errors) {
    if (values.size() > limits::tls_certificates)
        errors.push_back({field, too_many(values.size(), limits::tls_certificates)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!seen.insert(values[i]).second) errors.push_back({at(field, i), "is given twice"});
}

void check_pem(const std::vector<std::string>& values, const char* field, FieldErrors& errors) {
    check_list(values, field, errors);
    for (std::size_t i = 0; i < values.size(); ++i)
        if (values[i].size() > limits::pem_bytes)
            errors.push_back({at(field, i), "is longer than 16384 bytes: give one certificate, without its key"});
}

}  // namespace

// Whether a PEM text is a certificate was looked at where it came in (wire/certificate).
void check_tls(const PeerTls& tls, const std::vector<Target>& targets, FieldErrors& errors) {
    check_pem(tls.authorities, "tls.authorities", errors);
    check_pem(tls.certificates, "tls.certificates", errors);
    check_list(tls.fingerprints, "tls.fingerprints", errors);
    check_list(tls.names, "tls.names", errors);
    for (std::size_t i = 0; i < tls.fingerprints.size(); ++i)
        if (!is_hex(tls.fingerprints[i], 64))
            errors.push_back({at("tls.fingerprints", i),
                              quoted(tls.fingerprints[i]) +
                                  " is no SHA-256 fingerprint: 64 hexadecimal digits, colons allowed, as printed by "
                                  "openssl x509 -noout -fingerprint -sha256"});
    for (std::size_t i = 0; i < tls.names.size(); ++i)
        if (!is_host(tls.names[i]))
            errors.push_back({at("tls.names", i), quoted(tls.names[i]) + " is no host, e.g. \"pbx.example.com\""});
    for (std::size_t i = 0; tls.required && i < targets.size(); ++i)
        if (targets[i].transport == Transport::udp || targets[i].transport == Transport::tcp)
            errors.push_back({at("targets", i) + ".transport", "contradicts tls.required; e.g. tls"});
    if (tls.peer_connects() && tls.names_trust())
        errors.push_back({"tls.client_certificate",
                          "is none, and a certificate to trust is given: leave one of them out, e.g. required"});
}

void check_sources(const std::vector<AddressBlock>& sources, FieldErrors& errors) {
    if (sources.size() > limits::sources) errors.push_back({"sources", too_many(sources.size(), limits::sources)});
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto& block = sources[i];
        if (block.address.empty())
            errors.push_back(
                {at("sources", i), "is no address or CIDR block, e.g. \"192.0.2.10\" or \"2001:db8::/48\""});
        else if (block.prefix_length == 0)
            errors.push_back(
                {at("sources", i), quoted(block.to_string()) +
                                       " is the whole Internet: whoever calls would be taken for this one, "
                                       "e.g. \"192.0.2.0/28\""});
        else if (block.network() != block)
            errors.push_back({at("sources", i), quoted(block.to_string()) +
                                                    " has bits set behind its prefix; did you mean " +
                                                    quoted(block.network().to_string()) + "?"});
        else if (std::find(sources.begin(), sources.begin() + static_cast<std::ptrdiff_t>(i), block) !=
                 sources.begin() + static_cast<std::ptrdiff_t>(i))
            errors.push_back({at("sources", i), quoted(block.to_string()) + " is given twice"});
    }
}

}  // namespace sallyport::config::rules
