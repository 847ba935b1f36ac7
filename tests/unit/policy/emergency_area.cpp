// Where a call for help goes whose route goes by locations: the answering points of its area first, then the route's
// own.
#include <catch2/catch.hpp>

#include "signaling/policy/engine.h"
#include "signaling/sip/parser.h"

namespace sallyport::policy {
namespace {

struct Town {
    Town() {
        config::Trunk t;
        t.id = "acme";
        t.mode = config::TrunkMode::static_;
        t.realm = "access";
        t.transports = {config::Transport::udp};
        t.numbers = {{"+491100", "+491199"}};
        t.numbering.dial_plan.emergency_numbers = {"112"};
        config.trunks.emplace("acme", t);
        for (const char* id : {"core", "north", "south"})
            config.carriers.emplace(id, config::Carrier{.id = id, .realm = "core"});
        auto& help = config.routes.emplace("help", config::Route{.id = "help", .carriers = {"core"}}).first->second;
        help.service_numbers = {"112"};
        help.use_location = true;
        help.areas = {{"north", {{"DE", {"SH"}, ""}}, {}, {}, {"north", "core"}, {}},
                      {"south", {{"DE", {"BY"}, ""}}, {}, {}, {}, {{"south", 0, 1}, {"north", 1, 1}}}};
        config.routes.emplace("all", config::Route{.id = "all", .carriers = {"core"}});
    }
    config::Route& help() { return config.routes.at("help"); }
    Verdict call(const std::string& state, const std::string& routing = "yes", const std::string& number = "112") {
        const std::string body =
            "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: application/pidf+xml\r\n"
            "Content-ID: <a@b>\r\n\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"><tuple><status><geopriv "
            "xmlns=\"urn:ietf:params:xml:ns:pidf:geopriv10\"><location-info><civicAddress "
            "xmlns=\"urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr\"><country>DE</country><A1>" +
            state + "</A1></civicAddress></location-info></geopriv></status></tuple></presence>\r\n--b--\r\n";
        const auto message = sip::Parser::parse(
            "INVITE sip:" + number +
            "@sp SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bK1\r\nFrom: <sip:+491101@sp>;tag=1\r\n"
            "To: <sip:112@sp>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nGeolocation: <cid:a@b>\r\n"
            "Geolocation-Routing: " +
            routing + "\r\nContent-Type: multipart/mixed;boundary=b\r\nContent-Length: " + std::to_string(body.size()) +
            "\r\n\r\n" + body);
        REQUIRE(message.has_value());
        config.build_indexes();
        const CallFacts facts{.config = config,
                              .locations = locations,
                              .now = TimePoint{std::chrono::seconds(1'800'000'000)},
                              .party = {PartyKind::trunk, "acme", Proof::source_address},
                              .transport = Transport::udp,
                              .request_uri = *sip::parse_uri("sip:" + number + "@sp"),
                              .invite = &*message};
        return decide(facts, gauges);
    }
    static std::string told(const Verdict& verdict) {
        for (const auto& line : verdict.trace)
            if (line.rule == "destination") return line.text;
        return {};
    }
    using Ids = std::vector<std::string>;
    config::Snapshot config;
    registrar::LocationStore locations;
    CallGauges gauges;
};

}  // namespace

TEST_CASE("The area's carriers, in its order, then those of the route that are not among them [SC-13.1-09]") {
    Town town;
    const auto north = town.call("SH");
    REQUIRE_FALSE(north.reject);
    CHECK(north.admitted.carriers == Town::Ids{"north", "core"});
    CHECK(Town::told(north) == "route help, in area north");
    CHECK(location_name(north.admitted) == "area:north");
    CHECK(town.call("BY").admitted.carriers == Town::Ids{"south", "north", "core"});
}

TEST_CASE("Elsewhere, unasked, or with the switch off: the route's own, and why is told [SC-13.1-09]") {
    Town town;
    const auto elsewhere = town.call("HH");
    CHECK(elsewhere.admitted.carriers == Town::Ids{"core"});
    CHECK(Town::told(elsewhere) == "route help, a location in no area");
    CHECK(location_name(elsewhere.admitted) == "no-area");
    const auto unasked = town.call("SH", "no");
    CHECK(unasked.admitted.carriers == Town::Ids{"core"});
    CHECK(location_name(unasked.admitted) == "not-asked");
    town.help().use_location = false;
    const auto off = town.call("SH");
    CHECK(off.admitted.carriers == Town::Ids{"core"});
    CHECK(Town::told(off) == "route help");
    CHECK(location_name(off.admitted).empty());
}

TEST_CASE(
    "An area whose carriers are disabled is as good as none, and a route without any leaves it to the catch-all") {
    Town town;
    town.config.carriers.at("north").disabled = true;
    CHECK(town.call("SH").admitted.carriers == Town::Ids{"core"});
    town.help().carriers = {"north"};
    const auto verdict = town.call("SH");
    CHECK(verdict.admitted.carriers == Town::Ids{"core"});  // the area names it too
    town.help().areas.front().carriers = {"north"};
    const auto by_all = town.call("SH");
    CHECK(by_all.admitted.route == "all");
    CHECK(by_all.admitted.carriers == Town::Ids{"core"});
}

TEST_CASE("Nobody else's location is looked at") {
    Town town;
    town.config.routes.at("all").use_location = true;
    town.config.routes.at("all").areas = town.help().areas;
    const auto ordinary = town.call("SH", "yes", "+4940123");
    REQUIRE_FALSE(ordinary.reject);
    CHECK(ordinary.admitted.carriers == Town::Ids{"core"});
    CHECK(location_name(ordinary.admitted).empty());
}

}  // namespace sallyport::policy
