// What the areas of a route may not say.
#include <algorithm>
#include <cmath>
#include <set>

#include "control/config/limits.h"
#include "control/config/rules.h"
#include "control/config/syntax.h"

namespace sallyport::config::rules {
namespace {

constexpr double half_circle = 180;  // degrees of longitude: a wider shape could be the one or the rest of the globe

bool is_within(double value, double most) { return std::isfinite(value) && value >= -most && value <= most; }

bool check_position(const std::string& field, const Position& position, FieldErrors& errors) {
    const bool latitude = is_within(position.latitude, 90), longitude = is_within(position.longitude, half_circle);
    if (!latitude) errors.push_back({field + ".latitude", "must be degrees of WGS84 from -90 to 90, e.g. 52.5186"});
    if (!longitude) errors.push_back({field + ".longitude", "must be degrees of WGS84 from -180 to 180, e.g. 13.3763"});
    return latitude && longitude;
}

void check_civic(const std::string& field, const CivicArea& civic, FieldErrors& errors) {
    const auto& country = civic.country;
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (civic.empty())
        errors.push_back(
            {field, "says nothing, e.g. {country: DE, a3: Berlin} or {country: DE, postal_code: \"101*\"}"});
    if (!country.empty() && (country.size() != 2 || !std::all_of(country.begin(), country.end(), is_upper)))
        errors.push_back({field + ".country", quoted(country) + " is no country of ISO 3166-1, e.g. \"DE\""});
    const auto check_text = [&](const std::string& name, const std::string& text) {
        if (text.size() > limits::civic_bytes || !is_printable(text) || text.starts_with(' ') || text.ends_with(' '))
            errors.push_back({field + '.' + name, quoted(text) +
                                                      " must be at most 128 bytes without control characters, and "
                                                      "without spaces around them, e.g. \"Berlin\""});
    };
    for (std::size_t i = 0; i < civic.levels.size(); ++i) check_text('a' + std::to_string(i + 1), civic.levels[i]);
    check_text("postal_code", civic.postal_code);
    if (const auto star = civic.postal_code.find('*');
        star != std::string::npos && (star == 0 || star + 1 != civic.postal_code.size()))
        errors.push_back({field + ".postal_code", quoted(civic.postal_code) +
                                                      " has a \"*\" that is not its end, or nothing before it, e.g. "
                                                      "\"101*\""});
}

void check_circle(const std::string& field, const Circle& circle, FieldErrors& errors) {
    check_position(field + ".center", circle.center, errors);
    if (!std::isfinite(circle.radius_metres) || circle.radius_metres <= 0 ||
        circle.radius_metres > limits::radius_metres)
        errors.push_back({field + ".radius_metres", "must be a number above 0, up to 2000000, e.g. 5000"});
}

// Twice the area, in square degrees; 0: all points are on one line.
double doubled_area(const std::vector<Position>& points) {
    double sum = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto &a = points[i], &b = points[(i + 1) % points.size()];
        sum += (a.longitude - points[0].longitude) * (b.latitude - points[0].latitude) -
               (b.longitude - points[0].longitude) * (a.latitude - points[0].latitude);
    }
    return std::abs(sum);
}

void check_polygon(const std::string& field, const Polygon& polygon, FieldErrors& errors) {
    const auto& points = polygon.points;
    if (points.size() < 3)
        errors.push_back({field + ".points", "has " + std::to_string(points.size()) +
                                                 ": a polygon has at least 3, the first not repeated at the end, e.g. "
                                                 "[{latitude: 52.4, longitude: 13.1}, {latitude: 52.7, longitude: "
                                                 "13.1}, {latitude: 52.5, longitude: 13.8}]"});
    if (points.size() > limits::polygon_points)
        errors.push_back({field + ".points", too_many(points.size(), limits::polygon_points)});
    bool good = points.size() >= 3 && points.size() <= limits::polygon_points;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto point = at(field + ".points", i);
        if (!check_position(point, points[i], errors)) good = false;
        if (i > 0 && points[i] == points[i - 1]) {
            errors.push_back({point, "is the point before it again"});
            good = false;
        }
    }
    if (good && points.front() == points.back()) {
        errors.push_back({at(field + ".points", points.size() - 1),
                          "is the first point again: a polygon is closed by itself, leave it out"});
        good = false;
    }
    if (!good) return;
    const auto [west, east] = std::minmax_element(
        points.begin(), points.end(), [](const auto& a, const auto& b) { return a.longitude < b.longitude; });
    if (east->longitude - west->longitude >= half_circle)
        errors.push_back({field + ".points",
                          "are 180 degrees of longitude or more apart: one that crosses the 180th meridian is two, on "
                          "either side of it"});
    else if (doubled_area(points) < 1e-12)
        errors.push_back({field + ".points", "are on one line, which nobody can be in"});
}

void check_takers(const std::string& field, const EmergencyArea& area, FieldErrors& errors) {
    if (area.carriers.empty() && area.choices.empty())
        errors.push_back({field + ".carriers", "is empty: an area needs at least one, e.g. [carriers/psap-berlin]"});
    if (!area.carriers.empty() && !area.choices.empty())
        errors.push_back({field + ".choices", "is given beside carriers: give one or the other"});
    if (area.carriers.size() > limits::carriers_of_route)
        errors.push_back({field + ".carriers", too_many(area.carriers.size(), limits::carriers_of_route)});
    if (area.choices.size() > limits::carriers_of_route)
        errors.push_back({field + ".choices", too_many(area.choices.size(), limits::carriers_of_route)});
    std::set<std::string_view> seen;
    const auto check = [&](const std::string& place, const std::string& id) {
        if (!seen.insert(id).second) errors.push_back({place, quoted("carriers/" + id) + " is given twice"});
    };
    for (std::size_t i = 0; i < area.carriers.size(); ++i) check(at(field + ".carriers", i), area.carriers[i]);
    for (std::size_t i = 0; i < area.choices.size(); ++i)
        check(at(field + ".choices", i) + ".carrier", area.choices[i].carrier);
}

}  // namespace

void check_areas(const Route& route, FieldErrors& errors) {
    const auto& areas = route.areas;
    if (route.use_location && areas.empty())
        errors.push_back({"use_location",
                          "needs areas, e.g. [{name: berlin, civic: [{country: DE, a3: Berlin}], carriers: "
                          "[carriers/psap-berlin]}]"});
    if (!areas.empty() && route.service_numbers.empty() && !route.is_catch_all())
        errors.push_back({"areas",
                          "belong to a route that calls for help take: one with service_numbers, e.g. [\"112\"], or "
                          "the one with the prefix \"\""});
    if (areas.size() > limits::emergency_areas)
        errors.push_back({"areas", too_many(areas.size(), limits::emergency_areas)});
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < areas.size(); ++i) {
        const auto& area = areas[i];
        const auto field = at("areas", i);
        if (!is_id(area.name))
            errors.push_back(
                {field + ".name", quoted(area.name) + " is no id: 1 to 63 of a-z, 0-9 and \"-\", e.g. \"berlin\""});
        else if (!seen.insert(area.name).second)
            errors.push_back({field + ".name", quoted(area.name) + " is given twice"});
        const auto shapes = area.civic.size() + area.circles.size() + area.polygons.size();
        if (shapes == 0)
            errors.push_back({field,
                              "is nowhere: it needs civic, circles or polygons, e.g. civic: [{country: DE, a3: "
                              "Berlin}]"});
        if (shapes > limits::area_shapes) errors.push_back({field, too_many(shapes, limits::area_shapes)});
        for (std::size_t j = 0; j < area.civic.size(); ++j) check_civic(at(field + ".civic", j), area.civic[j], errors);
        for (std::size_t j = 0; j < area.circles.size(); ++j)
            check_circle(at(field + ".circles", j), area.circles[j], errors);
        for (std::size_t j = 0; j < area.polygons.size(); ++j)
            check_polygon(at(field + ".polygons", j), area.polygons[j], errors);
        check_takers(field, area, errors);
    }
}

}  // namespace sallyport::config::rules
