// What is read of a PIDF-LO, and what of hostile ones is not.
#include "signaling/policy/pidf_lo.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

namespace sallyport::policy {
namespace {

std::string document(const std::string& locations) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
           "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:gp=\"urn:ietf:params:xml:ns:pidf:geopriv10\" "
           "xmlns:ca=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\" xmlns:gml=\"http://www.opengis.net/gml\" "
           "xmlns:gs=\"http://www.opengis.net/pidflo/1.0\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
           "entity=\"pres:desk@acme.example\">"
           "<dm:device id=\"d1\"><gp:geopriv><gp:location-info>" +
           locations + "</gp:location-info><gp:usage-rules/></gp:geopriv></dm:device></presence>";
}
const std::string flat = " srsName=\"urn:ogc:def:crs:EPSG::4326\"", high = " srsName=\"urn:ogc:def:crs:EPSG::4979\"";

std::vector<Place> places(const std::string& locations) {
    const auto read = read_pidf_lo(document(locations), 7);
    INFO(locations);
    REQUIRE(read.has_value());
    return *read;
}
config::Position point(const std::string& locations) {
    const auto all = places(locations);
    REQUIRE(all.size() == 1);
    REQUIRE(std::holds_alternative<config::Position>(all[0]));
    return std::get<config::Position>(all[0]);
}
LocationErrc error(const std::string& text) {
    const auto read = read_pidf_lo(text, 7);
    INFO(text.substr(0, 200));
    REQUIRE_FALSE(read.has_value());
    CHECK_FALSE(to_string(read.error()).empty());
    return read.error();
}

}  // namespace

TEST_CASE("A civic address: country, A1 to A6 and the postal code; the road where there is no A6 [SC-13.1-09]") {
    const auto all = places(
        "<ca:civicAddress xml:lang=\"de\"><ca:country>DE</ca:country><ca:A1>BY</ca:A1><ca:A3>\r\n  M\xc3\xbcnchen "
        "\t Nord\r\n</ca:A3><ca:RD>Leopoldstra\xc3\x9f"
        "e</ca:RD><ca:HNO>12</ca:HNO><ca:PC>80802</ca:PC></ca:civicAddress>");
    REQUIRE(all.size() == 1);
    const auto& address = std::get<config::CivicArea>(all[0]);
    CHECK(address.country == "DE");
    CHECK(address.levels[0] == "BY");
    CHECK(address.levels[1].empty());
    CHECK(address.levels[2] == "M\xc3\xbcnchen Nord");
    CHECK(address.levels[5] ==
          "Leopoldstra\xc3\x9f"
          "e");
    CHECK(address.postal_code == "80802");
    const auto older = places(
        "<c:civicAddress xmlns:c=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc\"><c:A6>Broadway</c:A6>"
        "<c:RD>none</c:RD></c:civicAddress>");
    CHECK(std::get<config::CivicArea>(older.at(0)).levels[5] == "Broadway");
}

TEST_CASE("The shapes of RFC 5491 have a centre [SC-13.1-09]") {
    CHECK(point("<gml:Point" + flat + "><gml:pos>-34.407 150.88001</gml:pos></gml:Point>") ==
          config::Position{-34.407, 150.88001});
    CHECK(point("<gml:Point" + high + "><gml:pos>48.1 11.5 520</gml:pos></gml:Point>") == config::Position{48.1, 11.5});
    CHECK(point("<gs:Circle" + flat +
                "><gml:pos>42.5463 -73.2512</gml:pos><gs:radius uom=\"urn:ogc:def:uom:EPSG::9001\">"
                "850.24</gs:radius></gs:Circle>") == config::Position{42.5463, -73.2512});
    CHECK(point("<gs:Ellipse" + flat + "><gml:pos>1 2</gml:pos><gs:semiMajorAxis>7</gs:semiMajorAxis></gs:Ellipse>") ==
          config::Position{1, 2});
    const auto square = point("<gml:Polygon" + flat +
                              "><gml:exterior><gml:LinearRing><gml:pos>10 20</gml:pos><gml:pos>10 22</gml:pos>"
                              "<gml:pos>12 22</gml:pos><gml:pos>12 20</gml:pos><gml:pos>10 20</gml:pos>"
                              "</gml:LinearRing></gml:exterior><gml:interior><gml:LinearRing><gml:pos>0 0</gml:pos>"
                              "</gml:LinearRing></gml:interior></gml:Polygon>");
    CHECK(square.latitude == Approx(11));
    CHECK(square.longitude == Approx(21));
    const auto prism = point("<gs:Prism" + high + "><gs:base><gml:Polygon" + high +
                             "><gml:exterior><gml:LinearRing><gml:posList>0 179 5 0 -179 5 2 -179 5 2 179 5 0 179 5"
                             "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gs:base></gs:Prism>");
    CHECK(prism.latitude == Approx(1));
    CHECK(std::abs(prism.longitude) == Approx(180));  // it lies across the date line
}

TEST_CASE("All locations in their order; what is beside a location-info is none") {
    const auto all = places("<gml:Point" + flat +
                            "><gml:pos>1 2</gml:pos></gml:Point><ca:civicAddress><ca:country>AT"
                            "</ca:country></ca:civicAddress>");
    REQUIRE(all.size() == 2);
    CHECK(std::holds_alternative<config::Position>(all[0]));
    CHECK(std::get<config::CivicArea>(all[1]).country == "AT");
    std::string elsewhere = document("");
    elsewhere.insert(elsewhere.find("<gp:usage-rules"), "<gml:Point" + flat + "><gml:pos>1 2</gml:pos></gml:Point>");
    CHECK(error(elsewhere) == LocationErrc::no_location);
    // RFC 4119's own place for it.
    CHECK(read_pidf_lo("<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"><tuple id=\"1\"><status><geopriv "
                       "xmlns=\"urn:ietf:params:xml:ns:pidf:geopriv10\"><location-info><civicAddress "
                       "xmlns=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\"><country>DE</country>"
                       "</civicAddress></location-info></geopriv></status></tuple></presence>",
                       1)
              .has_value());
}

TEST_CASE("A location that is not certain is none") {
    const auto unusable = [](const std::string& locations) {
        return error(document(locations)) == LocationErrc::unusable_location;
    };
    CHECK(unusable("<gml:Point><gml:pos>1 2</gml:pos></gml:Point>"));  // of which system?
    CHECK(unusable("<gml:Point srsName=\"urn:ogc:def:crs:EPSG::31467\"><gml:pos>1 2</gml:pos></gml:Point>"));
    for (const char* pos : {"", "1", "1 2 3", "91 0", "0 180.5", "nan 0", "inf 0", "1,2", "1 2x", "1e400 0"})
        CHECK(unusable("<gml:Point" + flat + "><gml:pos>" + pos + "</gml:pos></gml:Point>"));
    CHECK(unusable("<gml:Point" + flat + "><gml:pos>1<gml:pos>2</gml:pos></gml:pos></gml:Point>"));
    CHECK(unusable("<gml:Polygon" + flat +
                   "><gml:exterior><gml:posList>1 2 3 4 1 2</gml:posList></gml:exterior>"
                   "</gml:Polygon>"));
    CHECK(unusable("<ca:civicAddress><ca:A1>" + std::string(257, 'x') + "</ca:A1></ca:civicAddress>"));
    CHECK(error(document("<ca:civicAddress/>")) == LocationErrc::no_location);
    CHECK(error(document("<gs:ArcBand" + flat + "><gml:pos>1 2</gml:pos></gs:ArcBand>")) == LocationErrc::no_location);
    // A good one beside it counts.
    CHECK(places("<gml:Point/><gml:Point" + flat + "><gml:pos>1 2</gml:pos></gml:Point>").size() == 1);
}

TEST_CASE("Hostile XML is given up at once: entities, depth, size, elements, and what is none") {
    using clock = std::chrono::steady_clock;
    const auto began = clock::now();
    std::string bomb = "<?xml version=\"1.0\"?><!DOCTYPE presence [<!ENTITY l0 \"lol\">";
    for (int i = 1; i < 20; ++i) {
        bomb += "<!ENTITY l" + std::to_string(i) + " \"";
        for (int k = 0; k < 10; ++k) bomb += "&l" + std::to_string(i - 1) + ";";
        bomb += "\">";
    }
    CHECK(error(bomb + "]><presence xmlns=\"urn:ietf:params:xml:ns:pidf\">&l19;</presence>") ==
          LocationErrc::document_type);
    CHECK(error("<!DOCTYPE presence SYSTEM \"file:///etc/passwd\"><presence/>") == LocationErrc::document_type);
    CHECK(error("<!DOCTYPE presence [<!ENTITY % x SYSTEM \"http://192.0.2.1/x\"> %x;]><presence/>") ==
          LocationErrc::document_type);
    std::string deep, many;
    for (int i = 0; i < 40; ++i) deep += "<a>";
    for (int i = 0; i < 1'100; ++i) many += "<a/>";
    CHECK(error(document(deep)) == LocationErrc::too_deep);
    CHECK(error(document(many)) == LocationErrc::too_many_elements);
    CHECK(error(document(std::string(33'000, ' '))) == LocationErrc::too_large);
    std::string attributes = "<a";
    for (int i = 0; i < 3'500; ++i) attributes += " a" + std::to_string(i) + "=''";
    CHECK(error(document(attributes + "/>")) == LocationErrc::no_location);
    for (const char* text : {"", "112", "<presence", "<presence/>x", "<a:presence/>", "\xff\xfe<", "<p>&unknown;</p>"})
        CHECK((error(text) == LocationErrc::not_xml || error(text) == LocationErrc::not_pidf));
    CHECK(error("<presence/>") == LocationErrc::not_pidf);
    CHECK(error(std::string("<presence xmlns=\"urn:ietf:params:xml:ns:pidf\">\0</presence>", 58)) ==
          LocationErrc::not_xml);
    CHECK(clock::now() - began < std::chrono::seconds{2});
}

}  // namespace sallyport::policy
