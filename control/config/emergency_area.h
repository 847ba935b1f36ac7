// Where a call for help comes from, as an operator names places: civic addresses (RFC 4119, RFC 5139) and shapes on the
// ground (RFC 5491, WGS84), each with the carriers that reach the answering point there (SIPconnect 13.1). Values only;
// what a location of a call is in, others say.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "control/config/route_choice.h"

namespace sallyport::config {

struct Position {                        // WGS84, degrees
    double latitude = 0, longitude = 0;  // -90..90, -180..180
    friend bool operator==(const Position&, const Position&) = default;
};
struct Circle {
    Position center;
    double radius_metres = 0;  // above 0
    friend bool operator==(const Circle&, const Circle&) = default;
};
struct Polygon {  // closed by itself: the first point is not repeated
    std::vector<Position> points;
    friend bool operator==(const Polygon&, const Polygon&) = default;
};
struct CivicArea {                      // what is said has to be so, without regard to case; empty: anything
    std::string country;                // ISO 3166-1: two letters, upper case
    std::array<std::string, 6> levels;  // A1..A6: state, county, city, district, block, street
    std::string postal_code;            // PC; with "*" at its end: what begins so
    bool empty() const { return *this == CivicArea{}; }
    friend bool operator==(const CivicArea&, const CivicArea&) = default;
};
struct EmergencyArea {  // a location is in it if it is in any of these
    std::string name;
    std::vector<CivicArea> civic;
    std::vector<Circle> circles;
    std::vector<Polygon> polygons;
    std::vector<std::string> carriers;   // ids, tried in order; then those of the route
    std::vector<RouteChoice> choices{};  // instead of carriers
    std::string to_string() const;       // "berlin: DE, A3 Berlin or circle 52.5 13.4 within 500 m, to core"
    friend bool operator==(const EmergencyArea&, const EmergencyArea&) = default;
};

}  // namespace sallyport::config
