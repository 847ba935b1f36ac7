// The core's record as the spooled one.
#include "signaling/app/record_convert.h"

#include <catch2/catch.hpp>

using namespace sallyport;

TEST_CASE("everything an operator bills by arrives, and what did not happen is absent") {
    b2bua::CallRecord r;
    r.id = "c-1";
    r.session_id = "47755a9de7794ba387653f2099600ef2";
    r.trunk = "acme-hq";
    r.carrier = "core";
    r.direction = "from-pbx";
    r.ends = {"trunks/acme-hq", "carriers/core"};
    r.forwards = {{"+4930123456", "+49892", "acme-hq", 302, 486}};
    r.replaced = {{b2bua::Side::b, "carriers/core", "old@sbc", TimePoint{1'800'000'005s}}};
    r.caller = "+4930123456";
    r.called = "+49891";
    r.asserted_identity = "+4930123400";
    r.redirecting_party = "+4930123499";
    r.request_uri = "sip:+49891@sip.example.com";
    r.emergency = true;
    r.location = "no-area";
    r.target = "udp 198.51.100.9:5060";
    r.call_id_a = "a@pbx";
    r.call_id_b = "b@sbc";
    r.started = TimePoint{1'800'000'000s};
    r.ended = r.started + 10s;
    r.status = 486;
    r.q850 = 17;
    r.ended_by = "callee";
    r.reason = "busy here";
    r.codecs = {"PCMA/8000"};
    b2bua::MediaLegStatistics leg;
    leg.side = b2bua::Side::b;
    leg.packets_received = 500;
    leg.jitter_seconds = 0.002;
    leg.mos = 4.4137;
    leg.round_trip_seconds = 0.08049;
    leg.one_way_seconds = 2.5;
    leg.telephone_events = 4;
    leg.suite = "AES_CM_128_HMAC_SHA1_80";
    leg.local = *Endpoint::parse("198.51.100.1:20000");
    r.media = {leg};
    const auto s = app::to_spool(r, "edge-1");
    CHECK(s.node == "edge-1");
    CHECK(s.sip_call_ids == std::vector<std::string>{"a@pbx", "b@sbc"});
    CHECK(s.started == r.started);
    CHECK_FALSE(s.ringing.has_value());
    CHECK_FALSE(s.answered.has_value());
    CHECK(s.sip_status == 486);
    CHECK(s.q850_cause == 17);
    CHECK(s.asserted_identity == "+4930123400");
    CHECK(s.redirecting_party == "+4930123499");
    CHECK(s.request_uri == "sip:+49891@sip.example.com");
    CHECK(s.emergency);
    CHECK(s.location == "no-area");
    CHECK(s.ends == std::vector<std::string>{"trunks/acme-hq", "carriers/core"});
    CHECK(s.forwards == std::vector<records::Forward>{{"+4930123456", "+49892", "acme-hq", 302, 486}});
    CHECK(s.replaced ==
          std::vector<records::Replacement>{{"b", "carriers/core", "old@sbc", TimePoint{1'800'000'005s}}});
    REQUIRE(s.media.size() == 1);
    CHECK(s.media[0].side == "b");
    CHECK(s.media[0].jitter_milliseconds == Approx(2));
    CHECK(s.media[0].mos == 4.41);
    CHECK(s.media[0].round_trip_milliseconds == 80.5);
    CHECK(s.media[0].one_way_milliseconds == 2500);
    CHECK(s.media[0].telephone_events == 4);
    CHECK(s.media[0].local == "198.51.100.1:20000");
    CHECK(s.media[0].remote.empty());
    const auto line = records::to_json(s);
    CHECK(records::parse_call_record(line)->trunk == "acme-hq");
}
