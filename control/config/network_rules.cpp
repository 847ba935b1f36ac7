#include "control/config/network_rules.h"

#include "control/config/limits.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config::rules {
namespace {

std::string_view text(Family family) { return family == Family::v6 ? "IPv6" : "IPv4"; }
std::string_view text(Transport transport) {
    switch (transport) {
        case Transport::unspecified: return "unspecified";
        case Transport::udp: return "udp";
        case Transport::tcp: return "tcp";
        case Transport::tls: return "tls";
    }
    return "unspecified";
}

void check_family(const Trunk& trunk, FieldErrors& errors) {
    const Family family = trunk.family();
    const auto other = [&](std::string field, const IpAddress& address, const std::string& shown) {
        if (address.empty() || family == Family::none || address.family == family) return;
        errors.push_back({std::move(field), quoted(shown) + " is " + std::string(text(address.family)) +
                                                ", the interface " + std::string(text(family)) +
                                                ": a trunk has one IP version; give the other one a trunk of its own"});
    };
    for (std::size_t i = 0; i < trunk.targets.size(); ++i)
        if (const auto address = IpAddress::parse(trunk.targets[i].host))
            other(at("targets", i) + ".host", *address, trunk.targets[i].host);
    for (std::size_t i = 0; i < trunk.sources.size(); ++i)
        other(at("sources", i), trunk.sources[i].address, trunk.sources[i].to_string());
}

void check_target_transports(const Trunk& trunk, FieldErrors& errors) {
    if (trunk.tls.required) return;  // told there
    for (std::size_t i = 0; i < trunk.targets.size(); ++i) {
        const Transport transport = trunk.targets[i].transport;
        if (transport == Transport::unspecified || trunk.allows(transport)) continue;
        std::string allowed;
        for (const auto t : trunk.transports) allowed += (allowed.empty() ? "" : ", ") + std::string(text(t));
        errors.push_back({at("targets", i) + ".transport",
                          quoted(std::string(text(transport))) + " is not among the trunk's transports, which are [" +
                              (allowed.empty() ? "tls" : allowed) + "] in both directions; e.g. transports: [" +
                              std::string(text(transport)) + "]"});
    }
}

}  // namespace

void check_network(const Trunk& trunk, FieldErrors& errors) {
    const auto interval = trunk.network.options_interval_seconds;
    const bool registers = trunk.mode == TrunkMode::registration;
    if (registers && interval != 0 && !trunk.allows(Transport::udp))
        return errors.push_back({"network.options_interval_seconds",
                                 "is for a PBX that registers over UDP: the end of a connection is noticed without "
                                 "probes; leave it out, or add udp to the transports"});
    if (interval != 0 && (interval < limits::options_min || interval > limits::options_max))
        errors.push_back(
            {"network.options_interval_seconds", out_of_range(interval, limits::options_min, limits::options_max)});
    if (registers) return;
    check_family(trunk, errors);
    check_target_transports(trunk, errors);
}

void check_large_requests(const Trunk& trunk, FieldErrors& errors) {
    const auto large = trunk.large_requests;
    if (large != LargeRequests::tcp && large != LargeRequests::tcp_then_udp) return;
    const auto wrong = [&](std::string_view why) { errors.push_back({"large_requests", std::string(why)}); };
    if (trunk.mode == TrunkMode::registration)
        wrong(
            "belongs to mode static: a registered PBX is reached over the flow it has registered, whatever the size; "
            "let it register over TCP or TLS, or leave this out");
    else if (trunk.network.nat == NatMode::on)
        wrong("contradicts network.nat: on, for behind a NAT no connection can be opened; leave it out, or say udp");
    else if (trunk.tls.required || !trunk.allows(Transport::tcp))
        wrong("needs tcp among the trunk's transports, e.g. transports: [udp, tcp]");
}

void check_large_requests(const Carrier& carrier, FieldErrors& errors) {
    const auto large = carrier.large_requests;
    if (carrier.tls.required && (large == LargeRequests::tcp || large == LargeRequests::tcp_then_udp))
        errors.push_back({"large_requests", "contradicts tls.required, which leaves TLS alone; leave it out"});
}

}  // namespace sallyport::config::rules
