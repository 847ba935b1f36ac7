// Rules of emergency areas, and of what becomes of large requests: every broken one is named by its field.
#include <catch2/catch.hpp>

#include <cmath>

#include "control/config/limits.h"
#include "control/config/validate.h"
#include "sample.h"

using namespace sallyport::config;

namespace {

using Fields = std::vector<std::string>;

template <class T>
Fields fields_of(const T& resource) {
    Fields out;
    for (const auto& e : validate(resource)) out.push_back(e.field);
    return out;
}

EmergencyArea berlin() { return {"berlin", {{"DE", {"", "", "Berlin"}, ""}}, {{{52.5, 13.4}, 15'000}}, {}, {"psap"}}; }
template <class F>
Fields fields_with(F&& bend) {
    Route route = sample_route();
    route.use_location = true;
    route.areas = {berlin()};
    bend(route);
    return fields_of(route);
}
Fields with_polygon(std::vector<Position> points) {
    return fields_with([&](Route& r) { r.areas[0].polygons = {{points}}; });
}

}  // namespace

TEST_CASE("areas belong to a route that takes calls for help, and stay while nobody looks at locations") {
    CHECK(fields_with([](Route&) {}).empty());
    CHECK(fields_with([](Route& r) { r.use_location = false; }).empty());
    CHECK(fields_with([](Route& r) {
              r.prefix = "+49";
              r.service_numbers = {"112"};
          }).empty());
    CHECK(fields_with([](Route& r) { r.prefix = "+49"; }) == Fields{"areas"});
    CHECK(fields_with([](Route& r) { r.areas.clear(); }) == Fields{"use_location"});
}

TEST_CASE("areas without a default that needs no location are refused") {
    Route route = sample_route();
    route.carriers.clear();
    route.areas = {berlin()};
    const auto errors = validate(route);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].field == "carriers");
    CHECK(errors[0].text.find("without a location") != std::string::npos);
    route.choices = {{"core", 0, 1}};
    CHECK(validate(route).empty());
}

TEST_CASE("an area has a name of its own, a place and somebody who takes its calls") {
    CHECK(fields_with([](Route& r) { r.areas.push_back(berlin()); }) == Fields{"areas[1].name"});
    CHECK(fields_with([](Route& r) { r.areas[0].name = "Berlin Mitte"; }) == Fields{"areas[0].name"});
    CHECK(fields_with([](Route& r) { r.areas[0] = {"nowhere", {}, {}, {}, {"core"}}; }) == Fields{"areas[0]"});
    CHECK(fields_with([](Route& r) { r.areas[0].carriers.clear(); }) == Fields{"areas[0].carriers"});
    CHECK(fields_with([](Route& r) { r.areas[0].carriers = {"a", "b", "a"}; }) == Fields{"areas[0].carriers[2]"});
    CHECK(fields_with([](Route& r) { r.areas[0].choices = {{"core", 0, 1}}; }) == Fields{"areas[0].choices"});
    CHECK(fields_with([](Route& r) {
              r.areas[0].carriers.clear();
              r.areas[0].choices = {{"core", 0, 1}, {"core", 1, 1}};
          }) == Fields{"areas[0].choices[1].carrier"});
    CHECK(fields_with([](Route& r) {
              while (r.areas.size() <= limits::emergency_areas) {
                  r.areas.push_back(berlin());
                  r.areas.back().name = "b" + std::to_string(r.areas.size());
              }
          }) == Fields{"areas"});
}

TEST_CASE("a civic address says something, and says it as RFC 4119 has it") {
    const auto with = [](CivicArea civic) { return fields_with([&](Route& r) { r.areas[0].civic = {civic}; }); };
    CHECK(with({"DE", {}, "101*"}).empty());
    CHECK(with({"", {"", "", "", "", "", "Hauptstr"}, ""}).empty());
    CHECK(with({"DE", {}, "10115"}).empty());
    CHECK(with({}) == Fields{"areas[0].civic[0]"});
    CHECK(with({"de", {}, ""}) == Fields{"areas[0].civic[0].country"});
    CHECK(with({"DEU", {}, ""}) == Fields{"areas[0].civic[0].country"});
    CHECK(with({"DE", {"", " Berlin"}, ""}) == Fields{"areas[0].civic[0].a2"});
    CHECK(with({"DE", {std::string(129, 'x')}, ""}) == Fields{"areas[0].civic[0].a1"});
    CHECK(with({"DE", {}, "*"}) == Fields{"areas[0].civic[0].postal_code"});
    CHECK(with({"DE", {}, "1*5"}) == Fields{"areas[0].civic[0].postal_code"});
}

TEST_CASE("positions are on the globe, circles have a radius") {
    const auto with = [](Circle circle) { return fields_with([&](Route& r) { r.areas[0].circles = {circle}; }); };
    CHECK(with({{90, -180}, 1}).empty());
    CHECK(with({{-90, 180}, 2e6}).empty());
    CHECK(with({{90.1, 0}, 1}) == Fields{"areas[0].circles[0].center.latitude"});
    CHECK(with({{0, -180.1}, 1}) == Fields{"areas[0].circles[0].center.longitude"});
    CHECK(with({{std::nan(""), std::nan("")}, 1}) ==
          Fields{"areas[0].circles[0].center.latitude", "areas[0].circles[0].center.longitude"});
    CHECK(with({{1, 1}, 0}) == Fields{"areas[0].circles[0].radius_metres"});
    CHECK(with({{1, 1}, -5}) == Fields{"areas[0].circles[0].radius_metres"});
    CHECK(with({{1, 1}, 2.1e6}) == Fields{"areas[0].circles[0].radius_metres"});
    CHECK(with({{1, 1}, std::nan("")}) == Fields{"areas[0].circles[0].radius_metres"});
}

TEST_CASE("a polygon has three points that enclose something, none said twice in a row, and is not round the globe") {
    CHECK(with_polygon({{52.4, 13.1}, {52.7, 13.1}, {52.5, 13.8}}).empty());
    CHECK(with_polygon({}) == Fields{"areas[0].polygons[0].points"});
    CHECK(with_polygon({{1, 1}, {2, 2}}) == Fields{"areas[0].polygons[0].points"});
    CHECK(with_polygon({{1, 1}, {2, 2}, {3, 3}}) == Fields{"areas[0].polygons[0].points"});
    CHECK(with_polygon({{1, 1}, {1, 1}, {2, 3}}) == Fields{"areas[0].polygons[0].points[1]"});
    CHECK(with_polygon({{1, 1}, {1, 2}, {2, 3}, {1, 1}}) == Fields{"areas[0].polygons[0].points[3]"});
    CHECK(with_polygon({{1, -179}, {1, 179}, {2, 3}}) == Fields{"areas[0].polygons[0].points"});
    CHECK(with_polygon({{1, 1}, {91, 2}, {2, 181}}) ==
          Fields{"areas[0].polygons[0].points[1].latitude", "areas[0].polygons[0].points[2].longitude"});
    std::vector<Position> many;
    for (std::size_t i = 0; i <= limits::polygon_points; ++i)
        many.push_back({std::sin(static_cast<double>(i) / 17), std::cos(static_cast<double>(i) / 17)});
    CHECK(with_polygon(many) == Fields{"areas[0].polygons[0].points"});
    many.pop_back();
    CHECK(with_polygon(many).empty());
}

TEST_CASE("large requests go over TCP where there can be any, and nowhere else") {
    auto trunk = sample_static_trunk();
    trunk.media.srtp = SrtpPolicy::off;
    trunk.targets[0].transport = Transport::udp;
    for (const auto large : {LargeRequests::tcp, LargeRequests::tcp_then_udp}) {
        trunk.large_requests = large;
        trunk.transports = {Transport::udp, Transport::tcp};
        CHECK(fields_of(trunk).empty());
        trunk.transports = {Transport::udp};
        CHECK(fields_of(trunk) == Fields{"large_requests"});
        trunk.transports = {Transport::udp, Transport::tcp};
        trunk.network.nat = NatMode::on;
        CHECK(fields_of(trunk) == Fields{"large_requests"});
        trunk.network.nat = NatMode::off;
        auto registering = sample_trunk();
        registering.transports = trunk.transports;
        registering.media.srtp = SrtpPolicy::off;
        registering.large_requests = large;
        CHECK(fields_of(registering) == Fields{"large_requests"});
        auto carrier = sample_carrier();
        carrier.large_requests = large;
        CHECK(fields_of(carrier).empty());
        carrier.targets[0].transport = Transport::tls;
        carrier.tls.required = true;
        CHECK(fields_of(carrier) == Fields{"large_requests"});
    }
    auto registering = sample_trunk();
    registering.large_requests = LargeRequests::udp;
    CHECK(fields_of(registering).empty());
}
