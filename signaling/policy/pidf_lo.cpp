#include "signaling/policy/pidf_lo.h"

#include <expat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "control/base/check.h"

namespace sallyport::policy {
namespace {

constexpr char separator = ' ';  // between namespace and name: a URI has none, and expat refuses one that has

enum class Element : std::uint8_t {
    other,
    presence,
    geopriv,
    location_info,
    civic_address,
    civic_part,  // of an address: country, A1 to A6, RD, PC
    shape,       // with a centre
    polygon,
    interior,  // of a polygon: what is cut out of it
    pos,
    pos_list,
};

struct Name {
    std::string_view space, local;
};

Name split(std::string_view qualified) {
    const auto at = qualified.rfind(separator);
    if (at == qualified.npos) return {{}, qualified};
    return {qualified.substr(0, at), qualified.substr(at + 1)};
}

constexpr std::string_view pidf = "urn:ietf:params:xml:ns:pidf";
constexpr std::string_view geopriv10 = "urn:ietf:params:xml:ns:pidf:geopriv10";
// The second one is that of RFC 4119, before RFC 5139.
constexpr std::array<std::string_view, 2> civic_spaces{"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr",
                                                       "urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc"};
constexpr std::string_view gml = "http://www.opengis.net/gml", gml_shapes = "http://www.opengis.net/pidflo/1.0";
constexpr std::array<std::string_view, 9> civic_parts{"country", "A1", "A2", "A3", "A4", "A5", "A6", "RD", "PC"};
constexpr std::size_t road = 7, postal_code = 8;
constexpr std::array<std::string_view, 4> centred{"Circle", "Ellipse", "Sphere", "Ellipsoid"};

bool is_one_of(std::string_view name, const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Element classify(const Name& name) {
    if (name.space == pidf && name.local == "presence") return Element::presence;
    if (name.space == geopriv10) {
        if (name.local == "geopriv") return Element::geopriv;
        if (name.local == "location-info") return Element::location_info;
    }
    if (is_one_of(name.space, civic_spaces)) {
        if (name.local == "civicAddress") return Element::civic_address;
        if (is_one_of(name.local, civic_parts)) return Element::civic_part;
    }
    if (name.space == gml_shapes && is_one_of(name.local, centred)) return Element::shape;
    if (name.space == gml) {
        if (name.local == "Point") return Element::shape;
        if (name.local == "Polygon") return Element::polygon;
        if (name.local == "interior") return Element::interior;
        if (name.local == "pos") return Element::pos;
        if (name.local == "posList") return Element::pos_list;
    }
    return Element::other;
}

// RFC 5491 5.1: WGS84 with two dimensions, or three. Latitude first in both.
std::size_t dimensions_of(std::string_view srs_name) {
    if (srs_name == "urn:ogc:def:crs:EPSG::4326") return 2;
    if (srs_name == "urn:ogc:def:crs:EPSG::4979") return 3;
    return 0;
}

constexpr std::string_view white_space = " \t\r\n";

// What stands between is one space, and nothing at the ends.
std::string collapsed(std::string_view text) {
    std::string out;
    for (auto at = text.find_first_not_of(white_space); at != text.npos; at = text.find_first_not_of(white_space, at)) {
        const auto end = std::min(text.find_first_of(white_space, at), text.size());
        if (!out.empty()) out += ' ';
        out += text.substr(at, end - at);
        at = end;
    }
    return out;
}

std::optional<std::vector<double>> numbers_of(std::string_view text) {
    std::vector<double> numbers;
    for (auto at = text.find_first_not_of(white_space); at != text.npos; at = text.find_first_not_of(white_space, at)) {
        const auto end = std::min(text.find_first_of(white_space, at), text.size());
        if (text[at] == '+') ++at;
        double number = 0;
        const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, number);
        if (error != std::errc{} || stop != text.data() + end || !std::isfinite(number)) return std::nullopt;
        numbers.push_back(number);
        at = end;
    }
    return numbers;
}

double wrapped(double degrees) { return degrees - 360.0 * std::floor((degrees + 180.0) / 360.0); }  // -180..180

// Of the ground within. The longitudes are counted on from the first point's, so that nothing tears at the date line.
std::optional<config::Position> centroid(std::vector<config::Position> ring) {
    if (ring.size() > 1 && ring.front() == ring.back()) ring.pop_back();
    if (ring.size() < 3 || ring.size() > limits::location_points) return std::nullopt;
    const config::Position origin = ring.front();
    double x_before = 0;
    std::vector<config::Position> flat;
    for (const auto& point : ring) {
        x_before += wrapped(point.longitude - origin.longitude - x_before);
        flat.push_back({point.latitude - origin.latitude, x_before});
    }
    double area = 0, x = 0, y = 0;
    for (std::size_t i = 0; i < flat.size(); ++i) {
        const auto &a = flat[i], &b = flat[(i + 1) % flat.size()];
        const double cross = a.longitude * b.latitude - b.longitude * a.latitude;
        area += cross;
        x += (a.longitude + b.longitude) * cross;
        y += (a.latitude + b.latitude) * cross;
    }
    if (std::abs(area) < 1e-12) {  // no ground: a line, or one place
        x = y = 0;
        for (const auto& point : flat) x += point.longitude, y += point.latitude;
        area = static_cast<double>(flat.size()) / 3;
    }
    const config::Position center{std::clamp(origin.latitude + y / (3 * area), -90.0, 90.0),
                                  wrapped(origin.longitude + x / (3 * area))};
    return std::isfinite(center.latitude) && std::isfinite(center.longitude) ? std::optional(center) : std::nullopt;
}

class Reader {
public:
    explicit Reader(XML_Parser parser) : parser_(parser) {
        XML_SetUserData(parser, this);
        XML_SetElementHandler(
            parser, [](void* self, const char* name, const char** attributes) { of(self).begin(name, attributes); },
            [](void* self, const char*) { of(self).end(); });
        XML_SetCharacterDataHandler(parser, [](void* self, const char* text, int length) {
            of(self).add({text, static_cast<std::size_t>(length)});
        });
        XML_SetStartDoctypeDeclHandler(parser, [](void* self, const char*, const char*, const char*, int) {
            of(self).stop(LocationErrc::document_type);
        });
    }
    std::optional<LocationErrc> why_stopped() const { return stopped_; }
    Result<std::vector<Place>, LocationErrc> take() {
        if (!places_.empty()) return std::move(places_);
        return unusable_ ? LocationErrc::unusable_location : LocationErrc::no_location;
    }

private:
    static Reader& of(void* self) { return *static_cast<Reader*>(self); }

    void begin(std::string_view qualified, const char** attributes) {
        if (stopped_) return;
        if (++elements_ > limits::location_elements) return stop(LocationErrc::too_many_elements);
        if (path_.size() == limits::location_depth) return stop(LocationErrc::too_deep);
        const Name name = split(qualified);
        const Element element = classify(name);
        if (path_.empty() && element != Element::presence) return stop(LocationErrc::not_pidf);
        const Element parent = path_.empty() ? Element::other : path_.back();
        path_.push_back(element);
        text_.clear();
        taken_ = false;
        if (element == Element::location_info) where_ = parent == Element::geopriv ? path_.size() : 0;
        if (where_ == 0) return;
        if (element == Element::civic_address && path_.size() == where_ + 1) civic_.emplace();
        if (element == Element::civic_part && civic_ && parent == Element::civic_address) {
            part_ = static_cast<std::size_t>(std::find(civic_parts.begin(), civic_parts.end(), name.local) -
                                             civic_parts.begin());
            taken_ = true;
        }
        // A polygon may be the base of a prism: it need not stand at once below.
        if (shape_ == 0 && (element == Element::shape || element == Element::polygon)) {
            shape_ = path_.size();
            dimensions_ = 0;
            points_.clear();
            broken_ = false;
        }
        if (shape_ == 0) return;
        for (; *attributes != nullptr; attributes += 2)
            if (std::string_view(attributes[0]) == "srsName") dimensions_ = dimensions_of(attributes[1]);
        const bool cut_out = std::find(path_.begin(), path_.end(), Element::interior) != path_.end();
        if ((element == Element::pos || element == Element::pos_list) && !cut_out) taken_ = true;
    }

    void end() {
        if (stopped_) return;
        SALLYPORT_CHECK(!path_.empty());
        const Element element = path_.back();
        if (taken_ && element == Element::civic_part) end_civic_part();
        if (taken_ && (element == Element::pos || element == Element::pos_list)) end_positions(element);
        if (civic_ && element == Element::civic_address) end_civic();
        if (shape_ == path_.size()) end_shape(element);
        if (where_ == path_.size()) where_ = 0;
        path_.pop_back();
        text_.clear();
        taken_ = false;
    }

    void add(std::string_view text) {
        if (taken_) text_ += text;  // a document is bounded, and so is this
    }

    void end_civic_part() {
        const std::string value = collapsed(text_);
        if (value.size() > limits::location_text) {
            unusable_ = broken_civic_ = true;
            return;
        }
        if (part_ == 0) civic_->country = value;
        if (part_ >= 1 && part_ <= civic_->levels.size()) civic_->levels[part_ - 1] = value;
        if (part_ == road) road_ = value;
        if (part_ == postal_code) civic_->postal_code = value;
    }

    // RFC 5139 3.1: the road has taken the place of A6.
    void end_civic() {
        if (civic_->levels.back().empty()) civic_->levels.back() = road_;
        road_.clear();
        if (!civic_->empty() && !broken_civic_) put(*civic_);
        civic_.reset();
        broken_civic_ = false;
    }

    void end_positions(Element element) {
        const auto numbers = numbers_of(text_);
        const bool whole = numbers && dimensions_ != 0 && !numbers->empty() && numbers->size() % dimensions_ == 0 &&
                           (element == Element::pos_list || numbers->size() == dimensions_);
        if (!whole) {
            broken_ = true;
            return;
        }
        for (std::size_t i = 0; i < numbers->size(); i += dimensions_) {
            const config::Position point{(*numbers)[i], (*numbers)[i + 1]};
            if (std::abs(point.latitude) > 90 || std::abs(point.longitude) > 180) broken_ = true;
            points_.push_back(point);
        }
    }

    void end_shape(Element element) {
        shape_ = 0;
        std::optional<config::Position> center;
        if (!broken_ && element == Element::polygon) center = centroid(std::move(points_));
        if (!broken_ && element == Element::shape && points_.size() == 1) center = points_.front();
        points_.clear();
        if (center)
            put(*center);
        else
            unusable_ = true;
    }

    void put(Place place) {
        if (places_.size() < limits::locations) places_.push_back(std::move(place));
    }
    void stop(LocationErrc why) {
        if (stopped_) return;
        stopped_ = why;
        XML_StopParser(parser_, XML_FALSE);
    }

    XML_Parser parser_;
    std::optional<LocationErrc> stopped_;
    std::size_t elements_ = 0;
    std::vector<Element> path_;
    std::size_t where_ = 0;  // how deep the location-info is that this is in; 0: in none
    std::size_t shape_ = 0;  // likewise of the shape
    std::string text_;
    bool taken_ = false;  // the text of this element counts
    std::optional<config::CivicArea> civic_;
    std::string road_;
    std::size_t part_ = 0;
    std::size_t dimensions_ = 0;
    std::vector<config::Position> points_;
    bool broken_ = false, broken_civic_ = false;
    std::vector<Place> places_;
    bool unusable_ = false;
};

struct ParserFree {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
};

}  // namespace

std::string_view to_string(LocationErrc e) {
    switch (e) {
        case LocationErrc::too_large: return "location of too many bytes";
        case LocationErrc::not_xml: return "location that is no XML";
        case LocationErrc::document_type: return "location with a document type of its own";
        case LocationErrc::too_deep: return "location with elements too deep";
        case LocationErrc::too_many_elements: return "location of too many elements";
        case LocationErrc::not_pidf: return "no presence document";
        case LocationErrc::no_location: return "presence without a location";
        case LocationErrc::unusable_location: return "location that cannot be used";
    }
    SALLYPORT_CHECK(false);
}

Result<std::vector<Place>, LocationErrc> read_pidf_lo(std::string_view document, std::uint32_t salt) {
    if (document.size() > limits::location_bytes) return LocationErrc::too_large;
    const std::unique_ptr<XML_ParserStruct, ParserFree> parser(XML_ParserCreateNS(nullptr, separator));
    if (!parser) return LocationErrc::not_xml;
    XML_SetHashSalt(parser.get(), salt == 0 ? 1 : salt);  // 0 would have it ask the system
    Reader reader(parser.get());
    const auto status = XML_Parse(parser.get(), document.data(), static_cast<int>(document.size()), XML_TRUE);
    if (const auto why = reader.why_stopped()) return *why;
    if (status != XML_STATUS_OK) return LocationErrc::not_xml;
    return reader.take();
}

}  // namespace sallyport::policy
