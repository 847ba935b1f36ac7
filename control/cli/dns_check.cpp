#include "control/cli/dns_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace sallyport::cli::dns {
namespace {

class Check {
public:
    Check(const Zone& zone, const Ask& ask) : zone_(zone), ask_(ask) {}

    std::vector<Finding> run() {
        walk(zone_.domain, std::nullopt);
        for (const Family family : {Family::v4, Family::v6}) {
            const std::string name = (family == Family::v6 ? "v6." : "v4.") + zone_.domain;
            const bool expected = std::any_of(zone_.records.begin(), zone_.records.end(),
                                              [&](const Record& r) { return r.name == name; });
            if (expected) walk(name, family);
        }
        return std::move(findings_);
    }

private:
    void say(Verdict verdict, std::string text) { findings_.push_back({verdict, std::move(text)}); }

    std::vector<Record> look(const std::string& name, Type type) {
        const auto key = std::make_pair(name, type);
        if (const auto known = asked_.find(key); known != asked_.end()) return known->second;
        auto found = ask_(name, type);
        if (found.status == Found::Status::failed)
            say(Verdict::wrong, std::string(to_string(type)) + ' ' + name + " cannot be asked for: " + found.detail);
        return asked_.emplace(key, std::move(found.records)).first->second;
    }

    std::vector<Place> expected(std::optional<Family> family) const {
        std::vector<Place> out;
        for (const auto& place : zone_.places)
            if (!family || place.address.family == *family) out.push_back(place);
        return out;
    }

    // RFC 3263 4.1 and 4.2 for one service name.
    void walk(const std::string& name, std::optional<Family> family) {
        const auto wanted = expected(family);
        const auto services = services_of(name, wanted);
        for (const std::string_view transport : {"TLS", "TCP", "UDP"}) {
            const bool offered = std::any_of(wanted.begin(), wanted.end(),
                                             [&](const Place& place) { return place.transport == transport; });
            const auto service = services.find(std::string(transport));
            const auto srv_name = service != services.end() ? service->second : srv_prefix(transport) + name;
            const auto found = places_at(srv_name, transport, family);
            if (!offered) {
                if (!found.empty())
                    say(Verdict::wrong, "SRV " + srv_name + " leads to " + std::string(transport) +
                                            ", which the node does not listen for");
                continue;
            }
            for (const auto& place : wanted)
                if (place.transport == transport) judge(srv_name, place, found);
            for (const auto& place : found)
                if (!is_ours(place, wanted))
                    say(Verdict::note, "SRV " + srv_name + " also leads to " + place.text() + " (another node?)");
        }
    }

    static bool is_same(const Place& a, const Place& b) {
        const bool same_place = a.address.empty() || b.address.empty() ? a.host == b.host : a.address == b.address;
        return same_place && a.port == b.port;
    }
    static bool is_ours(const Place& place, const std::vector<Place>& ours) {
        return std::any_of(ours.begin(), ours.end(),
                           [&](const Place& own) { return own.transport == place.transport && is_same(own, place); });
    }

    void judge(const std::string& srv_name, const Place& place, const std::vector<Place>& found) {
        const bool there = std::any_of(found.begin(), found.end(), [&](const Place& p) { return is_same(p, place); });
        say(there ? Verdict::ok : Verdict::missing,
            "SRV " + srv_name + (there ? " leads to " : " does not lead to ") + place.text());
    }

    // Transport -> SRV name, by the domain's NAPTR records; says whether they are there, and in RFC 3263's order.
    std::map<std::string, std::string> services_of(const std::string& name, const std::vector<Place>& wanted) {
        auto records = look(name, Type::naptr);
        std::stable_sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
            return std::tie(a.order, a.preference) < std::tie(b.order, b.preference);
        });
        std::map<std::string, std::string> out;
        std::vector<std::string> order;
        for (const auto& record : records) {
            for (const std::string_view transport : {"TLS", "TCP", "UDP"}) {
                if (record.service != service_of(transport) || (record.flags != "s" && record.flags != "S")) continue;
                if (out.emplace(transport, record.target).second) order.emplace_back(transport);
            }
        }
        for (const std::string_view transport : {"TLS", "TCP", "UDP"}) {
            const bool offered = std::any_of(wanted.begin(), wanted.end(),
                                             [&](const Place& place) { return place.transport == transport; });
            const auto at = out.find(std::string(transport));
            if (offered)
                say(at != out.end() ? Verdict::ok : Verdict::missing,
                    "NAPTR " + name + ": " + service_of(transport) + (at != out.end() ? " -> " + at->second : ""));
            else if (at != out.end())
                say(Verdict::wrong, "NAPTR " + name + ": " + service_of(transport) +
                                        " is published, and the node does not listen for it");
        }
        const auto rank = [](const std::string& t) { return t == "TLS" ? 0 : t == "TCP" ? 1 : 2; };
        if (!std::is_sorted(order.begin(), order.end(),
                            [&](const auto& a, const auto& b) { return rank(a) < rank(b); }))
            say(Verdict::wrong, "NAPTR " + name + ": TLS should be preferred to TCP, and TCP to UDP (RFC 3263 4.1)");
        return out;
    }

    std::vector<Place> places_at(const std::string& srv_name, std::string_view transport,
                                 std::optional<Family> family) {
        std::vector<Place> out;
        for (const auto& srv : look(srv_name, Type::srv)) {
            if (srv.target.empty() || srv.target == ".") continue;  // "decidedly not here", RFC 2782
            const auto v4 = look(srv.target, Type::a), v6 = look(srv.target, Type::aaaa);
            if (judged_hosts_.insert(srv.target).second) judge_host(srv.target, !v4.empty(), !v6.empty());
            if (family && !(*family == Family::v4 ? v6 : v4).empty())
                say(Verdict::wrong, "SRV " + srv_name + ": " + srv.target + " has addresses of the other IP version");
            for (const auto& addresses : {v4, v6})
                for (const auto& record : addresses)
                    if (const auto address = IpAddress::parse(record.address))
                        out.push_back({std::string(transport), *address, srv.port, srv.target});
        }
        return out;
    }

    void judge_host(const std::string& host, bool v4, bool v6) {
        if (v4 && v6)
            say(Verdict::wrong, host + " has both A and AAAA: give each IP version a name of its own (SIPconnect 15)");
        else if (!v4 && !v6)
            say(Verdict::missing, host + " has neither A nor AAAA");
        else
            say(Verdict::ok, host + " has " + (v4 ? "A" : "AAAA") + " alone");
    }

    const Zone& zone_;
    const Ask& ask_;
    std::vector<Finding> findings_;
    std::map<std::pair<std::string, Type>, std::vector<Record>> asked_;
    std::set<std::string> judged_hosts_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::ok: return "ok";
        case Verdict::note: return "note";
        case Verdict::missing: return "MISSING";
        case Verdict::wrong: return "WRONG";
    }
    return "?";
}

std::vector<Finding> check_zone(const Zone& zone, const Ask& ask) { return Check(zone, ask).run(); }

bool passed(const std::vector<Finding>& findings) {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& f) { return f.verdict == Verdict::missing || f.verdict == Verdict::wrong; });
}

}  // namespace sallyport::cli::dns
