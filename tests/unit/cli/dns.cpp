// The zone of a node and the walk that checks it, without a server: records in, sentences out.
#include <catch2/catch.hpp>
#include <map>

#include "control/cli/connection.h"
#include "control/cli/dns_check.h"
#include "control/cli/dns_zone.h"

namespace sallyport::cli::dns {
namespace {

struct ListenerOf {
    const char *realm, *transport, *bound, *advertised;
    std::uint32_t port = 0;
    bool trusted = false;
};

operations::v1::SignalingStatus node(const std::vector<ListenerOf>& listeners) {
    operations::v1::SignalingStatus status;
    status.set_node("edge-1");
    for (const auto& l : listeners) {
        auto& added = *status.add_listeners();
        added.set_realm(l.realm);
        added.set_transport(l.transport);
        added.set_endpoint(l.bound);
        added.set_advertised_host(l.advertised);
        added.set_advertised_port(l.port);
        added.set_trusted(l.trusted);
    }
    return status;
}

const std::vector<ListenerOf> both_families{{"access", "UDP", "192.0.2.1:5060", "192.0.2.1", 5060},
                                            {"access", "TLS", "192.0.2.1:5061", "192.0.2.1", 5061},
                                            {"access", "TCP", "192.0.2.1:5060", "192.0.2.1", 5060},
                                            {"access", "TLS", "[2001:db8::1]:5061", "[2001:db8::1]", 5061},
                                            {"core", "UDP", "198.51.100.1:5060", "198.51.100.1", 5060, true}};

std::vector<std::string> lines(const Zone& zone) {
    std::vector<std::string> out;
    for (const auto& r : zone.records) out.push_back(r.name + ' ' + std::string(to_string(r.type)) + ' ' + r.value());
    return out;
}

// A server that has exactly these records.
Ask server_of(std::vector<Record> records) {
    return [records = std::move(records)](const std::string& name, Type type) {
        Found found{Found::Status::nothing, {}, {}};
        for (const auto& r : records)
            if (r.name == name && r.type == type) found.records.push_back(r);
        if (!found.records.empty()) found.status = Found::Status::ok;
        return found;
    };
}

std::vector<std::string> complaints(const std::vector<Finding>& findings) {
    std::vector<std::string> out;
    for (const auto& f : findings)
        if (f.verdict != Verdict::ok) out.push_back(std::string(to_string(f.verdict)) + ": " + f.text);
    return out;
}

}  // namespace

TEST_CASE("A zone has NAPTR in RFC 3263's order, SRV for each transport, and hosts of one IP version each") {
    const auto zone = make_zone(node(both_families), {"sip.example.com.", "", 60});
    CHECK(lines(zone) == std::vector<std::string>{
                             "sip.example.com NAPTR 10 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.sip.example.com.",
                             "sip.example.com NAPTR 20 50 \"s\" \"SIP+D2T\" \"\" _sip._tcp.sip.example.com.",
                             "sip.example.com NAPTR 30 50 \"s\" \"SIP+D2U\" \"\" _sip._udp.sip.example.com.",
                             "_sips._tcp.sip.example.com SRV 10 100 5061 edge-1-v4.sip.example.com.",
                             "_sips._tcp.sip.example.com SRV 10 100 5061 edge-1-v6.sip.example.com.",
                             "_sip._tcp.sip.example.com SRV 10 100 5060 edge-1-v4.sip.example.com.",
                             "_sip._udp.sip.example.com SRV 10 100 5060 edge-1-v4.sip.example.com.",
                             "v4.sip.example.com NAPTR 10 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.v4.sip.example.com.",
                             "v4.sip.example.com NAPTR 20 50 \"s\" \"SIP+D2T\" \"\" _sip._tcp.v4.sip.example.com.",
                             "v4.sip.example.com NAPTR 30 50 \"s\" \"SIP+D2U\" \"\" _sip._udp.v4.sip.example.com.",
                             "_sips._tcp.v4.sip.example.com SRV 10 100 5061 edge-1-v4.sip.example.com.",
                             "_sip._tcp.v4.sip.example.com SRV 10 100 5060 edge-1-v4.sip.example.com.",
                             "_sip._udp.v4.sip.example.com SRV 10 100 5060 edge-1-v4.sip.example.com.",
                             "v6.sip.example.com NAPTR 10 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.v6.sip.example.com.",
                             "_sips._tcp.v6.sip.example.com SRV 10 100 5061 edge-1-v6.sip.example.com.",
                             "edge-1-v4.sip.example.com A 192.0.2.1", "edge-1-v6.sip.example.com AAAA 2001:db8::1"});
    CHECK(zone_file(zone).find("$TTL 60\n") != std::string::npos);
}

TEST_CASE("A name that a listener advertises is what SRV names, unless it would stand for both IP versions") {
    auto zone =
        make_zone(node({{"access", "TLS", "192.0.2.1:5061", "edge.example.com", 0}}), {"sip.example.com", "", 60});
    REQUIRE(zone.places.size() == 1);
    CHECK(zone.places[0].host == "edge.example.com");
    CHECK(zone.places[0].port == 5061);
    zone = make_zone(node({{"access", "TLS", "192.0.2.1:5061", "edge.example.com", 0},
                           {"access", "TLS", "[2001:db8::1]:5061", "edge.example.com", 0}}),
                     {"sip.example.com", "", 60});
    CHECK(zone.places.at(0).host == "edge-1-v4.sip.example.com");
    CHECK(zone.places.at(1).host == "edge-1-v6.sip.example.com");
}

TEST_CASE("What the node cannot know is said; a realm that is not there, or one of several, is a sentence") {
    const auto zone =
        make_zone(node({{"access", "UDP", "0.0.0.0:5060", "edge.example.com", 0}}), {"sip.example.com", "", 60});
    CHECK(zone.remarks.size() == 2);  // the address, and no TLS
    CHECK(zone_file(zone).find("; WARNING: the address of edge.example.com is not known") != std::string::npos);
    auto more = both_families;
    more.push_back({"partners", "UDP", "192.0.2.9:5060", "192.0.2.9", 5060});
    CHECK_THROWS_AS(make_zone(node(more), {"sip.example.com", "", 60}), Failure);
    CHECK_THROWS_AS(make_zone(node(more), {"sip.example.com", "nowhere", 60}), Failure);
    CHECK_THROWS_AS(make_zone(node({}), {"sip.example.com", "", 60}), Failure);
    CHECK(make_zone(node(more), {"sip.example.com", "partners", 60}).places.size() == 1);
}

TEST_CASE("The zone a node prints passes its own check; each thing that is taken from it is missed") {
    const auto zone = make_zone(node(both_families), {"sip.example.com", "", 60});
    CHECK(complaints(check_zone(zone, server_of(zone.records))).empty());
    for (std::size_t i = 0; i < zone.records.size(); ++i) {
        auto records = zone.records;
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(i));
        INFO(zone.records[i].name << ' ' << to_string(zone.records[i].type) << ' ' << zone.records[i].value());
        CHECK_FALSE(passed(check_zone(zone, server_of(records))));
    }
}

TEST_CASE("A check finds a host of both IP versions, an odd order, a wrong port, and transports nobody listens for") {
    const auto zone = make_zone(node({{"access", "TLS", "192.0.2.1:5061", "192.0.2.1", 5061},
                                      {"access", "TCP", "192.0.2.1:5060", "192.0.2.1", 5060}}),
                                {"s.example", "", 60});
    auto records = zone.records;
    records.push_back({.name = "edge-1-v4.s.example", .type = Type::aaaa, .address = "2001:db8::1"});
    CHECK(complaints(check_zone(zone, server_of(records))).at(0) ==
          "WRONG: edge-1-v4.s.example has both A and AAAA: give each IP version a name of its own (SIPconnect 15)");
    records = zone.records;
    records.at(0).order = 90;
    CHECK(complaints(check_zone(zone, server_of(records))) ==
          std::vector<std::string>{
              "WRONG: NAPTR s.example: TLS should be preferred to TCP, and TCP to UDP (RFC 3263 4.1)"});
    records = zone.records;
    records.at(2).port = 5091;
    CHECK(complaints(check_zone(zone, server_of(records))) ==
          std::vector<std::string>{"MISSING: SRV _sips._tcp.s.example does not lead to TLS 192.0.2.1:5061",
                                   "note: SRV _sips._tcp.s.example also leads to TLS 192.0.2.1:5091 (another node?)"});
    records = zone.records;
    Record udp{.name = "_sip._udp.s.example", .type = Type::srv};
    udp.port = 5060;
    udp.target = "edge-1-v4.s.example";
    records.push_back(udp);
    CHECK(complaints(check_zone(zone, server_of(records))) ==
          std::vector<std::string>{"WRONG: SRV _sip._udp.s.example leads to UDP, which the node does not listen for"});
}

TEST_CASE("A server that fails is told as such") {
    const auto zone = make_zone(node(both_families), {"sip.example.com", "", 60});
    const auto findings = check_zone(zone, [](const std::string&, Type) {
        return Found{Found::Status::failed, {}, "timeout"};
    });
    CHECK_FALSE(passed(findings));
    CHECK(findings.at(0).text == "NAPTR sip.example.com cannot be asked for: timeout");
}

TEST_CASE("Records from the wire: read whole, or not at all") {
    using Bytes = std::vector<std::uint8_t>;
    const auto srv = decode("x", Type::srv, Bytes{0, 10, 0, 100, 0x13, 0xc5, 1, 'A', 1, 'b', 0});
    REQUIRE(srv.has_value());
    CHECK(srv->value() == "10 100 5061 a.b.");
    const auto naptr = decode("x", Type::naptr, Bytes{0, 1, 0, 2, 1, 's', 3, 'a', '+', 'b', 0, 1, 'c', 0});
    REQUIRE(naptr.has_value());
    CHECK(naptr->value() == "1 2 \"s\" \"a+b\" \"\" c.");
    CHECK_FALSE(decode("x", Type::srv, Bytes{0, 10, 0, 100, 0x13}).has_value());
    CHECK_FALSE(decode("x", Type::srv, Bytes{0, 10, 0, 100, 0x13, 0xc5, 5, 'A'}).has_value());
    CHECK_FALSE(decode("x", Type::srv, Bytes{0, 10, 0, 100, 0x13, 0xc5, 0, 7}).has_value());
    CHECK_FALSE(decode("x", Type::srv, Bytes{0, 10, 0, 100, 0x13, 0xc5, 0xc0, 6}).has_value());  // points to itself
    CHECK_FALSE(decode("x", Type::a, Bytes{1, 2, 3}).has_value());
    CHECK(decode("x", Type::aaaa, Bytes(16, 0))->value() == "::");
}

}  // namespace sallyport::cli::dns
