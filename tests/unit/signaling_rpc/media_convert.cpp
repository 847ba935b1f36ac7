// Media commands, replies and events between the core's types and the wire's.
#include "signaling/rpc/media_convert.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::rpc;
using b2bua::MediaCommand;
using b2bua::MediaLeg;
using b2bua::MediaVerb;
using b2bua::Side;

namespace {

MediaCommand allocate() {
    MediaCommand c;
    c.session = "edge-1-42";
    c.port_a = "access";
    c.port_b = "core";
    c.family_a = Family::v6;
    c.streams = 2;
    c.inactivity_seconds = 300;
    c.call_label = "session-id";
    c.trunk = "acme-hq";
    return c;
}

MediaLeg leg() {
    MediaLeg l;
    l.stream = 1;
    l.side = Side::b;
    l.remote = *Endpoint::parse("192.0.2.9:40000");
    l.remote_rtcp = *Endpoint::parse("[2001:db8::9]:40001");
    l.keys = b2bua::MediaKeys{"AES_CM_128_HMAC_SHA1_80", Bytes(30, 1), Bytes(30, 2)};
    l.direction = sdp::Direction::recvonly;
    l.latch_any_address = true;
    l.payload_map = std::vector<std::pair<std::uint8_t, std::uint8_t>>{{8, 8}, {101, 96}};
    l.telephone_events = {{101, 8'000}, {100, 1}, {102, 48'000, 8'000}};  // 1 Hz no plane would take
    l.clock_rate = 16'000;
    l.udptl = true;
    l.reports = false;
    l.relearn = true;
    return l;
}

std::string refusal(const MediaCommand& c) {
    const auto message = to_proto(c);
    return message.has_error() ? message.error() : std::string("none");
}
std::string refusal_of_leg(const MediaLeg& l) {
    auto c = allocate();
    c.legs = {l};
    return refusal(c);
}

}  // namespace

TEST_CASE("an allocation carries everything that is known") {
    auto command = allocate();
    command.legs = {leg()};
    command.restore = {{0, Side::a, *Endpoint::parse("192.0.2.1:20000"), *Endpoint::parse("192.0.2.1:20001")}};
    const auto message = to_proto(command);
    REQUIRE(message.has_value());
    const auto& a = message->allocate();
    CHECK(a.session() == "edge-1-42");
    CHECK(a.port_a() == "access");
    CHECK(a.port_b() == "core");
    CHECK(a.family_a() == media_pb::FAMILY_V6);
    CHECK(a.family_b() == media_pb::FAMILY_ANY);
    CHECK(a.streams() == 2);
    CHECK(a.inactivity_seconds() == 300);
    CHECK(a.call() == "session-id");
    CHECK(a.trunk() == "acme-hq");
    REQUIRE(a.legs_size() == 1);
    const auto& l = a.legs(0);
    CHECK(l.stream() == 1);
    CHECK(l.side() == media_pb::SIDE_B);
    CHECK(l.remote().address() == "192.0.2.9");
    CHECK(l.remote().port() == 40'000);
    CHECK(l.remote_rtcp().address() == "2001:db8::9");
    CHECK(l.keys().suite() == media_pb::SRTP_AES_CM_128_HMAC_SHA1_80);
    CHECK(l.keys().receive() == std::string(30, '\1'));
    CHECK(l.keys().send() == std::string(30, '\2'));
    CHECK(l.direction() == media_pb::DIRECTION_RECVONLY);
    CHECK(l.latching() == media_pb::LATCHING_ANY_ADDRESS);
    CHECK(l.replace_payload_map());
    CHECK(l.drop_unmapped());
    CHECK(l.payload_map_size() == 2);
    CHECK(l.payload_map(1).from() == 101);
    CHECK(l.payload_map(1).to() == 96);
    REQUIRE(l.telephone_events_size() == 2);
    CHECK(l.telephone_events(0).payload_type() == 101);
    CHECK(l.telephone_events(1).clock_rate() == 48'000);
    CHECK(l.telephone_events(0).sent_clock_rate() == 0);  // the same
    CHECK(l.telephone_events(1).sent_clock_rate() == 8'000);
    CHECK(l.clock_rate() == 16'000);
    CHECK(l.transport() == media_pb::TRANSPORT_UDPTL);
    CHECK(l.has_reports());
    CHECK_FALSE(l.reports());
    CHECK(l.relearn());
    REQUIRE(a.restore_size() == 1);
    CHECK(a.restore(0).rtcp().port() == 20'001);
}

TEST_CASE("a release says whether the call ends with it") {
    MediaCommand command;
    command.verb = MediaVerb::release;
    command.session = "s";
    command.call_ends = GENERATE(false, true);
    const auto message = to_proto(command);
    REQUIRE(message.has_value());
    CHECK(message->release().session() == "s");
    CHECK(message->release().call_ends() == command.call_ends);
}

TEST_CASE("what a modification does not mention stays absent on the wire") {
    MediaCommand command;
    command.verb = MediaVerb::modify;
    command.session = "s";
    command.legs = {MediaLeg{}};
    const auto message = to_proto(command);
    REQUIRE(message.has_value());
    const auto& l = message->modify().legs(0);
    CHECK_FALSE(l.has_remote());
    CHECK_FALSE(l.has_remote_rtcp());
    CHECK_FALSE(l.has_keys());
    CHECK_FALSE(l.has_direction());
    CHECK_FALSE(l.has_latching());
    CHECK_FALSE(l.replace_payload_map());
    CHECK(l.clock_rate() == 0);
    CHECK_FALSE(l.has_transport());
    CHECK_FALSE(l.has_reports());
}

TEST_CASE("no SRTP clears the keys; every suite we can offer has its name on the wire") {
    auto l = leg();
    l.keys = b2bua::MediaKeys{};
    auto c = allocate();
    c.legs = {l};
    CHECK(to_proto(c)->allocate().legs(0).keys().suite() == media_pb::SRTP_NONE);
    for (const char* suite : {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM",
                              "AEAD_AES_256_GCM", "AES_256_CM_HMAC_SHA1_80"}) {
        l.keys = b2bua::MediaKeys{suite, Bytes(30), Bytes(30)};
        CHECK(refusal_of_leg(l) == "none");
    }
}

TEST_CASE("commands that no media plane could carry out are refused with a sentence") {
    auto c = allocate();
    c.streams = 0;
    CHECK(refusal(c) == "0 streams");
    c.streams = 17;
    CHECK(refusal(c) == "17 streams");
    auto l = leg();
    l.stream = 16;
    CHECK(refusal_of_leg(l) == "stream 16 is above 15");
    l = leg();
    l.remote = Endpoint{};
    CHECK(refusal_of_leg(l) == "RTP endpoint without address or port");
    l = leg();
    l.remote_rtcp->port = 0;
    CHECK(refusal_of_leg(l) == "RTCP endpoint without address or port");
    l = leg();
    l.keys->suite = "F8_128_HMAC_SHA1_80";
    CHECK(refusal_of_leg(l) == "SRTP suite F8_128_HMAC_SHA1_80 is not known");
    l = leg();
    l.payload_map->push_back({128, 0});
    CHECK(refusal_of_leg(l) == "payload type above 127");
}

TEST_CASE("a reply: local endpoints and last statistics; the plane's sentence when it refuses") {
    media_pb::Reply reply;
    auto& local = *reply.add_local();
    local.set_stream(1);
    local.set_side(media_pb::SIDE_B);
    local.mutable_rtp()->set_address("2001:db8::1");
    local.mutable_rtp()->set_port(20'000);
    auto& stats = *reply.mutable_statistics()->add_legs();
    stats.set_packets_received(7);
    stats.set_jitter_seconds(0.004);
    stats.set_reordered(3);
    stats.set_round_trip_seconds(0.08);
    stats.set_mos(4.4);
    stats.set_worst_mos(3.1);
    stats.set_silences(2);
    stats.set_silent_seconds(5);
    stats.set_one_way_seconds(4);
    stats.set_telephone_events(6);
    stats.set_suite(media_pb::SRTP_AEAD_AES_128_GCM);
    stats.mutable_remote()->set_address("192.0.2.7");
    stats.mutable_remote()->set_port(9);
    const auto ok = from_proto(reply);
    CHECK(ok.ok);
    REQUIRE(ok.local.size() == 1);
    CHECK(ok.local[0].side == Side::b);
    CHECK(ok.local[0].rtp.to_string() == "[2001:db8::1]:20000");
    CHECK(ok.local[0].rtcp.empty());
    REQUIRE(ok.statistics.size() == 1);
    CHECK(ok.statistics[0].packets_received == 7);
    CHECK(ok.statistics[0].suite == "AEAD_AES_128_GCM");
    CHECK(ok.statistics[0].reordered == 3);
    CHECK(ok.statistics[0].round_trip_seconds == 0.08);
    CHECK(ok.statistics[0].mos == 4.4);
    CHECK(ok.statistics[0].worst_mos == 3.1);
    CHECK(ok.statistics[0].silences == 2);
    CHECK(ok.statistics[0].silent_seconds == 5);
    CHECK(ok.statistics[0].one_way_seconds == 4);
    CHECK(ok.statistics[0].telephone_events == 6);
    CHECK(ok.statistics[0].remote.to_string() == "192.0.2.7:9");

    media_pb::Reply refused;
    refused.set_code(media_pb::CODE_NO_PORTS);
    CHECK_FALSE(from_proto(refused).ok);
    CHECK(from_proto(refused).error == "no media ports left");
    refused.set_text("port access: all 100 pairs are taken");
    CHECK(from_proto(refused).error == "port access: all 100 pairs are taken");
}

TEST_CASE("what a peer says out of range is left out, never believed") {
    media_pb::Reply reply;
    for (int i = 0; i < 1'000; ++i) {
        auto& local = *reply.add_local();
        local.set_stream(i % 3 == 0 ? 0u : 4'000'000'000u);
        local.set_side(static_cast<media_pb::Side>(i % 5));
        local.mutable_rtp()->set_address(i % 2 == 0 ? "not an address" : "192.0.2.1");
        local.mutable_rtp()->set_port(i % 2 == 0 ? 1 : 70'000);
    }
    const auto converted = from_proto(reply);
    CHECK(converted.local.size() == 32);
    for (const auto& local : converted.local) {
        CHECK(local.stream < 16);
        CHECK(local.rtp.empty());
    }
}

TEST_CASE("what a peer says of its key crosses, and comes back as it is used up [E-20]") {
    auto l = leg();
    l.keys->receive_mki = {0, 1};
    l.keys->receive_lifetime = 1'048'576;
    l.keys->used = b2bua::KeyUse{.received_packets = 5'000, .received_srtcp_packets = 50};
    auto command = allocate();
    command.legs = {l};
    const auto message = to_proto(command);
    REQUIRE(message.has_value());
    const auto& keys = message->allocate().legs(0).keys();
    CHECK(keys.receive_mki() == std::string("\0\1", 2));
    CHECK(keys.receive_lifetime() == 1'048'576);

    media_pb::Event event;
    event.set_kind(media_pb::EVENT_KEY_USE);
    event.set_session("edge-1-42");
    *event.mutable_used() = keys.used();
    CHECK(from_proto(event)->used.received_packets == 5'000);
    CHECK(from_proto(event)->used.received_srtcp_packets == 50);
    event.set_kind(media_pb::EVENT_KEY_ENDS);
    event.set_count(512);
    CHECK(from_proto(event)->kind == b2bua::MediaEventKind::key_ends);
    CHECK(from_proto(event)->count == 512);
}

TEST_CASE("what an older media plane lacks is said in words, and fax is not asked of one that has none") {
    media_pb::Welcome welcome;
    welcome.set_node("edge-1");
    welcome.set_incarnation(7);
    welcome.add_sessions("s1");
    CHECK_FALSE(from_proto(welcome).features.fax);
    CHECK_FALSE(from_proto(welcome).features.mki);
    CHECK(from_proto(welcome).up);
    CHECK(from_proto(welcome).incarnation == 7);
    CHECK(from_proto(welcome).sessions == std::vector<std::string>{"s1"});
    CHECK(features_missing(welcome).find("fax by T.38 is refused; peers whose other side") == 0);
    welcome.add_features(media_pb::FEATURE_UDPTL);
    CHECK(from_proto(welcome).features.fax);
    welcome.add_features(media_pb::FEATURE_KEY_TERMS);
    CHECK(from_proto(welcome).features.mki);
    CHECK(features_missing(welcome).find("fax") == std::string::npos);
    for (const auto feature : understood_features) welcome.add_features(feature);
    CHECK(features_missing(welcome).empty());
    welcome.add_features(static_cast<media_pb::Feature>(99));  // of a later one
    CHECK(features_missing(welcome).empty());
}

TEST_CASE("events of every kind come over; unknown kinds and impossible legs do not") {
    media_pb::Event event;
    event.set_session("s");
    event.set_side(media_pb::SIDE_B);
    event.set_count(12);
    event.set_one_way(true);
    event.mutable_telephone_event()->set_duration_ms(120);
    event.mutable_telephone_event()->set_unended(true);
    for (int kind = 1; kind <= 9; ++kind) {
        event.set_kind(static_cast<media_pb::EventKind>(kind));
        const auto converted = from_proto(event);
        REQUIRE(converted.has_value());
        CHECK(static_cast<int>(converted->kind) == kind - 1);
        CHECK(converted->count == 12);
        CHECK(converted->one_way);
        CHECK(converted->telephone.milliseconds == 120);
        CHECK(converted->telephone.unended);
        CHECK_FALSE(converted->telephone.code);  // unless it is said
        CHECK(converted->side == Side::b);
    }
    event.mutable_telephone_event()->set_code(0);
    CHECK(from_proto(event)->telephone.code == std::uint8_t{0});
    event.mutable_telephone_event()->set_code(256);
    CHECK_FALSE(from_proto(event)->telephone.code);
    event.set_kind(static_cast<media_pb::EventKind>(99));
    CHECK_FALSE(from_proto(event).has_value());
    event.set_kind(media_pb::EVENT_LATCHED);
    event.set_stream(16);
    CHECK_FALSE(from_proto(event).has_value());
    event.set_stream(0);
    event.set_session("");
    CHECK_FALSE(from_proto(event).has_value());
}

TEST_CASE("how far keys have been used comes from the media plane and is given back to it") {
    const b2bua::KeyUse used{1, Side::b, {{7, 0xffff'ffff'ffff}}, {{8, 70'000}, {9, 1}}, 300, {{7, 40}}, 500};
    auto command = allocate();
    command.legs = {leg()};
    CHECK_FALSE(to_proto(command)->allocate().legs(0).keys().has_used());
    command.legs[0].keys->used = b2bua::KeyUse{};
    CHECK(to_proto(command)->allocate().legs(0).keys().has_used());
    command.legs[0].keys->used = used;
    const auto message = to_proto(command);
    const media_pb::KeyUse& sent = message->allocate().legs(0).keys().used();

    media_pb::Event event;
    event.set_session("s");
    event.set_kind(media_pb::EVENT_KEY_USE);
    event.set_stream(1);
    event.set_side(media_pb::SIDE_B);
    *event.mutable_used() = sent;
    CHECK(from_proto(event)->used == used);
    media_pb::Reply reply;
    reply.add_used()->set_stream(16);
    reply.mutable_used(0)->set_side(media_pb::SIDE_A);
    auto& leg_used = *reply.add_used();
    leg_used.set_stream(1);
    leg_used.set_side(media_pb::SIDE_B);
    *leg_used.mutable_used() = sent;
    REQUIRE(from_proto(reply).used.size() == 1);
    CHECK(from_proto(reply).used[0] == used);
}

TEST_CASE("where a leg has latched comes from the media plane and is given back to it") {
    const b2bua::MediaLatched latched{
        1, Side::b, *Endpoint::parse("198.18.0.7:31000"), {}, *Endpoint::parse("10.0.0.5:4000"), true};
    auto command = allocate();
    command.legs = {leg()};
    CHECK_FALSE(to_proto(command)->allocate().legs(0).has_latched());
    command.legs[0].latched = latched;
    const auto message = to_proto(command);
    const media_pb::Latched& given = message->allocate().legs(0).latched();
    CHECK_FALSE(given.has_rtcp());

    media_pb::Event event;
    event.set_session("s");
    event.set_kind(media_pb::EVENT_LATCHED);
    event.set_stream(1);
    event.set_side(media_pb::SIDE_B);
    *event.mutable_latched() = given;
    CHECK(from_proto(event)->latched == latched);
    media_pb::Reply reply;
    reply.add_latched()->set_stream(16);
    auto& entry = *reply.add_latched();
    entry.set_stream(1);
    entry.set_side(media_pb::SIDE_B);
    *entry.mutable_latched() = given;
    REQUIRE(from_proto(reply).latched.size() == 1);
    CHECK(from_proto(reply).latched[0] == latched);
}

TEST_CASE("more SSRCs than a key may have are not kept") {
    media_pb::Event event;
    event.set_session("s");
    event.set_kind(media_pb::EVENT_KEY_USE);
    for (int i = 0; i < 1'000; ++i) {
        event.mutable_used()->add_sent();
        event.mutable_used()->add_received();
    }
    CHECK(from_proto(event)->used.sent.size() == 64);
    CHECK(from_proto(event)->used.received.size() == 16);
}
