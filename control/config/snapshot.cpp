#include "control/config/snapshot.h"

#include <algorithm>

#include "control/config/keys.h"

namespace sallyport::config {
void Snapshot::SourceIndex::add(const AddressBlock& block, const std::string& id) {
    const auto network = block.network();
    lengths.emplace(network.address.family, network.prefix_length);
    const auto [entry, fresh] = owner.try_emplace({network.prefix_length, network.address}, id);
    if (!fresh && entry->second != id) entry->second.clear();
}

const std::string* Snapshot::SourceIndex::find(const IpAddress& address) const {
    const std::string* found = nullptr;
    for (const auto& [family, bits] : lengths) {
        if (family != address.family) continue;
        const auto entry = owner.find({bits, AddressBlock{address, bits}.network().address});
        if (entry == owner.end()) continue;
        if (entry->second.empty() || (found != nullptr && *found != entry->second)) return nullptr;
        found = &entry->second;
    }
    return found;
}

void Snapshot::index_trunk(const std::string& id, const Trunk& trunk) {
    auto& ranges = trunk.disabled ? disabled_ranges_ : ranges_;
    const auto index = static_cast<std::uint32_t>(trunk_ids_.size());
    trunk_ids_.push_back(id);
    for (const auto& range : trunk.numbers) {
        const auto first = number_key(range.first), last = number_key(range.last);
        if (first && last) ranges[range.first.size()].push_back({*first, *last, index});
    }
    if (trunk.mode == TrunkMode::static_)
        for (const auto& block : trunk.sources)
            (trunk.disabled ? disabled_trunk_sources_ : trunk_sources_)[trunk.realm].add(block, id);
    if (trunk.disabled) return;
    if (trunk.mode == TrunkMode::registration && !trunk.aor_user().empty())
        trunk_of_aor_.try_emplace(aor_key(trunk.aor_user(), trunk.aor_domain()), id);
    for (std::size_t i = 0; i < trunk.credentials.size(); ++i) {
        const auto& credential = trunk.credentials[i];
        credentials_.try_emplace(credential_key(credential.username, effective_realm(trunk, credential)), id, i);
    }
}

// Of the AORs of a domain only registering trunks are known by name: what no trunk of them is asked for would tell that
// there is none.
void Snapshot::index_digest_terms() {
    DigestTermsByLot::Counts of_any;
    std::unordered_map<std::string, DigestTermsByLot::Counts> registering, fixed;
    for (const auto& [id, trunk] : trunks) {
        const auto terms = trunk.disabled ? std::nullopt : config::digest_terms_of(trunk);
        if (!terms) continue;
        ++of_any[*terms];
        if (!trunk.aor_domain().empty())
            ++(trunk.mode == TrunkMode::registration ? registering : fixed)[aor_key({}, trunk.aor_domain())][*terms];
    }
    for (const auto* counts : {&registering, &fixed})
        for (const auto& [domain, of_domain] : *counts) terms_of_domain_.try_emplace(domain, of_domain);
    if (!of_any.empty()) terms_of_any_.emplace(of_any);
}

void Snapshot::index_route(const std::string& id, const Route& route) {
    const auto index = static_cast<std::uint32_t>(route_ids_.size());
    route_ids_.push_back(id);
    if (!route.prefix.empty() || route.is_catch_all()) route_prefixes_.add(route.prefix, index);
    for (const auto& prefix : route.prefixes) route_prefixes_.add(prefix, index);
    for (const auto& number : route.service_numbers) service_numbers_.add(number, index);
}

void Snapshot::build_indexes() {
    ranges_ = {};
    disabled_ranges_ = {};
    trunk_ids_.clear();
    route_ids_.clear();
    trunk_of_aor_.clear();
    credentials_.clear();
    terms_of_domain_.clear();
    terms_of_any_.reset();
    route_prefixes_.clear();
    service_numbers_.clear();
    trunk_sources_.clear();
    disabled_trunk_sources_.clear();
    carrier_sources_.clear();
    for (const auto& [id, trunk] : trunks) index_trunk(id, trunk);
    index_digest_terms();
    // Of trunks that are disabled last, so that they hide nobody's: who calls for help may prove himself.
    for (const auto& [id, trunk] : trunks)
        for (std::size_t i = 0; trunk.disabled && i < trunk.credentials.size(); ++i) {
            const auto& credential = trunk.credentials[i];
            credentials_.try_emplace(credential_key(credential.username, effective_realm(trunk, credential)), id, i);
        }
    for (Ranges* ranges : {&ranges_, &disabled_ranges_})
        for (auto& of_length : *ranges)
            std::sort(of_length.begin(), of_length.end(),
                      [](const RangeEntry& a, const RangeEntry& b) { return a.first < b.first; });
    for (const auto& [id, carrier] : carriers) {
        if (carrier.disabled) continue;
        auto& sources = carrier_sources_[carrier.realm];
        for (const auto& block : carrier.sources) sources.add(block, id);
        for (const auto& target : carrier.targets)  // its targets call us from where we call them
            if (const auto address = IpAddress::parse(target.host))
                sources.add({*address, static_cast<std::uint8_t>(address->family == Family::v4 ? 32 : 128)}, id);
    }
    for (const auto& [id, route] : routes)
        if (!route.disabled) index_route(id, route);
    route_prefixes_.build();
    service_numbers_.build();
}

const Trunk* Snapshot::trunk_by_number(std::string_view e164) const { return owner_of(ranges_, e164); }

const Trunk* Snapshot::disabled_trunk_by_number(std::string_view e164) const {
    return owner_of(disabled_ranges_, e164);
}

const Customer* Snapshot::customer_of(const Trunk& trunk) const {
    const auto found = customers.find(trunk.customer);
    return found == customers.end() ? nullptr : &found->second;
}

const Trunk* Snapshot::owner_of(const Ranges& ranges, std::string_view e164) const {
    const auto key = number_key(e164);
    if (!key) return nullptr;
    const auto& of_length = ranges[e164.size()];
    const auto next = std::upper_bound(of_length.begin(), of_length.end(), *key,
                                       [](NumberKey number, const RangeEntry& r) { return number < r.first; });
    if (next == of_length.begin() || std::prev(next)->last < *key) return nullptr;
    const auto trunk = trunks.find(trunk_ids_[std::prev(next)->trunk]);
    return trunk == trunks.end() ? nullptr : &trunk->second;
}

// Whoever has a clock must not see that there is nothing: the walk to the trunk is made all the same.
const Trunk* Snapshot::trunk_by_aor(std::string_view user, std::string_view host) const {
    const auto key = aor_key(user, host);
    const auto entry = trunk_of_aor_.find(key);
    const bool known = entry != trunk_of_aor_.end();
    const auto trunk = trunks.find(known ? entry->second : key);
    return !known || trunk == trunks.end() ? nullptr : &trunk->second;
}

const DigestTermsByLot* Snapshot::digest_terms_of(std::string_view domain) const {
    const auto found = terms_of_domain_.find(aor_key({}, domain));
    return found == terms_of_domain_.end() ? nullptr : &found->second;
}

Snapshot::CredentialMatch Snapshot::credential(std::string_view username, std::string_view digest_realm) const {
    const auto key = credential_key(username, digest_realm);
    const auto entry = credentials_.find(key);
    const bool known = entry != credentials_.end();  // else the same walk, as for an address of record
    const auto trunk = trunks.find(known ? entry->second.first : key);
    if (!known || trunk == trunks.end()) return {};
    const auto& credentials = trunk->second.credentials;
    const std::size_t index = entry->second.second;
    return index < credentials.size() ? CredentialMatch{&trunk->second, &credentials[index]} : CredentialMatch{};
}

const std::string* Snapshot::owner_of(const SourcesByRealm& sources, std::string_view realm, const IpAddress& address) {
    const auto index = sources.find(realm);
    return index == sources.end() ? nullptr : index->second.find(address);
}

const Trunk* Snapshot::trunk_at(const SourcesByRealm& sources, std::string_view realm, const IpAddress& address) const {
    const auto* id = owner_of(sources, realm, address);
    if (id == nullptr) return nullptr;
    const auto trunk = trunks.find(*id);
    return trunk == trunks.end() ? nullptr : &trunk->second;
}

const Trunk* Snapshot::trunk_by_source(std::string_view realm, const IpAddress& address) const {
    return trunk_at(trunk_sources_, realm, address);
}

const Trunk* Snapshot::disabled_trunk_by_source(std::string_view realm, const IpAddress& address) const {
    return trunk_at(disabled_trunk_sources_, realm, address);
}

const Carrier* Snapshot::carrier_by_source(std::string_view realm, const IpAddress& address) const {
    const auto* id = owner_of(carrier_sources_, realm, address);
    if (id == nullptr) return nullptr;
    const auto carrier = carriers.find(*id);
    return carrier == carriers.end() ? nullptr : &carrier->second;
}

const Route* Snapshot::route_for(std::string_view number) const {
    auto index = service_numbers_.find_exactly(number);
    if (!index) index = route_prefixes_.find(number);
    if (!index) return nullptr;
    const auto route = routes.find(route_ids_[*index]);
    return route == routes.end() ? nullptr : &route->second;
}

std::size_t Snapshot::number_index_bytes() const {
    std::size_t bytes = route_prefixes_.bytes() + service_numbers_.bytes();
    for (const Ranges* ranges : {&ranges_, &disabled_ranges_})
        for (const auto& of_length : *ranges) bytes += of_length.capacity() * sizeof(RangeEntry);
    return bytes;
}

}  // namespace sallyport::config
