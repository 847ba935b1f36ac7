// Which area of a route a call for help is in, by its Geolocation (RFC 6442); and when nobody looks.
#include "signaling/policy/area.h"

#include <catch2/catch.hpp>

#include "signaling/sip/parser.h"

namespace sallyport::policy {
namespace {

using Areas = std::vector<config::EmergencyArea>;

std::string pidf(const std::string& location) {
    return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" "
           "xmlns:ca=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" xmlns:gml=\"http://www.opengis.net/gml\">"
           "<tuple id=\"t\"><status><gp:geopriv><gp:location-info>" +
           location + "</gp:location-info></gp:geopriv></status></tuple></presence>";
}
std::string city(const std::string& name) {
    return pidf("<ca:civicAddress><ca:country>DE</ca:country><ca:A3>" + name + "</ca:A3></ca:civicAddress>");
}
std::string part(const std::string& id, const std::string& body, const std::string& type = "application/pidf+xml") {
    return "--b1\r\nContent-Type: " + type + "\r\n" + id + "\r\n" + body + "\r\n";
}
// `fields` of its location, `parts` beside a session description.
LocationFinding found(const std::string& fields, const std::string& parts, const Areas& areas) {
    const std::string body = "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n" + parts + "--b1--\r\n";
    const std::string text =
        "INVITE sip:112@sp SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        "To: <sip:112@sp>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n" +
        fields + "Content-Type: multipart/mixed;boundary=b1\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n\r\n" + body;
    const auto message = sip::Parser::parse(text);
    REQUIRE(message.has_value());
    return find_area(*message, areas, 3);
}
LocationUse use(const std::string& fields, const std::string& parts, const Areas& areas) {
    const auto finding = found(fields, parts, areas);
    CHECK((finding.area != nullptr) == (finding.use == LocationUse::area));
    CHECK_FALSE(finding.text.empty());
    return finding.use;
}

const Areas cities{{"munich", {{"DE", {"", "", "M\xc3\xbcnchen"}, ""}}, {}, {}, {"psap-m"}},
                   {"berlin", {{"DE", {"", "", "Berlin"}, ""}}, {}, {}, {"psap-b"}},
                   {"germany", {{"DE", {}, ""}}, {}, {}, {"psap-d"}}};
const std::string here = "Geolocation: <cid:desk@pbx>\r\n", yes = "Geolocation-Routing: yes\r\n";
const std::string berlin = part("Content-ID: <desk@pbx>\r\n", city("berlin"));

}  // namespace

TEST_CASE("The first area that the location is in, and only with Geolocation-Routing: yes [SC-13.1-09]") {
    CHECK(found(here + yes, berlin, cities).area->name == "berlin");
    CHECK(found(here + yes, part("Content-ID: <desk@pbx>\r\n", city("Bonn")), cities).area->name == "germany");
    CHECK(found(here + "Geolocation-Routing: YES\r\n", berlin, cities).text == "in area berlin");
    CHECK(use(here, berlin, cities) == LocationUse::not_asked);
    for (const char* value : {"no", "yesterday", "maybe", "\"yes\""})
        CHECK(use(here + "Geolocation-Routing: " + value + "\r\n", berlin, cities) == LocationUse::not_asked);
    CHECK(use(here + yes + "Geolocation-Routing: no\r\n", berlin, cities) == LocationUse::not_asked);
}

TEST_CASE("A location that is not there, not here, or not readable is told from one in no area") {
    CHECK(use(yes, berlin, cities) == LocationUse::none);
    for (const char* reference : {"https://lis.example/r1", "sips:lis@pbx", "cid", "pres:a@b"})
        CHECK(use("Geolocation: <" + std::string(reference) + ">\r\n" + yes, berlin, cities) ==
              LocationUse::by_reference);
    CHECK(use("Geolocation: <cid:chair@pbx>\r\n" + yes, berlin, cities) == LocationUse::no_part);
    CHECK(use(here + yes, part("Content-ID: desk@pbx\r\n", city("Berlin")), cities) == LocationUse::no_part);
    CHECK(use(here + yes, berlin + berlin, cities) == LocationUse::no_part);  // which of them?
    CHECK(use(here + yes, part("Content-ID: <desk@pbx>\r\n", city("Berlin"), "text/xml"), cities) ==
          LocationUse::no_part);
    CHECK(use(here + yes, part("Content-ID: <desk@pbx>\r\nContent-Transfer-Encoding: base64\r\n", city("Berlin")),
              cities) == LocationUse::no_part);
    CHECK(use(here + yes, part("Content-ID: <desk@pbx>\r\n", "<!DOCTYPE p [<!ENTITY a \"b\">]><p>&a;</p>"), cities) ==
          LocationUse::unreadable);
    CHECK(use(here + yes, part("Content-ID: <desk@pbx>\r\n", city("Berlin")), {cities[0]}) == LocationUse::no_area);
    CHECK(use(here + yes, berlin, {}) == LocationUse::no_area);
}

TEST_CASE("Several locations: one after the other, each document once, and what comes nearest is told") {
    const std::string other = part("Content-ID: <two%pbx>\r\n", city("Wien"));
    CHECK(
        found("Geolocation: <https://lis.example/r1>, <cid:none@pbx>;a=b , <CID:desk%40pbx>\r\n" + yes, berlin, cities)
            .area->name == "berlin");
    CHECK(found("Geolocation: <cid:two%25pbx>\r\nGeolocation: <cid:desk@pbx>\r\n" + yes, other + berlin, {cities[1]})
              .area->name == "berlin");
    CHECK(use("Geolocation: <cid:desk@pbx>, <https://lis.example/r1>\r\n" + yes, berlin, {cities[0]}) ==
          LocationUse::no_area);
    std::string many = "Geolocation: <cid:desk@pbx>";
    for (int i = 0; i < 100; ++i) many += ",<cid:desk@pbx>";
    CHECK(use(many + "\r\n" + yes, berlin, {cities[0]}) == LocationUse::no_area);
}

TEST_CASE("An address fits where everything that the area names is as it says") {
    const auto in = [](const config::CivicArea& area, const config::CivicArea& said) {
        return is_in(config::EmergencyArea{"x", {area}, {}, {}, {}}, Place(said));
    };
    const config::CivicArea said{"DE", {"BY", "", "Augsburg", "", "", "Ring"}, "86150"};
    CHECK(in({"de", {"by"}, ""}, said));
    CHECK(in({"", {}, "861*"}, said));
    CHECK(in({"", {"", "", "", "", "", "RING"}, "86150"}, said));
    CHECK_FALSE(in({"DE", {"", "X"}, ""}, said));
    CHECK_FALSE(in({"", {}, "86151"}, said));
    CHECK_FALSE(in({"", {}, "861501*"}, said));
    CHECK_FALSE(in({"", {}, "8615"}, said));
    CHECK_FALSE(in({"AT", {}, ""}, said));
    CHECK_FALSE(in({}, said));  // that says nothing
}

TEST_CASE("A point is in a circle by its distance, in a polygon by its sides, over the date line too") {
    const auto in_circle = [](config::Circle circle, config::Position p) {
        return is_in(config::EmergencyArea{"x", {}, {circle}, {}, {}}, Place(p));
    };
    const config::Position munich{48.137, 11.575}, augsburg{48.371, 10.898};  // 56.5 km
    CHECK(in_circle({munich, 57'000}, augsburg));
    CHECK_FALSE(in_circle({munich, 56'000}, augsburg));
    CHECK(in_circle({{0, 179.9}, 30'000}, {0, -179.9}));
    CHECK(in_circle({{89.9, 0}, 30'000}, {89.9, 180}));
    const auto in_polygon = [](std::vector<config::Position> points, config::Position p) {
        return is_in(config::EmergencyArea{"x", {}, {}, {{std::move(points)}}, {}}, Place(p));
    };
    const std::vector<config::Position> notch{{0, 0}, {0, 4}, {4, 4}, {1, 2}, {4, 0}};
    CHECK(in_polygon(notch, {0.5, 2}));
    CHECK_FALSE(in_polygon(notch, {2, 2}));
    CHECK(in_polygon(notch, {3, 3.9}));
    CHECK_FALSE(in_polygon(notch, {0.5, -2}));
    const std::vector<config::Position> pacific{{-10, 170}, {-10, -170}, {10, -170}, {10, 170}};
    CHECK(in_polygon(pacific, {0, 180}));
    CHECK(in_polygon(pacific, {0, -175}));
    CHECK(in_polygon(pacific, {0, 171}));
    CHECK_FALSE(in_polygon(pacific, {0, 169}));
    CHECK_FALSE(in_polygon(pacific, {0, 0}));
    CHECK_FALSE(in_polygon({}, {0, 0}));
}

}  // namespace sallyport::policy
