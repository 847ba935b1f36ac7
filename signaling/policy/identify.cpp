#include "signaling/policy/identify.h"

#include "control/base/check.h"

namespace sallyport::policy {
namespace {

Party identify_carrier(const config::Snapshot& config, const Realm& realm, const Flow& flow,
                       const LearnedSources& learned) {
    const IpAddress& source = flow.remote.address;
    const auto allowed = [&](const config::Carrier& carrier) {
        return !carrier.tls.required || flow.transport == Transport::tls;
    };
    if (const auto* carrier = config.carrier_by_source(realm.name, source))
        return allowed(*carrier) ? Party{PartyKind::carrier, carrier->id, Proof::source_address} : Party{};
    const auto found = learned.find(source);
    if (found == learned.end()) return {};
    Party only;
    for (const auto& id : found->second) {
        const auto carrier = config.carriers.find(id);
        if (carrier == config.carriers.end() || carrier->second.disabled || carrier->second.realm != realm.name)
            continue;
        if (!allowed(carrier->second)) continue;
        // Who connected from there was not known when it did, and not asked for a certificate.
        if (carrier->second.tls.needs_client_certificate()) continue;
        if (only.known()) return {};
        only = {PartyKind::carrier, id, Proof::source_address};
    }
    return only;
}

}  // namespace

config::Transport to_config(Transport transport) {
    switch (transport) {
        case Transport::udp: return config::Transport::udp;
        case Transport::tcp: return config::Transport::tcp;
        case Transport::tls: return config::Transport::tls;
    }
    SALLYPORT_CHECK(false);
}

bool is_of_family(const config::Trunk& trunk, const Flow& flow) {
    const Family family = trunk.family();
    return family == Family::none || family == flow.remote.address.family;
}

Party identify(const config::Snapshot& config, const Realm& realm, const Flow& flow,
               const registrar::LocationStore& locations, const LearnedSources& learned, TimePoint now) {
    if (realm.trusted) return identify_carrier(config, realm, flow, learned);
    if (const auto registered = locations.trunk_of(flow, now)) {
        const auto trunk = config.trunks.find(*registered);
        if (trunk != config.trunks.end() && trunk->second.realm == realm.name)  // disabled since: to be told so
            return {PartyKind::trunk, *registered, Proof::registered_flow};
    }
    if (const auto* trunk = config.trunk_by_source(realm.name, flow.remote.address))
        if (trunk->allows(to_config(flow.transport))) return {PartyKind::trunk, trunk->id, Proof::source_address};
    return {};
}

}  // namespace sallyport::policy
