#include "control/cli/dns_zone.h"

#include <algorithm>
#include <array>
#include <set>

#include "control/cli/connection.h"

namespace sallyport::cli::dns {
namespace {

namespace ov1 = operations::v1;

// In the order of preference that RFC 3263 4.1 recommends to a domain that has TLS.
constexpr std::array<std::string_view, 3> by_preference{"TLS", "TCP", "UDP"};
constexpr std::uint16_t naptr_step = 10, naptr_preference = 50, srv_priority = 10, srv_weight = 100;

std::string_view family_label(Family family) { return family == Family::v6 ? "v6" : "v4"; }

std::string chosen_realm(const ov1::SignalingStatus& signaling, const std::string& wished) {
    std::set<std::string> access, all;
    for (const auto& listener : signaling.listeners()) {
        all.insert(listener.realm());
        if (!listener.trusted()) access.insert(listener.realm());
    }
    if (!wished.empty()) {
        if (!all.contains(wished)) throw Failure{"the node has no realm \"" + wished + "\""};
        return wished;
    }
    if (access.size() == 1) return *access.begin();
    if (access.empty()) throw Failure{"no realm of the node is for PBXs: all of them are trusted"};
    std::string names;
    for (const auto& name : access) names += (names.empty() ? "" : ", ") + name;
    throw Failure{"which realm? The node has " + names + "; name one with --realm"};
}

bool is_name(const std::string& host) { return !host.empty() && !IpAddress::parse(host); }

// A name that is advertised for listeners of both IP versions cannot stand in SRV: it would have A and AAAA.
std::set<std::string> names_of_one_family(const ov1::SignalingStatus& signaling, const std::string& realm) {
    std::set<std::string> v4, v6, out;
    for (const auto& l : signaling.listeners()) {
        if (l.realm() != realm || !is_name(l.advertised_host())) continue;
        const auto bound = Endpoint::parse(l.endpoint());
        if (bound) (bound->address.family == Family::v6 ? v6 : v4).insert(l.advertised_host());
    }
    for (const auto& name : v4)
        if (!v6.contains(name)) out.insert(name);
    for (const auto& name : v6)
        if (!v4.contains(name)) out.insert(name);
    return out;
}

std::vector<Place> places_of(const ov1::SignalingStatus& signaling, const std::string& realm,
                             const std::string& domain) {
    const auto own_names = names_of_one_family(signaling, realm);
    std::vector<Place> out;
    for (const auto transport : by_preference) {
        for (const auto& l : signaling.listeners()) {
            const auto bound = Endpoint::parse(l.endpoint());
            if (l.realm() != realm || l.transport() != transport || !bound) continue;
            Place place;
            place.transport = l.transport();
            place.port = l.advertised_port() != 0 ? static_cast<std::uint16_t>(l.advertised_port()) : bound->port;
            if (const auto literal = IpAddress::parse(l.advertised_host()))
                place.address = *literal;
            else if (!bound->address.is_unspecified())
                place.address = bound->address;
            const Family family = place.address.empty() ? bound->address.family : place.address.family;
            place.host = own_names.contains(l.advertised_host())
                             ? l.advertised_host()
                             : signaling.node() + '-' + std::string(family_label(family)) + '.' + domain;
            if (std::find(out.begin(), out.end(), place) == out.end()) out.push_back(std::move(place));
        }
    }
    return out;
}

// NAPTR and SRV of one service name, for the places that `chosen` says belong to it.
template <class Chosen>
void add_service(Zone& zone, const std::string& name, Chosen&& chosen) {
    std::uint16_t order = 0;
    std::vector<Record> services;
    for (const auto transport : by_preference) {
        order = static_cast<std::uint16_t>(order + naptr_step);
        const std::string srv_name = srv_prefix(transport) + name;
        bool any = false;
        for (const auto& place : zone.places) {
            if (place.transport != transport || !chosen(place)) continue;
            any = true;
            Record srv{.name = srv_name, .type = Type::srv};
            srv.priority = srv_priority;
            srv.weight = srv_weight;
            srv.port = place.port;
            srv.target = place.host;
            services.push_back(std::move(srv));
        }
        if (!any) continue;
        Record naptr{.name = name, .type = Type::naptr};
        naptr.order = order;
        naptr.preference = naptr_preference;
        naptr.flags = "s";
        naptr.service = service_of(transport);
        naptr.target = srv_name;
        zone.records.push_back(std::move(naptr));
    }
    zone.records.insert(zone.records.end(), services.begin(), services.end());
}

void add_hosts(Zone& zone) {
    std::set<std::pair<std::string, IpAddress>> known;
    for (const auto& place : zone.places) {
        if (!known.emplace(place.host, place.address).second) continue;
        if (place.address.empty()) {
            zone.remarks.push_back("the address of " + place.host + " is not known to the node (it listens on every " +
                                   "one): add its A or AAAA record, not both");
            continue;
        }
        Record host{.name = place.host, .type = place.address.family == Family::v6 ? Type::aaaa : Type::a};
        host.address = place.address.to_string();
        zone.records.push_back(std::move(host));
    }
}

}  // namespace

std::string Place::text() const {
    return transport + ' ' + (address.empty() ? host : host_text(address)) + ':' + std::to_string(port);
}

std::string service_of(std::string_view transport) {
    return transport == "TLS" ? "SIPS+D2T" : transport == "TCP" ? "SIP+D2T" : "SIP+D2U";
}

std::string srv_prefix(std::string_view transport) {
    return transport == "TLS" ? "_sips._tcp." : transport == "TCP" ? "_sip._tcp." : "_sip._udp.";
}

Zone make_zone(const ov1::SignalingStatus& signaling, const ZoneWish& wish) {
    Zone zone;
    zone.domain = wish.domain;
    zone.ttl_seconds = wish.ttl_seconds;
    while (zone.domain.ends_with('.')) zone.domain.pop_back();
    zone.realm = chosen_realm(signaling, wish.realm);
    zone.places = places_of(signaling, zone.realm, zone.domain);
    if (zone.places.empty()) throw Failure{"realm \"" + zone.realm + "\" listens nowhere"};
    add_service(zone, zone.domain, [](const Place&) { return true; });
    for (const Family family : {Family::v4, Family::v6}) {
        const auto has = [&](const Place& place) { return place.address.family == family; };
        if (std::any_of(zone.places.begin(), zone.places.end(), has))
            add_service(zone, std::string(family_label(family)) + '.' + zone.domain, has);
    }
    add_hosts(zone);
    const auto tls = [](const Place& place) { return place.transport == "TLS"; };
    if (std::none_of(zone.places.begin(), zone.places.end(), tls))
        zone.remarks.push_back("realm \"" + zone.realm + "\" has no TLS listener: SIPconnect 2.0 asks for one");
    return zone;
}

std::string zone_file(const Zone& zone) {
    std::string out = "; What " + zone.domain + " publishes for its PBXs: realm " + zone.realm +
                      " of this node. Where several nodes serve the domain,\n; the SRV and address records of all of "
                      "them belong in it.\n";
    for (const auto& remark : zone.remarks) out += "; WARNING: " + remark + ".\n";
    out += "$TTL " + std::to_string(zone.ttl_seconds) + '\n';
    std::size_t width = 0;
    for (const auto& record : zone.records) width = std::max(width, record.name.size() + 1);
    for (const auto& record : zone.records) {
        std::string name = record.name + '.';
        name.resize(width, ' ');
        out += name + " IN " + std::string(to_string(record.type)) + ' ' + record.value() + '\n';
    }
    return out;
}

}  // namespace sallyport::cli::dns
