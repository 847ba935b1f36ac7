// The converter: every field checked, every error names it, nothing lost on the way.
#include "media-plane/rpc/media_convert.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::rpc;

namespace {

template <class T>
auto taken(T result) {
    REQUIRE(result.has_value());
    return std::move(*result);
}
pb::Allocate allocate() {
    pb::Allocate a;
    a.set_session("s1");
    a.set_port_a("access");
    a.set_port_b("core");
    a.set_streams(2);
    return a;
}
pb::Leg& add_leg(pb::Allocate& a, std::uint32_t stream, pb::Side side) {
    pb::Leg& leg = *a.add_legs();
    leg.set_stream(stream);
    leg.set_side(side);
    return leg;
}
void set(pb::Endpoint& endpoint, const char* address, std::uint32_t port) {
    endpoint.set_address(address);
    endpoint.set_port(port);
}
std::string why(const pb::Allocate& a) {
    const auto converted = from_proto("edge/0", a);
    return converted ? "accepted" : converted.error().text;
}

}  // namespace

TEST_CASE("an allocation with everything in it arrives as it was sent") {
    pb::Allocate a = allocate();
    a.set_family_a(pb::FAMILY_V4);
    a.set_family_b(pb::FAMILY_V6);
    a.set_inactivity_seconds(60);
    a.set_call("a84b4c76e66710");
    a.set_trunk("acme-hq");
    pb::Leg& leg = add_leg(a, 1, pb::SIDE_B);
    set(*leg.mutable_remote(), "2001:db8::9", 4000);
    set(*leg.mutable_remote_rtcp(), "2001:db8::9", 4005);
    leg.mutable_keys()->set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
    leg.mutable_keys()->set_receive(std::string(30, 'r'));
    leg.mutable_keys()->set_send(std::string(30, 's'));
    leg.set_direction(pb::DIRECTION_RECVONLY);
    leg.set_latching(pb::LATCHING_OFF);
    leg.set_replace_payload_map(true);
    leg.add_payload_map()->set_from(8);
    leg.mutable_payload_map(0)->set_to(0);
    leg.add_telephone_events()->set_payload_type(101);
    leg.mutable_telephone_events(0)->set_clock_rate(48'000);
    leg.set_relearn(true);
    leg.set_clock_rate(48'000);
    leg.set_transport(pb::TRANSPORT_UDPTL);
    leg.set_reports(false);
    leg.set_codec("G729");
    leg.mutable_pace()->set_packets_per_second(120);
    leg.mutable_pace()->set_bytes_per_second(6'800);
    leg.set_media(pb::MEDIA_KIND_VIDEO);
    a.set_answered(true);
    auto& restore = *a.add_restore();
    restore.set_stream(1);
    restore.set_side(pb::SIDE_A);
    set(*restore.mutable_rtp(), "192.0.2.2", 20'000);
    set(*restore.mutable_rtcp(), "192.0.2.2", 20'001);

    const Allocate c = taken(from_proto("edge/0", a));
    CHECK(c.key == SessionKey{"edge/0", "s1"});
    CHECK(c.port_a == "access");
    CHECK(c.port_b == "core");
    CHECK(c.family_a == Family::v4);
    CHECK(c.family_b == Family::v6);
    CHECK(c.streams == 2);
    CHECK(c.inactivity_seconds == 60);
    CHECK(c.call == "a84b4c76e66710");
    CHECK(c.trunk == "acme-hq");
    REQUIRE(c.legs.size() == 1);
    const LegChange& l = c.legs[0];
    CHECK(l.stream == 1);
    CHECK(l.side == Side::b);
    CHECK(l.remote->to_string() == "[2001:db8::9]:4000");
    CHECK(l.remote_rtcp->port == 4005);
    CHECK(l.keys->suite == srtp::Suite::aes_cm_128_hmac_sha1_80);
    CHECK(l.keys->receive == Bytes(30, 'r'));
    CHECK(l.keys->send == Bytes(30, 's'));
    CHECK(l.direction == Direction::recvonly);
    CHECK(l.latching == Latching::off);
    REQUIRE(l.payload_map);
    CHECK((*l.payload_map)[0].from == 8);
    REQUIRE(l.telephone_events.size() == 1);
    CHECK(l.telephone_events[0].payload_type == 101);
    CHECK(l.telephone_events[0].clock_rate == 48'000);
    CHECK(l.relearn);
    CHECK_FALSE(l.disabled);
    CHECK(l.clock_rate == 48'000u);
    CHECK(l.udptl == true);
    CHECK(l.reports == false);
    CHECK(l.codec == "G729");
    CHECK(l.pace == Pace::of(120, 6'800));
    CHECK(l.video == true);
    CHECK(c.answered);
    REQUIRE(c.restore.size() == 1);
    CHECK(c.restore[0].rtp.to_string() == "192.0.2.2:20000");
    CHECK(c.restore[0].rtcp.port == 20'001);
}

TEST_CASE("a release is the call's end only where that is said") {
    pb::Release r;
    r.set_session("s1");
    CHECK_FALSE(taken(from_proto("edge/0", r)).call_ends);
    r.set_call_ends(true);
    CHECK(taken(from_proto("edge/0", r)).call_ends);
}

TEST_CASE("fields that a modification does not name stay unnamed") {
    pb::Modify m;
    m.set_session("s1");
    m.add_legs();
    const Modify c = taken(from_proto("edge/0", m));
    REQUIRE(c.legs.size() == 1);
    const LegChange& l = c.legs[0];
    CHECK_FALSE(l.remote);
    CHECK_FALSE(l.remote_rtcp);
    CHECK_FALSE(l.keys);
    CHECK_FALSE(l.direction);
    CHECK_FALSE(l.latching);
    CHECK_FALSE(l.payload_map);
    CHECK_FALSE(l.clock_rate);
    CHECK_FALSE(l.udptl);
}

TEST_CASE("what is wrong in an allocation is named with its field") {
    pb::Allocate a = allocate();
    CHECK(why(a) == "accepted");
    SECTION("session") {
        a.set_session("");
        CHECK(why(a) == "session: is missing");
        a.set_session("with space");
        CHECK(why(a) == "session: has a character other than printable ASCII without space");
        a.set_session(std::string(129, 'x'));
        CHECK(why(a) == "session: is longer than 128 bytes");
    }
    SECTION("ports and labels") {
        a.clear_port_b();
        CHECK(why(a) == "port_b: is missing");
        a.set_port_b("core");
        a.set_call(std::string(257, 'x'));
        CHECK(why(a) == "call: is longer than 256 bytes");
    }
    SECTION("numbers") {
        a.set_streams(0);
        CHECK(why(a) == "streams: 0 is not in 1..16");
        a.set_streams(17);
        CHECK(why(a) == "streams: 17 is not in 1..16");
        a.set_streams(1);
        a.set_inactivity_seconds(86'401);
        CHECK(why(a) == "inactivity_seconds: is above 86400");
        a.set_inactivity_seconds(0);
        a.set_family_a(static_cast<pb::Family>(9));
        CHECK(why(a) == "family_a: is not a known value");
    }
    SECTION("legs") {
        pb::Leg& leg = add_leg(a, 16, pb::SIDE_A);
        CHECK(why(a) == "legs[0].stream: 16 is not below 16");
        leg.set_stream(0);
        leg.set_side(static_cast<pb::Side>(2));
        CHECK(why(a) == "legs[0].side: is not a known value");
        leg.set_side(pb::SIDE_A);
        add_leg(a, 0, pb::SIDE_A);
        CHECK(why(a) == "legs[1]: its stream and side were named before");
    }
    SECTION("endpoints") {
        pb::Leg& leg = add_leg(a, 0, pb::SIDE_A);
        for (const char* bad : {"", "pbx.example.com", "[2001:db8::1]", "192.0.2.1 ", "fe80::1%eth0", "1.2.3"}) {
            set(*leg.mutable_remote(), bad, 4000);
            CHECK(why(a) == "legs[0].remote.address: is not an IPv4 or IPv6 literal");
        }
        set(*leg.mutable_remote(), "192.0.2.1", 0);
        CHECK(why(a) == "legs[0].remote.port: 0 is not in 1..65535");
        set(*leg.mutable_remote(), "192.0.2.1", 70'000);
        CHECK(why(a) == "legs[0].remote.port: 70000 is not in 1..65535");
    }
    SECTION("keys") {
        auto& keys = *add_leg(a, 0, pb::SIDE_A).mutable_keys();
        keys.set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
        CHECK(why(a) == "legs[0].keys: has a suite, but no key");
        keys.set_send(std::string(29, 'k'));
        CHECK(why(a) == "legs[0].keys.send: has 29 bytes; AES_CM_128_HMAC_SHA1_80 takes 30");
        keys.set_send(std::string(30, 'k'));
        CHECK(why(a) == "accepted");
        keys.set_suite(pb::SRTP_NONE);
        CHECK(why(a) == "legs[0].keys: has keys, but suite SRTP_NONE");
        keys.set_suite(static_cast<pb::Srtp>(99));
        CHECK(why(a) == "legs[0].keys.suite: 99 is not known here");
        CHECK(from_proto("edge/0", a).error().code == Code::unsupported);
    }
    SECTION("payload map and clock") {
        pb::Leg& leg = add_leg(a, 0, pb::SIDE_B);
        leg.add_payload_map()->set_from(101);
        CHECK(why(a) == "legs[0].payload_map: is given without replace_payload_map");
        leg.set_replace_payload_map(true);
        leg.add_payload_map()->set_from(101);
        CHECK(why(a) == "legs[0].payload_map[1]: type 101 is mapped twice");
        leg.mutable_payload_map(1)->set_from(128);
        CHECK(why(a) == "legs[0].payload_map[1]: payload types are 0..127");
        leg.clear_payload_map();
        auto& event = *leg.add_telephone_events();
        CHECK(why(a) == "legs[0].telephone_events[0].clock_rate: 0 Hz is not in 1000..1000000");
        event.set_clock_rate(8'000);
        event.set_payload_type(128);
        CHECK(why(a) == "legs[0].telephone_events[0].payload_type: is not in 0..127");
        event.set_payload_type(101);
        *leg.add_telephone_events() = event;
        CHECK(why(a) == "legs[0].telephone_events[1]: type 101 is named twice");
        for (int i = 0; i < 7; ++i) leg.add_telephone_events();
        CHECK(why(a) == "legs[0].telephone_events: are 9 types; possible are 8");
        leg.set_replace_payload_map(false);
        CHECK(why(a) == "legs[0].telephone_events: are given without replace_payload_map");
        leg.clear_telephone_events();
        leg.set_drop_unmapped(true);
        CHECK(why(a) == "legs[0].drop_unmapped: is given without replace_payload_map");
        leg.set_drop_unmapped(false);
        leg.set_clock_rate(2'000'000);
        CHECK(why(a) == "legs[0].clock_rate: is above 1000000 Hz");
        leg.set_clock_rate(8000);
        leg.set_transport(static_cast<pb::Transport>(2));
        CHECK(why(a) == "legs[0].transport: is not a known value");
    }
    SECTION("restore") {
        auto& restore = *a.add_restore();
        CHECK(why(a) == "restore[0].rtp.address: is not an IPv4 or IPv6 literal");
        set(*restore.mutable_rtp(), "192.0.2.2", 20'000);
        restore.set_stream(99);
        CHECK(why(a) == "restore[0].stream: is not below 16");
    }
}

TEST_CASE("no error text repeats a key") {
    pb::Allocate a = allocate();
    auto& keys = *add_leg(a, 0, pb::SIDE_A).mutable_keys();
    keys.set_suite(pb::SRTP_AEAD_AES_256_GCM);
    keys.set_receive("verysecretmaterial");
    CHECK(why(a).find("verysecret") == std::string::npos);
}

TEST_CASE("Hello is checked") {
    pb::Hello hello;
    CHECK(from_proto(hello).error().text == "hello.client: is missing");
    hello.set_client("edge-1/0");
    hello.set_lease_seconds(3601);
    CHECK(from_proto(hello).error().text == "hello.lease_seconds: 3601 is not in 0..3600");
    hello.set_lease_seconds(3600);
    CHECK(taken(from_proto(hello)).lease_seconds == 3600);
    CHECK_FALSE(taken(from_proto(hello)).takes_silence);
    hello.add_features(pb::FEATURE_UDPTL);
    hello.add_features(static_cast<pb::Feature>(99));
    CHECK_FALSE(taken(from_proto(hello)).takes_silence);
    hello.add_features(pb::FEATURE_SILENCE);
    CHECK(taken(from_proto(hello)).takes_silence);
    CHECK_FALSE(taken(from_proto(hello)).takes_telephone_events);
    CHECK_FALSE(taken(from_proto(hello)).takes_sending);
    hello.add_features(pb::FEATURE_SENDING);
    CHECK(taken(from_proto(hello)).takes_sending);
    hello.add_features(pb::FEATURE_TELEPHONE_EVENTS);
    CHECK(taken(from_proto(hello)).takes_telephone_events);
    CHECK_FALSE(taken(from_proto(hello)).takes_key_terms);
    hello.add_features(pb::FEATURE_KEY_TERMS);
    CHECK(taken(from_proto(hello)).takes_key_terms);
    CHECK_FALSE(taken(from_proto(hello)).takes_codes);  // unless it is asked for
    hello.set_telephone_event_codes(true);
    CHECK(taken(from_proto(hello)).takes_codes);
}

TEST_CASE("statistics keep every number, and drops their reasons") {
    SessionStatistics s;
    s.key = {"edge/0", "s1"};
    s.call = "call";
    s.trunk = "trunk";
    s.age = 90s;
    LegStatistics leg;
    leg.stream = 3;
    leg.side = Side::b;
    leg.packets_received = 1;
    leg.bytes_received = 2;
    leg.packets_sent = 3;
    leg.bytes_sent = 4;
    leg.rtcp_received = 5;
    leg.rtcp_sent = 6;
    leg.lost = 7;
    leg.jitter_seconds = 0.008;
    leg.srtp_auth_failures = 9;
    leg.srtp_replays = 10;
    leg.drops = {{Drop::wrong_source, 11}, {Drop::rate, 12}};
    leg.local = Endpoint::parse("192.0.2.2:20000").value();
    leg.remote = Endpoint::parse("[2001:db8::9]:4000").value();
    leg.latched = true;
    leg.suite = srtp::Suite::aead_aes_128_gcm;
    leg.last_packet_age = 1500ms;
    leg.reordered = 13;
    leg.silences = 14;
    leg.round_trip = 80ms;
    leg.mos = 4.1;
    leg.worst_mos = 2.2;
    leg.recent_mos = 3.3;
    leg.recent_loss = 0.05;
    leg.packets_per_second = 50;
    leg.drops_per_second = 15;
    leg.silent = 2500ms;
    leg.one_way = 1500ms;
    leg.telephone_events = 16;
    leg.is_silent = true;
    leg.codec = "G729";
    s.legs.push_back(leg);
    const pb::SessionStatistics out = to_proto(s);
    CHECK(out.client() == "edge/0");
    CHECK(out.age_seconds() == 90.0);
    const auto& l = out.legs(0);
    CHECK(l.stream() == 3);
    CHECK(l.side() == pb::SIDE_B);
    CHECK(l.packets_received() == 1);
    CHECK(l.bytes_received() == 2);
    CHECK(l.packets_sent() == 3);
    CHECK(l.bytes_sent() == 4);
    CHECK(l.rtcp_received() == 5);
    CHECK(l.rtcp_sent() == 6);
    CHECK(l.lost() == 7);
    CHECK(l.jitter_seconds() == 0.008);
    CHECK(l.srtp_auth_failures() == 9);
    CHECK(l.srtp_replays() == 10);
    CHECK(l.dropped() == 23);
    CHECK(l.drops().at("wrong_source") == 11);
    CHECK(l.local().port() == 20'000);
    CHECK(l.remote().address() == "2001:db8::9");
    CHECK(l.latched());
    CHECK(l.suite() == pb::SRTP_AEAD_AES_128_GCM);
    CHECK(l.last_packet_age_ms() == 1500);
    CHECK(l.reordered() == 13);
    CHECK(l.silences() == 14);
    CHECK(l.round_trip_seconds() == 0.08);
    CHECK(l.mos() == 4.1);
    CHECK(l.worst_mos() == 2.2);
    CHECK(l.recent_mos() == 3.3);
    CHECK(l.recent_loss() == 0.05);
    CHECK(l.packets_per_second() == 50);
    CHECK(l.drops_per_second() == 15);
    CHECK(l.silent_seconds() == 2.5);
    CHECK(l.one_way_seconds() == 1.5);
    CHECK(l.telephone_events() == 16);
    CHECK(l.silent());
    CHECK(l.codec() == "G729");
}

TEST_CASE("codes, event kinds, sides and suites of both worlds agree") {
    for (int i = 0; i <= static_cast<int>(Code::unsupported); ++i)
        CHECK(static_cast<int>(to_proto(static_cast<Code>(i))) == i);
    CHECK(to_proto(Code::draining) == pb::CODE_DRAINING);
    CHECK(pb::Code_descriptor()->value_count() == static_cast<int>(Code::draining) + 1);
    for (int i = 0; i < 8; ++i) {
        const Event event{.kind = static_cast<EventKind>(i), .key = {"c", "s"}};
        CHECK(static_cast<int>(to_proto(event).kind()) == i + 1);
    }
    CHECK(srtp::suite_facts.size() == static_cast<std::size_t>(pb::Srtp_ARRAYSIZE));
    CHECK("SRTP_" + std::string(srtp::suite_facts[3].sdes_name) == pb::Srtp_Name(3));
    CHECK("SRTP_" + std::string(srtp::suite_facts[5].sdes_name) == pb::Srtp_Name(5));
}

TEST_CASE("how far keys have been used crosses in both directions") {
    pb::Allocate a = allocate();
    pb::Keys& keys = *add_leg(a, 0, pb::SIDE_A).mutable_keys();
    keys.set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
    keys.set_receive(std::string(30, 'r'));
    CHECK_FALSE(taken(from_proto("edge/0", a)).legs[0].keys->used);
    keys.mutable_used();
    CHECK(taken(from_proto("edge/0", a)).legs[0].keys->used);
    auto& received = *keys.mutable_used()->add_received();
    received.set_ssrc(7);
    received.set_index((std::uint64_t{1} << 48) - 1);
    auto& sent = *keys.mutable_used()->add_sent();
    sent.set_ssrc(8);
    sent.set_index(70'000);
    keys.mutable_used()->set_srtcp_sent(0x7fff'ffff);
    auto& srtcp = *keys.mutable_used()->add_srtcp_received();
    srtcp.set_ssrc(7);
    srtcp.set_index(0x7fff'ffff);
    keys.mutable_used()->set_sent_unlisted_from(300);
    const KeyUse used = *taken(from_proto("edge/0", a)).legs[0].keys->used;
    CHECK(used.received == srtp::KeyUse{.rtp = {{7, 0xffff'ffff'ffff}}, .srtcp_received = {{7, 0x7fff'ffff}}});
    CHECK(used.sent == srtp::KeyUse{.rtp = {{8, 70'000}}, .srtcp = 0x7fff'ffff, .unlisted_from = 300});

    const pb::Event event = to_proto(Event{.kind = EventKind::key_use, .key = {"edge/0", "s1"}, .used = used});
    CHECK(event.used().SerializeAsString() == keys.used().SerializeAsString());
    Reply reply;
    reply.used = {{3, Side::b, used}};
    const pb::Reply answer = to_proto(9, "s1", reply);
    REQUIRE(answer.used_size() == 1);
    CHECK(answer.used(0).stream() == 3);
    CHECK(answer.used(0).side() == pb::SIDE_B);
    CHECK(answer.used(0).used().SerializeAsString() == keys.used().SerializeAsString());
}

TEST_CASE("what a peer says of its key is taken, and refused where it can be no key's [E-20]") {
    pb::Allocate a = allocate();
    pb::Keys& keys = *add_leg(a, 0, pb::SIDE_A).mutable_keys();
    keys.set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
    keys.set_receive(std::string(30, 'r'));
    CHECK(taken(from_proto("edge/0", a)).legs[0].keys->receive_mki.empty());
    CHECK(taken(from_proto("edge/0", a)).legs[0].keys->receive_lifetime == 0);
    keys.set_receive_mki(std::string("\0\1", 2));
    keys.set_receive_lifetime(std::uint64_t{1} << 48);
    keys.mutable_used()->set_received_packets(5'000);
    keys.mutable_used()->set_received_srtcp_packets(50);
    const Keys known = *taken(from_proto("edge/0", a)).legs[0].keys;
    CHECK(known.receive_mki == Bytes{0, 1});
    CHECK(known.receive_lifetime == std::uint64_t{1} << 48);
    CHECK(known.used->received_packets == 5'000);
    CHECK(known.used->received_srtcp == 50);
    const pb::Event used = to_proto(Event{.kind = EventKind::key_use, .key = {"edge/0", "s1"}, .used = *known.used});
    CHECK(used.used().SerializeAsString() == keys.used().SerializeAsString());
    const pb::Event ends = to_proto(Event{.kind = EventKind::key_ends, .key = {"edge/0", "s1"}, .count = 512});
    CHECK(ends.kind() == pb::EVENT_KEY_ENDS);
    CHECK(ends.count() == 512);

    keys.set_receive_mki(std::string(129, 'm'));
    CHECK(why(a) == "legs[0].keys.receive_mki: has 129 bytes; most are 128");
    keys.set_receive_mki("m");
    keys.set_receive_lifetime((std::uint64_t{1} << 48) + 1);
    CHECK(why(a) == "legs[0].keys.receive_lifetime: is more than 2^48");
}

TEST_CASE("keys are wiped from a message that has been dealt with, where they were") {
    pb::ClientMessage message;
    *message.mutable_allocate() = allocate();
    pb::Keys& keys = *add_leg(*message.mutable_allocate(), 0, pb::SIDE_A).mutable_keys();
    keys.set_receive(std::string(30, 'r'));
    keys.set_send(std::string(30, 's'));
    const char* const receive = keys.receive().data();
    wipe_keys(message);
    CHECK(keys.receive() == std::string(30, '\0'));
    CHECK(keys.receive().data() == receive);
    CHECK(keys.send() == std::string(30, '\0'));
    pb::Keys& changed = *message.mutable_modify()->add_legs()->mutable_keys();
    changed.set_send(std::string(30, 's'));
    wipe_keys(message);
    CHECK(changed.send() == std::string(30, '\0'));
}

TEST_CASE("where a leg has latched crosses in both directions") {
    pb::Allocate a = allocate();
    pb::Leg& leg = add_leg(a, 0, pb::SIDE_A);
    CHECK_FALSE(taken(from_proto("edge/0", a)).legs[0].latched);
    pb::Latched& given = *leg.mutable_latched();
    given.mutable_rtp()->set_address("198.18.0.7");
    given.mutable_rtp()->set_port(31'000);
    given.mutable_signalled()->set_address("10.0.0.5");
    given.mutable_signalled()->set_port(4'000);
    given.set_authenticated(true);
    const Latched latched = *taken(from_proto("edge/0", a)).legs[0].latched;
    CHECK(latched.rtp == *Endpoint::parse("198.18.0.7:31000"));
    CHECK(latched.rtcp.empty());
    CHECK(latched.signalled == *Endpoint::parse("10.0.0.5:4000"));
    CHECK(latched.authenticated);

    Event event{.kind = EventKind::latched, .key = {"edge/0", "s1"}};
    event.latched = latched;
    CHECK(to_proto(event).latched().SerializeAsString() == given.SerializeAsString());
    Reply reply;
    reply.latched = {{3, Side::b, latched}};
    const pb::Reply answer = to_proto(9, "s1", reply);
    REQUIRE(answer.latched_size() == 1);
    CHECK(answer.latched(0).stream() == 3);
    CHECK(answer.latched(0).side() == pb::SIDE_B);
    CHECK(answer.latched(0).latched().SerializeAsString() == given.SerializeAsString());

    given.mutable_rtcp()->set_address("somewhere");
    CHECK(why(a) == "legs[0].latched.rtcp.address: is not an IPv4 or IPv6 literal");
}

TEST_CASE("an impossible use of keys is refused by its field") {
    const auto refused = [](auto change) {
        pb::Allocate a = allocate();
        pb::Keys& keys = *add_leg(a, 0, pb::SIDE_A).mutable_keys();
        keys.set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
        keys.set_receive(std::string(30, 'r'));
        change(*keys.mutable_used());
        return why(a);
    };
    const auto fill = [](auto& list, std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) list.Add()->set_ssrc(i);
    };
    CHECK(refused([&](pb::KeyUse& u) { fill(*u.mutable_received(), 16), fill(*u.mutable_sent(), 64); }) == "accepted");
    CHECK(refused([&](pb::KeyUse& u) { fill(*u.mutable_received(), 17); }) ==
          "legs[0].keys.used.received: has more than 16 SSRCs");
    CHECK(refused([&](pb::KeyUse& u) { fill(*u.mutable_sent(), 65); }) ==
          "legs[0].keys.used.sent: has more than 64 SSRCs");
    CHECK(refused([&](pb::KeyUse& u) { fill(*u.mutable_sent(), 1), fill(*u.mutable_sent(), 1); }) ==
          "legs[0].keys.used.sent: names an SSRC twice");
    CHECK(refused([](pb::KeyUse& u) { u.add_sent()->set_index(std::uint64_t{1} << 48); }) ==
          "legs[0].keys.used.sent: has an index of more than 48 bits");
    CHECK(refused([](pb::KeyUse& u) { u.set_srtcp_sent(0x8000'0000); }) ==
          "legs[0].keys.used.srtcp_sent: is an index of more than 31 bits");
    CHECK(refused([&](pb::KeyUse& u) { fill(*u.mutable_srtcp_received(), 17); }) ==
          "legs[0].keys.used.srtcp_received: has more than 16 SSRCs");
    CHECK(refused([](pb::KeyUse& u) { u.add_srtcp_received()->set_index(0x8000'0000); }) ==
          "legs[0].keys.used.srtcp_received: has an index of more than 31 bits");
    CHECK(refused([](pb::KeyUse& u) { u.set_sent_unlisted_from((std::uint64_t{1} << 48) + 1); }) ==
          "legs[0].keys.used.sent_unlisted_from: is behind the last index, which has 48 bits");
}
