// The declarative file: what it becomes, and what an operator reads when it is wrong.
#include "control/cli/provision_yaml.h"

#include <google/protobuf/util/message_differencer.h>
#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::cli;

namespace {

Provision good(std::string_view text) {
    auto provision = parse_provision(text);
    if (!provision) FAIL(yaml::to_string(provision.error().front(), "f"));
    return std::move(*provision);
}
std::vector<std::string> problems(std::string_view text) {
    const auto provision = parse_provision(text);
    std::vector<std::string> lines;
    if (!provision)
        for (const auto& problem : provision.error()) lines.push_back(yaml::to_string(problem, "f"));
    return lines;
}
using Lines = std::vector<std::string>;

constexpr const char* whole = R"(kind: Trunk
name: acme-hq
display_name: "ACME: \"Berlin\""
mode: registration
realm: access
registration_aor: sip:acme-hq@sip.example.com
credentials:
  - {username: acme-hq, password: "12345"}
numbers:
  - +4930123400..+4930123499
  - "+4930500"
  - {first: "+491", last: "+492"}
limits: {concurrent_calls: 20, calls_per_second: 2.5}
media: {srtp: off, codecs: [PCMA, PCMU], latch_any_address: true}
transports: [tls, udp]
sources: [192.0.2.0/24]
---
- kind: Carrier
  name: carriers/core
  realm: core
  reroute_statuses: [503]
  targets:
    - {host: 192.0.2.9, port: 5060, transport: udp, priority: 1, weight: 2}
- kind: Route
  name: default
  prefix: ""
  carriers: [core, carriers/other]
)";

}  // namespace

TEST_CASE("documents and lists become one request, in their order, with short names and words") {
    const auto provision = good(whole);
    REQUIRE(provision.request.changes_size() == 3);
    const auto& trunk = provision.request.changes(0).put_trunk();
    CHECK(trunk.name() == "trunks/acme-hq");
    CHECK(trunk.display_name() == "ACME: \"Berlin\"");
    CHECK(trunk.mode() == pv1::TRUNK_MODE_REGISTRATION);
    CHECK(trunk.credentials(0).password() == "12345");
    CHECK(trunk.numbers(0).first() == "+4930123400");
    CHECK(trunk.numbers(0).last() == "+4930123499");
    CHECK(trunk.numbers(1).first() == "+4930500");
    CHECK(trunk.numbers(1).last().empty());
    CHECK(trunk.numbers(2).last() == "+492");
    CHECK(trunk.limits().calls_per_second() == 2.5);
    CHECK(trunk.media().srtp() == pv1::SRTP_POLICY_OFF);
    CHECK(trunk.transports(1) == pv1::TRANSPORT_UDP);
    const auto& carrier = provision.request.changes(1).put_carrier();
    CHECK(carrier.name() == "carriers/core");
    CHECK(carrier.targets(0).weight() == 2);
    CHECK(carrier.reroute_statuses(0) == 503);
    const auto& route = provision.request.changes(2).put_route();
    CHECK(route.carriers(0) == "carriers/core");
    CHECK(route.carriers(1) == "carriers/other");
}

TEST_CASE("what get prints, apply reads back to the same resource") {
    auto provision = good(whole);
    auto& trunk = *provision.request.mutable_changes(0)->mutable_put_trunk();
    trunk.mutable_credentials(0)->clear_password();
    trunk.mutable_numbers(1)->set_last("+4930500");
    trunk.set_display_name("true: # \\ 'x'");
    const auto text = to_yaml(trunk) + "---\n" + to_yaml(provision.request.changes(1).put_carrier()) + "---\n" +
                      to_yaml(provision.request.changes(2).put_route());
    auto again = good(text);
    again.request.mutable_changes(0)->mutable_put_trunk()->mutable_numbers(1)->set_last("+4930500");
    INFO(text);
    CHECK(google::protobuf::util::MessageDifferencer::Equals(provision.request, again.request));
}

TEST_CASE("customers, number limits, windows and header rules are written as they are read") {
    const auto provision = good(R"(kind: Customer
name: acme
limits: {concurrent_calls: 50, calls_per_second: 2.5, burst: 9, bandwidth_kbps: 4200}
---
kind: Trunk
name: acme-hq
customer: acme
number_limits:
  - {numbers: "+4930123400..+4930123409", concurrent_calls: 8, concurrent_calls_each: 2}
  - {numbers: "+4930123410", concurrent_calls: 1}
destinations:
  allowed_prefixes: ["+49"]
  time_zone: Europe/Berlin
  hours:
    - prefixes: ["+1", ""]
      windows: [{days: [monday, friday], from: "08:00", to: "20:00"}, {}]
headers:
  in: [{action: remove, header: X-Internal}]
  out: [{action: rewrite, header: Subject, match: "a *", value: "$1: \"x\""}]
)");
    const auto& customer = provision.request.changes(0).put_customer();
    const auto& trunk = provision.request.changes(1).put_trunk();
    CHECK(customer.name() == "customers/acme");
    CHECK(customer.limits().burst() == 9);
    CHECK(trunk.customer() == "customers/acme");
    CHECK(trunk.number_limits(0).numbers().last() == "+4930123409");
    CHECK(trunk.number_limits(1).numbers().first() == "+4930123410");
    CHECK(trunk.destinations().hours(0).windows(0).days(1) == pv1::WEEKDAY_FRIDAY);
    CHECK(trunk.destinations().hours(0).windows_size() == 2);
    CHECK(trunk.headers().out(0).action() == pv1::HEADER_ACTION_REWRITE);
    const auto text = to_yaml(customer) + "---\n" + to_yaml(trunk);
    INFO(text);
    CHECK(google::protobuf::util::MessageDifferencer::Equals(provision.request, good(text).request));
    CHECK(text.find("numbers: \"+4930123400..+4930123409\"") != std::string::npos);
}

TEST_CASE("areas of a route, with short names of carriers, come back as they were") {
    const auto provision = good(R"(kind: Route
name: help
service_numbers: ["112"]
carriers: [core]
use_location: true
areas:
  - name: berlin
    civic: [{country: DE, a3: Berlin}, {postal_code: "101*"}]
    circles: [{center: {latitude: -52.5, longitude: 13.25}, radius_metres: 1500.5}]
    polygons: [{points: [{latitude: 1, longitude: 2}, {}, {latitude: -3.5, longitude: -4}]}]
    carriers: [psap, carriers/other]
  - {name: bonn, civic: [{a3: Bonn}], choices: [{carrier: psap, weight: 1}]}
)");
    const auto& route = provision.request.changes(0).put_route();
    CHECK(route.areas(0).carriers(0) == "carriers/psap");
    CHECK(route.areas(0).carriers(1) == "carriers/other");
    CHECK(route.areas(1).choices(0).carrier() == "carriers/psap");
    CHECK(route.areas(0).polygons(0).points(2).longitude() == -4);
    const auto text = to_yaml(route);
    INFO(text);
    CHECK(google::protobuf::util::MessageDifferencer::Equals(provision.request, good(text).request));
}

TEST_CASE("names that YAML would take for something else come back as they were") {
    for (const auto* name : {"null", "true", "123", "-", "--", "1-2"}) {
        pv1::Route route;
        route.set_name("routes/" + std::string(name));
        route.add_carriers("carriers/x");
        CHECK(good(to_yaml(route)).request.changes(0).put_route().name() == route.name());
    }
}

TEST_CASE("all problems of a file are told, each with line, column, resource and field") {
    CHECK(problems(R"(kind: Trunk
name: acme
mode: registraton
realms: access
disabled: yes
numbers: +49
limits:
  max_contacts: many
  calls_per_second: nan
credentials:
  - username: [a]
    pasword: x
---
kind: Trnk
---
realm: x
---
kind: Route
prefix: "+49"
)") == Lines{"f:3:7: trunks/acme: mode: \"registraton\" is not one of registration, static",
             "f:4:1: trunks/acme: realms: there is no such field; did you mean \"realm\"?",
             "f:5:11: trunks/acme: disabled: \"yes\" is not true or false",
             "f:6:10: trunks/acme: numbers: expected a list: [first, second], or lines that begin with \"- \"",
             "f:8:17: trunks/acme: limits.max_contacts: \"many\" is not a whole number, e.g. max_contacts: 10",
             "f:9:21: trunks/acme: limits.calls_per_second: \"nan\" is not a number, e.g. calls_per_second: 2.5",
             "f:11:15: trunks/acme: credentials[0].username: expected text",
             "f:12:5: trunks/acme: credentials[0].pasword: there is no such field; did you mean \"password\"?",
             "f:14:7: kind: \"Trnk\" is not known: Trunk, Carrier, Route or Customer, e.g. kind: Trunk",
             "f:16:1: kind: is missing: Trunk, Carrier, Route or Customer, e.g. kind: Trunk",
             "f:18:1: name: is missing, e.g. name: acme-hq"});
}

TEST_CASE("a file without resources is a problem, not a success") {
    CHECK(problems("") ==
          Lines{"f:1:1: nothing to apply: expected documents with kind: Trunk, Carrier, Route or Customer"});
    CHECK(problems("---\n---\n").size() == 1);
    CHECK(problems("just text\n").size() == 1);
    CHECK(problems("a: [").size() == 1);
    CHECK(problems("- - kind: Trunk\n").size() == 1);
}

TEST_CASE("output-only fields are no fields of a file") {
    CHECK(problems("kind: Trunk\nname: a\ncredentials: [{username: u, algorithms: [MD5]}]\n").size() == 1);
}

TEST_CASE("a violation of the server is found at its line, or at the nearest thing around it") {
    const auto provision = good(whole);
    const auto at = [&](const char* field) {
        const auto located = locate(provision, field);
        if (!located) return std::string("nowhere");
        return std::to_string(located->place.line) + ':' + std::to_string(located->place.column) + ' ' + located->field;
    };
    CHECK(at("changes[0].put_trunk.numbers[0].first") == "10:5 trunks/acme-hq: numbers[0].first");
    CHECK(at("changes[0].put_trunk.numbers[2].last") == "12:27 trunks/acme-hq: numbers[2].last");
    CHECK(at("changes[0].put_trunk.credentials[0].ha1_md5") == "8:5 trunks/acme-hq: credentials[0].ha1_md5");
    CHECK(at("changes[0].put_trunk.domain") == "1:1 trunks/acme-hq: domain");
    CHECK(at("changes[1].put_carrier.targets[0].host") == "23:14 carriers/core: targets[0].host");
    CHECK(at("changes[2].put_route.carriers[1]") == "27:20 routes/default: carriers[1]");
    CHECK(at("changes[2].put_route") == "24:3 routes/default");
    CHECK(at("changes[99].put_route.prefix") == "nowhere");
    CHECK(at("changes[x]") == "nowhere");
    CHECK(at("changes[") == "nowhere");
    CHECK(at("page_token") == "nowhere");
    CHECK(at("") == "nowhere");
}
