// rooms: policy
// Any octets as a location: read to the end, bounded, and what is found are places on earth and short names.
#include "signaling/policy/pidf_lo.h"

#include <cmath>

#include "control/base/check.h"
#include "signaling/policy/area.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::policy;

namespace {

std::string presence(const std::string& location) {
    return "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" "
           "xmlns:ca=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" xmlns:gml=\"http://www.opengis.net/gml\" "
           "xmlns:gs=\"http://www.opengis.net/pidflo/1.0\"><tuple><status><gp:geopriv><gp:location-info>" +
           location + "</gp:location-info></gp:geopriv></status></tuple></presence>";
}

const config::EmergencyArea& somewhere() {
    static const config::EmergencyArea area{
        "somewhere", {{"DE", {"BY"}, "8*"}}, {{{48, 11}, 5'000}}, {{{{10, 170}, {10, -170}, {20, -170}}}}, {}};
    return area;
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    const std::string flat = " srsName=\"urn:ogc:def:crs:EPSG::4326\"";
    return {presence("<ca:civicAddress><ca:country>DE</ca:country><ca:A1>BY</ca:A1><ca:PC>80802</ca:PC>"
                     "</ca:civicAddress>"),
            presence("<gs:Circle" + flat + "><gml:pos>48 11</gml:pos><gs:radius>5</gs:radius></gs:Circle>"),
            presence("<gml:Polygon" + flat +
                     "><gml:exterior><gml:LinearRing><gml:posList>0 179 0 -179 2 -179"
                     "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"),
            presence("<gml:Point srsName=\"urn:ogc:def:crs:EPSG::4979\"><gml:pos>1 2 3</gml:pos></gml:Point>"),
            "<!DOCTYPE p [<!ENTITY a \"b\">]><p>&a;</p>"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = read_pidf_lo({reinterpret_cast<const char*>(data), size}, 1);
    if (!read.has_value()) {
        SALLYPORT_CHECK(!to_string(read.error()).empty());
        return 0;
    }
    SALLYPORT_CHECK(!read->empty() && read->size() <= limits::locations);
    for (const Place& place : *read) {
        is_in(somewhere(), place);
        if (const auto* point = std::get_if<config::Position>(&place)) {
            SALLYPORT_CHECK(std::abs(point->latitude) <= 90 && std::abs(point->longitude) <= 180);
        } else {
            const auto* civic = std::get_if<config::CivicArea>(&place);
            SALLYPORT_CHECK(!civic->empty() && civic->country.size() <= limits::location_text);
        }
    }
    return 0;
}
