#include "signaling/app/trust_table.h"

#include <optional>

namespace sallyport::app {
namespace {

io::TrustOptions options_of(std::string party, const config::PeerTls& tls, const std::vector<config::Target>& targets,
                            const std::string& domain) {
    io::TrustOptions options;
    options.party = std::move(party);
    options.authorities = tls.authorities;
    options.pinned = tls.certificates;
    options.fingerprints = tls.fingerprints;
    options.names = tls.names;
    options.names_given = !tls.names.empty();
    if (!options.names_given) {
        for (const auto& target : targets) options.names.push_back(target.host);
        if (!domain.empty()) options.names.push_back(domain);
    }
    options.wildcards = tls.wildcards;
    options.client_certificate = tls.needs_client_certificate();
    options.never_dial = tls.peer_connects();
    switch (tls.ocsp) {
        case config::OcspPolicy::off: options.status = io::StatusRule::off; break;
        case config::OcspPolicy::alarm: options.status = io::StatusRule::alarm; break;
        case config::OcspPolicy::soft: options.status = io::StatusRule::soft; break;
        case config::OcspPolicy::hard: options.status = io::StatusRule::hard; break;
    }
    return options;
}

bool says_nothing(const config::PeerTls& tls) { return tls == config::PeerTls{}; }

std::optional<RealmIndex> index_of(const RealmTable& realms, const std::string& name) {
    for (std::size_t i = 0; i < realms.size(); ++i)
        if (realms[i].name == name) return static_cast<RealmIndex>(i);
    return std::nullopt;
}

bool may_use_tls(const config::Target& target) {
    return target.transport == config::Transport::tls || target.transport == config::Transport::unspecified;
}

}  // namespace

io::TrustPtr TrustTable::trust_of(io::TrustOptions options, std::vector<std::string>& problems) {
    const auto found = made_.find(options.party);
    if (found != made_.end() && found->second->options() == options) return found->second;
    auto trust = io::TlsTrust::make(options);
    if (trust) return *trust;
    problems.push_back(trust.error() + ": nobody is taken for it over TLS");
    options.authorities.clear();
    options.pinned.clear();
    options.fingerprints = {"none"};  // no certificate has it
    options.client_certificate = true;
    return *io::TlsTrust::make(std::move(options));
}

std::shared_ptr<const io::TlsTrusts> TrustTable::make(const config::SnapshotPtr& snapshot,
                                                      std::vector<std::string>& problems) {
    auto trusts = std::make_shared<io::TlsTrusts>();
    const auto made = std::make_shared<Made>();
    const auto add = [&](std::string party, const auto& peer, const std::string& domain) {
        io::TrustPtr trust;
        if (!says_nothing(peer.tls)) {
            trust = trust_of(options_of(party, peer.tls, peer.targets, domain), problems);
            made->emplace(party, trust);
        }
        const auto realm = index_of(realms_, peer.realm);
        for (const auto& target : peer.targets)
            if (realm && may_use_tls(target)) trusts->add_target(*realm, target.host, trust, party);
    };
    for (const auto& [id, trunk] : snapshot->trunks)
        if (trunk.mode == config::TrunkMode::static_ && !trunk.disabled) add("trunks/" + id, trunk, trunk.domain);
    for (const auto& [id, carrier] : snapshot->carriers)
        if (!carrier.disabled) add("carriers/" + id, carrier, carrier.domain);
    made_ = *made;
    trusts->by_source = [made, snapshot, &realms = realms_](RealmIndex realm, const IpAddress& source) -> io::TrustPtr {
        const auto named = [&](const std::string& party) {
            const auto found = made->find(party);
            return found != made->end() ? found->second : nullptr;
        };
        const Realm& at = realms[realm];
        if (at.trusted) {
            const auto* carrier = snapshot->carrier_by_source(at.name, source);
            return carrier != nullptr ? named("carriers/" + carrier->id) : nullptr;
        }
        const auto* trunk = snapshot->trunk_by_source(at.name, source);
        return trunk != nullptr ? named("trunks/" + trunk->id) : nullptr;
    };
    return trusts;
}

}  // namespace sallyport::app
