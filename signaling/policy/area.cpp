#include "signaling/policy/area.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>

#include "control/base/check.h"
#include "signaling/sip/content.h"
#include "signaling/sip/fields.h"

namespace sallyport::policy {
namespace {

constexpr double earth_radius_metres = 6'371'008.8;  // the mean one of WGS84

double radians(double degrees) { return degrees * std::numbers::pi / 180; }
double wrapped(double degrees) { return degrees - 360.0 * std::floor((degrees + 180.0) / 360.0); }

double metres_between(const config::Position& a, const config::Position& b) {  // the haversine
    const double half_lat = std::sin(radians(b.latitude - a.latitude) / 2),
                 half_lon = std::sin(radians(b.longitude - a.longitude) / 2);
    const double h =
        half_lat * half_lat + std::cos(radians(a.latitude)) * std::cos(radians(b.latitude)) * half_lon * half_lon;
    return 2 * earth_radius_metres * std::asin(std::sqrt(std::clamp(h, 0.0, 1.0)));
}

bool holds(const config::Circle& circle, const config::Position& p) {
    return metres_between(circle.center, p) <= circle.radius_metres;
}

// By how many sides a ray to the east crosses. Longitudes are counted on from the first point, over the date line.
bool holds(const config::Polygon& polygon, const config::Position& p) {
    if (polygon.points.empty()) return false;
    const double origin = polygon.points.front().longitude;
    const double x = wrapped(p.longitude - origin), y = p.latitude;
    bool inside = false;
    double xa = 0, ya = polygon.points.front().latitude;
    for (std::size_t i = 1; i <= polygon.points.size(); ++i) {
        const config::Position& next = polygon.points[i % polygon.points.size()];
        const double xb = i == polygon.points.size() ? 0 : xa + wrapped(next.longitude - origin - xa);
        const double yb = next.latitude;
        if ((ya > y) != (yb > y) && x < xa + (y - ya) / (yb - ya) * (xb - xa)) inside = !inside;
        xa = xb;
        ya = yb;
    }
    return inside;
}

bool fits(std::string_view wanted, std::string_view said) {
    return wanted.empty() || sip::equal_ignoring_case(wanted, said);
}

bool fits_postal_code(std::string_view wanted, std::string_view said) {
    if (!wanted.ends_with('*')) return fits(wanted, said);
    wanted.remove_suffix(1);
    return sip::equal_ignoring_case(wanted, said.substr(0, wanted.size()));
}

bool holds(const config::CivicArea& area, const config::CivicArea& said) {
    if (area.empty() || !fits(area.country, said.country)) return false;
    for (std::size_t i = 0; i < area.levels.size(); ++i)
        if (!fits(area.levels[i], said.levels[i])) return false;
    return fits_postal_code(area.postal_code, said.postal_code);
}

// "<cid:desk@pbx.example>;p=v": what is in the brackets.
std::string_view uri_of(std::string_view value) {
    if (!value.starts_with('<')) return value.substr(0, value.find(';'));
    const auto end = value.find('>');
    return end == value.npos ? std::string_view() : value.substr(1, end - 1);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 2392 2: the Content-ID that a cid URL means; nothing: it is none.
std::optional<std::string> content_id_of(std::string_view uri) {
    constexpr std::string_view scheme = "cid:";
    if (!sip::equal_ignoring_case(uri.substr(0, scheme.size()), scheme)) return std::nullopt;
    uri.remove_prefix(scheme.size());
    std::string id;
    for (std::size_t i = 0; i < uri.size(); ++i) {
        const int high = uri[i] == '%' && i + 2 < uri.size() ? hex_digit(uri[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(uri[i + 2]) : -1;
        if (low < 0) {
            id += uri[i];
        } else {
            id += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return id;
}

bool asks_for_routing(const sip::Message& invite) {
    const auto said = invite.values(sip::HeaderName::geolocation_routing);
    return !said.empty() && std::all_of(said.begin(), said.end(), [](std::string_view value) {
        return sip::equal_ignoring_case(value.substr(0, value.find_first_of("; \t")), "yes");
    });
}

const sip::ContentPart* part_named(const sip::Content& content, std::string_view id) {
    const sip::ContentPart* found = nullptr;
    for (const auto& part : content.parts) {
        if (id.empty() || part.id != id) continue;
        if (found != nullptr) return nullptr;  // two of one name: nobody knows which is meant
        found = &part;
    }
    return found != nullptr && !found->encoded && found->is("application/pidf+xml") ? found : nullptr;
}

class Search {
public:
    Search(const std::vector<config::EmergencyArea>& areas, std::uint32_t salt) : areas_(areas), salt_(salt) {}

    // True: it is found.
    bool look(const sip::Content& content, std::string_view uri) {
        const auto id = content_id_of(uri);
        if (!id) return note(LocationUse::by_reference, "a location by reference, which is not asked for");
        const auto* part = part_named(content, *id);
        if (part == nullptr) return note(LocationUse::no_part, "a location that is in no part of the body");
        if (std::find(read_.begin(), read_.end(), part) != read_.end()) return false;
        read_.push_back(part);
        const auto places = read_pidf_lo(part->body, salt_);
        if (!places.has_value()) return note(LocationUse::unreadable, "a " + std::string(to_string(places.error())));
        for (const Place& place : *places) {
            if (places_++ >= limits::locations) break;
            for (const auto& area : areas_)
                if (is_in(area, place)) {
                    finding_ = {LocationUse::area, &area, "in area " + area.name};
                    return true;
                }
        }
        return note(LocationUse::no_area, "a location in no area");
    }
    LocationFinding take() { return std::move(finding_); }

private:
    // What comes nearest to a location that could be used is told.
    bool note(LocationUse use, std::string text) {
        if (use > finding_.use) finding_ = {use, nullptr, std::move(text)};
        return false;
    }

    const std::vector<config::EmergencyArea>& areas_;
    std::uint32_t salt_;
    std::vector<const sip::ContentPart*> read_;
    std::size_t places_ = 0;  // looked for
    LocationFinding finding_{LocationUse::none, nullptr, "no location"};
};

}  // namespace

std::string_view to_string(LocationUse use) {
    switch (use) {
        case LocationUse::off: return "off";
        case LocationUse::not_asked: return "not-asked";
        case LocationUse::none: return "none";
        case LocationUse::by_reference: return "by-reference";
        case LocationUse::no_part: return "no-part";
        case LocationUse::unreadable: return "unreadable";
        case LocationUse::no_area: return "no-area";
        case LocationUse::area: return "area";
    }
    SALLYPORT_CHECK(false);
}

bool is_in(const config::EmergencyArea& area, const Place& place) {
    if (const auto* civic = std::get_if<config::CivicArea>(&place))
        return std::any_of(area.civic.begin(), area.civic.end(), [&](const auto& c) { return holds(c, *civic); });
    const auto* point = std::get_if<config::Position>(&place);
    return std::any_of(area.circles.begin(), area.circles.end(), [&](const auto& c) { return holds(c, *point); }) ||
           std::any_of(area.polygons.begin(), area.polygons.end(), [&](const auto& p) { return holds(p, *point); });
}

LocationFinding find_area(const sip::Message& invite, const std::vector<config::EmergencyArea>& areas,
                          std::uint32_t salt) {
    if (!asks_for_routing(invite)) return {LocationUse::not_asked, nullptr, "location not looked at"};
    Search search(areas, salt);
    const auto read = sip::read_content(invite);
    const sip::Content content = read.has_value() ? *read : sip::Content{};
    for (const std::string_view value : invite.values(sip::HeaderName::geolocation))
        if (search.look(content, uri_of(value))) break;
    return search.take();
}

}  // namespace sallyport::policy
