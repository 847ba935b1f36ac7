#include "control/wire/access_convert.h"

#include <algorithm>

#include "control/wire/certificate.h"

namespace sallyport::wire {
namespace {

using config::FieldErrors;

constexpr std::uint32_t default_probe_seconds = 30;

config::DigestUse digest_use_from(pb::DigestUse use, FieldErrors& errors) {
    switch (use) {
        case pb::DIGEST_USE_UNSPECIFIED: return config::DigestUse::automatic;
        case pb::DIGEST_USE_WHEN_UNKNOWN: return config::DigestUse::when_unknown;
        case pb::DIGEST_USE_PER_CONNECTION: return config::DigestUse::per_connection;
        case pb::DIGEST_USE_PER_REQUEST: return config::DigestUse::per_request;
        default: break;
    }
    errors.push_back({"authentication.digest", "must be one of when_unknown, per_connection, per_request"});
    return config::DigestUse::automatic;
}

pb::DigestUse digest_use_to(config::DigestUse use) {
    switch (use) {
        case config::DigestUse::automatic: return pb::DIGEST_USE_UNSPECIFIED;
        case config::DigestUse::when_unknown: return pb::DIGEST_USE_WHEN_UNKNOWN;
        case config::DigestUse::per_connection: return pb::DIGEST_USE_PER_CONNECTION;
        case config::DigestUse::per_request: return pb::DIGEST_USE_PER_REQUEST;
    }
    return pb::DIGEST_USE_UNSPECIFIED;
}

// Fingerprints as tools print them: "AB:CD:..".
std::string plain_hex(std::string text) {
    std::erase(text, ':');
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

template <class Texts>
std::vector<std::string> certificates_from(const Texts& texts, std::string_view field, FieldErrors& errors) {
    std::vector<std::string> out;
    for (const auto& text : texts) {
        if (!is_certificate(text))
            errors.push_back({at(field, static_cast<int>(out.size())),
                              "is not one X.509 certificate in PEM; e.g. \"-----BEGIN CERTIFICATE----- ... -----END "
                              "CERTIFICATE-----\" with its line ends"});
        out.push_back(text);
    }
    return out;
}

}  // namespace

std::string id_from(const std::string& name, std::string_view collection, FieldErrors& errors) {
    if (name.empty()) return {};
    if (name.starts_with(collection)) return name.substr(collection.size());
    errors.push_back({"name", '"' + name.substr(0, 80) + "\" does not begin with \"" + std::string(collection) + '"'});
    return name;
}

config::Authentication authentication_from(const pb::TrunkAuthentication& message, FieldErrors& errors) {
    config::Authentication out;
    out.digest = digest_use_from(message.digest(), errors);
    for (const auto& name : message.algorithms()) {
        const bool sha256 = name == "SHA-256";
        if (!sha256 && name != "MD5")
            errors.push_back({at("authentication.algorithms", static_cast<int>(out.algorithms.size())),
                              '"' + name.substr(0, 80) + "\" is not offered: SHA-256 or MD5"});
        out.algorithms.push_back(sha256 ? config::DigestAlgorithm::sha256 : config::DigestAlgorithm::md5);
    }
    out.methods.assign(message.methods().begin(), message.methods().end());
    out.without_qop = message.without_qop();
    return out;
}

void authentication_to(const config::Authentication& authentication, pb::TrunkAuthentication& message) {
    message.set_digest(digest_use_to(authentication.digest));
    for (const auto algorithm : authentication.algorithms)
        message.add_algorithms(algorithm == config::DigestAlgorithm::sha256 ? "SHA-256" : "MD5");
    for (const auto& method : authentication.methods) message.add_methods(method);
    message.set_without_qop(authentication.without_qop);
}

config::PeerTls tls_from(const pb::PeerTls& message, FieldErrors& errors) {
    config::PeerTls tls;
    tls.required = message.required();
    switch (message.client_certificate()) {
        case pb::TLS_CLIENT_CERTIFICATE_UNSPECIFIED: break;
        case pb::TLS_CLIENT_CERTIFICATE_REQUIRED:
            tls.client_certificate = config::TlsClientCertificate::required;
            break;
        case pb::TLS_CLIENT_CERTIFICATE_NONE: tls.client_certificate = config::TlsClientCertificate::none; break;
        default: errors.push_back({"tls.client_certificate", "must be one of required, none"});
    }
    tls.authorities = certificates_from(message.authorities(), "tls.authorities", errors);
    tls.certificates = certificates_from(message.certificates(), "tls.certificates", errors);
    for (const auto& text : message.fingerprints()) tls.fingerprints.push_back(plain_hex(text));
    tls.names.assign(message.names().begin(), message.names().end());
    tls.wildcards = message.wildcards();
    switch (message.ocsp()) {
        case pb::OCSP_POLICY_UNSPECIFIED:
        case pb::OCSP_POLICY_OFF: break;
        case pb::OCSP_POLICY_ALARM: tls.ocsp = config::OcspPolicy::alarm; break;
        case pb::OCSP_POLICY_SOFT: tls.ocsp = config::OcspPolicy::soft; break;
        case pb::OCSP_POLICY_HARD: tls.ocsp = config::OcspPolicy::hard; break;
        default: errors.push_back({"tls.ocsp", "must be one of off, alarm, soft, hard"});
    }
    return tls;
}

pb::PeerTls tls_to(const config::PeerTls& tls) {
    pb::PeerTls message;
    message.set_required(tls.required);
    switch (tls.client_certificate) {
        case config::TlsClientCertificate::unspecified: break;
        case config::TlsClientCertificate::required:
            message.set_client_certificate(pb::TLS_CLIENT_CERTIFICATE_REQUIRED);
            break;
        case config::TlsClientCertificate::none: message.set_client_certificate(pb::TLS_CLIENT_CERTIFICATE_NONE); break;
    }
    for (const auto& pem : tls.authorities) message.add_authorities(pem);
    for (const auto& pem : tls.certificates) message.add_certificates(pem);
    for (const auto& hex : tls.fingerprints) message.add_fingerprints(hex);
    for (const auto& name : tls.names) message.add_names(name);
    message.set_wildcards(tls.wildcards);
    switch (tls.ocsp) {
        case config::OcspPolicy::off: break;
        case config::OcspPolicy::alarm: message.set_ocsp(pb::OCSP_POLICY_ALARM); break;
        case config::OcspPolicy::soft: message.set_ocsp(pb::OCSP_POLICY_SOFT); break;
        case config::OcspPolicy::hard: message.set_ocsp(pb::OCSP_POLICY_HARD); break;
    }
    return message;
}

bool is_probed(const config::Trunk& trunk) {
    return trunk.mode == config::TrunkMode::static_ || trunk.allows(config::Transport::udp);
}

config::TrunkNetwork network_from(const pb::TrunkNetwork& message, bool probed, FieldErrors& errors) {
    config::TrunkNetwork network;
    if (message.ip_version() == pb::IP_VERSION_V4)
        network.family = Family::v4;
    else if (message.ip_version() == pb::IP_VERSION_V6)
        network.family = Family::v6;
    else if (message.ip_version() != pb::IP_VERSION_UNSPECIFIED)
        errors.push_back({"network.ip_version", "must be one of v4, v6"});
    if (message.nat() == pb::NAT_MODE_ON)
        network.nat = config::NatMode::on;
    else if (message.nat() != pb::NAT_MODE_OFF && message.nat() != pb::NAT_MODE_UNSPECIFIED)
        errors.push_back({"network.nat", "must be one of off, on"});
    network.options_interval_seconds = message.options_interval_seconds();
    if (network.options_interval_seconds == 0 && probed && !message.unprobed())
        network.options_interval_seconds = default_probe_seconds;
    else if (network.options_interval_seconds != 0 && message.unprobed())
        errors.push_back({"network.unprobed", "is given beside options_interval_seconds: give one or the other"});
    return network;
}

void network_to(const config::Trunk& trunk, pb::TrunkNetwork& message) {
    const auto& network = trunk.network;
    if (network.family != Family::none)
        message.set_ip_version(network.family == Family::v6 ? pb::IP_VERSION_V6 : pb::IP_VERSION_V4);
    message.set_nat(network.nat == config::NatMode::on ? pb::NAT_MODE_ON : pb::NAT_MODE_OFF);
    message.set_options_interval_seconds(network.options_interval_seconds);
    message.set_unprobed(is_probed(trunk) && network.options_interval_seconds == 0);
}

}  // namespace sallyport::wire
