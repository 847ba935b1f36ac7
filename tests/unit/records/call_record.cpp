// The call record's JSON: what billing parses, schema 1.
#include "control/records/call_record.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::records;

namespace {

CallRecord sample() {
    CallRecord r;
    r.id = "c-1";
    r.node = "edge-1";
    r.session_id = "ab30317f1a784dc48ff824d0d3715d86";
    r.sip_call_ids = {"a@pbx", "b@edge"};
    r.trunk = "acme-hq";
    r.carrier = "core";
    r.target = "sip:192.0.2.9:5060;transport=udp";
    r.ends = {"trunks/acme-hq", "carriers/core"};
    r.direction = "from-pbx";
    r.from = "+4930123450";
    r.to = "+4940999";
    r.asserted_identity = "+4930123450";
    r.redirecting_party = "+4930123459";
    r.request_uri = "sip:+4940999@sip.example.com;user=phone";
    r.emergency = true;
    r.location = "area:munich";
    r.started = parse_rfc3339("2026-11-21T12:30:00.125Z");
    r.ringing = parse_rfc3339("2026-11-21T12:30:01.000Z");
    r.answered = parse_rfc3339("2026-11-21T12:30:05.500Z");
    r.ended = parse_rfc3339("2026-11-21T12:31:05.750Z");
    r.ended_by = "caller";
    r.sip_status = 200;
    r.q850_cause = 16;
    r.reason = "BYE";
    r.codecs = {"PCMA/8000"};
    LegMedia leg;
    leg.side = "a";
    leg.packets_received = 3'000;
    leg.jitter_milliseconds = 1.5;
    leg.reordered = 4;
    leg.round_trip_milliseconds = 80.5;
    leg.mos = 4.41;
    leg.worst_mos = 3.25;
    leg.silences = 2;
    leg.silent_milliseconds = 2500;
    leg.one_way_milliseconds = 1500;
    leg.telephone_events = 12;
    leg.srtp_suite = "AES_CM_128_HMAC_SHA1_80";
    leg.local = "192.0.2.1:40000";
    r.media = {leg};
    return r;
}

}  // namespace

TEST_CASE("a call record is one line of JSON that reads back to the same record") {
    const auto line = to_json(sample());
    CHECK(line.find('\n') == std::string::npos);
    const auto back = parse_call_record(line);
    REQUIRE(back.has_value());
    CHECK(*back == sample());
}

TEST_CASE("the keys of schema 1 and their order are what the documentation says") {
    CHECK(
        to_json(sample()) ==
        R"({"schema":1,"id":"c-1","node":"edge-1","session_id":"ab30317f1a784dc48ff824d0d3715d86",)"
        R"("sip_call_ids":["a@pbx","b@edge"],"trunk":"acme-hq","ends":["trunks/acme-hq","carriers/core"],"direction":"from-pbx","from":"+4930123450",)"
        R"("to":"+4940999","asserted_identity":"+4930123450","redirecting_party":"+4930123459",)"
        R"("request_uri":"sip:+4940999@sip.example.com;user=phone","emergency":true,"location":"area:munich","carrier":"core",)"
        R"("target":"sip:192.0.2.9:5060;transport=udp","started_at":"2026-11-21T12:30:00.125Z",)"
        R"("ringing_at":"2026-11-21T12:30:01.000Z","answered_at":"2026-11-21T12:30:05.500Z",)"
        R"("ended_at":"2026-11-21T12:31:05.750Z","talk_ms":60250,"ended_by":"caller","sip_status":200,)"
        R"("q850_cause":16,"reason":"BYE","codecs":["PCMA/8000"],"media":[{"side":"a","stream":0,)"
        R"("packets_received":3000,"bytes_received":0,"packets_sent":0,"bytes_sent":0,"lost":0,"jitter_ms":1.5,)"
        R"("reordered":4,"rtt_ms":80.5,"mos":4.41,"worst_mos":3.25,"silences":2,"silent_ms":2500.0,"one_way_ms":1500.0,)"
        R"("telephone_events":12,"srtp":"AES_CM_128_HMAC_SHA1_80","srtp_auth_failures":0,"dropped":0,"local":"192.0.2.1:40000",)"
        R"("remote":""}]})");
}

TEST_CASE("a call that was sent on says by whom, to whom and what became of it") {
    auto r = sample();
    r.forwards = {{"+4930155", "+4940", "acme-hq", 302, 486}, {"+4930155", "+4950", "acme-hq", 302, 0}};
    const auto line = to_json(r);
    CHECK(line.find(R"("forwards":[{"from":"+4930155","to":"+4940","trunk":"acme-hq","sip_status":302,)"
                    R"("left_status":486},{)") != std::string::npos);
    const auto back = parse_call_record(line);
    REQUIRE(back.has_value());
    CHECK(*back == r);
}

TEST_CASE("a call that another party took over says whose place that was, and when") {
    auto r = sample();
    r.replaced = {{"b", "carriers/core", "left@edge", r.answered}};
    const auto line = to_json(r);
    CHECK(line.find(R"("replaced":[{"side":"b","end":"carriers/core","sip_call_id":"left@edge",)"
                    R"("at":"2026-11-21T12:30:05.500Z"}])") != std::string::npos);
    const auto back = parse_call_record(line);
    REQUIRE(back.has_value());
    CHECK(*back == r);
}

TEST_CASE("a call that was never answered has no answer time and no talk time") {
    auto r = sample();
    r.answered.reset();
    const auto line = to_json(r);
    CHECK(line.find("answered_at") == std::string::npos);
    CHECK(line.find("\"talk_ms\":0") != std::string::npos);
}

TEST_CASE("what a peer wrote into its From cannot break the line") {
    auto r = sample();
    r.from = "\"},\n{\xff\xfe\x01";
    const auto line = to_json(r);
    CHECK(line.find('\n') == std::string::npos);
    const auto back = parse_call_record(line);
    REQUIRE(back.has_value());
    CHECK(back->trunk == "acme-hq");
}

TEST_CASE("lines that are no record of this schema are refused with a sentence; wrong types are no values") {
    CHECK(parse_call_record("").has_error());
    CHECK(parse_call_record("[]").has_error());
    CHECK(parse_call_record("{\"schema\":1").has_error());
    CHECK(parse_call_record("{\"schema\":2,\"id\":\"x\"}").error().sentence ==
          "the record has schema 2, this program reads 1");
    const auto odd = parse_call_record(R"({"schema":1,"id":"x","sip_status":"200","media":[1,{}],"codecs":7,"new":1})");
    REQUIRE(odd.has_value());
    CHECK(odd->sip_status == 0);
    CHECK(odd->media.size() == 1);
}

TEST_CASE("times are RFC 3339 in UTC with milliseconds, and nothing else") {
    CHECK(rfc3339(*parse_rfc3339("2026-02-28T23:59:59.999Z")) == "2026-02-28T23:59:59.999Z");
    for (const auto* text : {"", "2026-02-30T00:00:00.000Z", "2026-02-28T24:00:00.000Z", "2026-02-28 23:59:59.999Z",
                             "2026-02-28T23:59:59.999", "2026-02-28T23:-9:59.999Z", "2026-02-28T23:59:59.999z",
                             "9999-12-31T23:59:59.999Z", "1677-12-31T23:59:59.999Z"})
        CHECK(!parse_rfc3339(text));
}
