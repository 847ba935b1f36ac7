// A call as a value: written down at its confirmation, read back by another process, gone on with.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

TEST_CASE("A checkpoint read back gives the same checkpoint, and a call that goes on") {
    Bench before;
    PbxCall call(before);
    REQUIRE(before.checkpoints.size() == 1);
    const std::string state = before.checkpoints[0].state;

    Bench after(Bench::default_trunk(), 99);
    after.media_state(false, 1);
    after.bind(21);
    after.give(Restore{state});
    CHECK(after.stack.alive().calls == 1);
    CHECK(after.shared.gauges.calls(policy::trunk_gauge("acme")) == 1);
    after.media_state(true, 1);
    CHECK(after.media.back().verb == b2bua::MediaVerb::allocate);
    CHECK(after.media.back().legs.at(0).keys->send == before.media.back().legs.at(0).keys->send);
    CHECK(after.media.back().restore.size() == 2);

    // A hold relayed by the new process: same dialogs, versions go on, the PBX is found over its new connection.
    after.receive(after.core_flow(), call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "sendonly", 2)));
    after.next("100");
    const auto reinvite = after.next("INVITE");
    CHECK(after.last.flow.connection == 21);
    CHECK(reinvite.call_id() == "a-leg@pbx");
    CHECK(described(reinvite.body()).origin.session_id == described(call.ok.body()).origin.session_id);
    CHECK(std::stoull(described(reinvite.body()).origin.version) ==
          std::stoull(described(call.ok.body()).origin.version) + 1);
    after.receive(after.pbx_flow(21), after.answer(reinvite, 200, {}, "<sip:198.51.100.10>",
                                                   secure_sdp("198.51.100.10", 5004, "A", "recvonly", 1, 2)));
    after.next("ACK");
    after.next("200");
    REQUIRE(after.checkpoints.size() == 1);

    Bench third;
    third.give(Restore{after.checkpoints[0].state});
    CHECK(third.stack.alive().calls == 1);
    third.receive(third.core_flow(), call.from_core("BYE"));
    third.next("200");
    third.next("BYE");
    CHECK(third.checkpoints.back().gone);
}

TEST_CASE("How far SRTP keys have been used is written down before a restart would guess wrong, and read back") {
    Bench before;
    PbxCall call(before);
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::key_use;
    event.session = before.media.front().session;
    const auto counts = [&](std::uint64_t index) {
        before.checkpoints.clear();
        event.used = {0, b2bua::Side::a, {{0xcafe, 5}}, {{1, 2}, {0xbeef, index}}, 12, {{0xcafe, 60}}, 0};
        before.give(event);
        return before.checkpoints.size();
    };
    CHECK(counts(0x1000) == 0);
    CHECK(counts(0x2000) == 1);  // of what is sent a third of what the media plane leaves out
    CHECK(counts(0x3fff) == 0);
    CHECK(counts(0x10000) == 1);
    const auto more = [&](auto&& change) {
        before.checkpoints.clear();
        change(event.used);
        before.give(event);
        return before.checkpoints.size();
    };
    CHECK(more([](auto& used) { used.received = {{0xcafe, 0x7fff}}; }) == 0);
    CHECK(more([](auto& used) { used.srtcp_received = {{0xcafe, 63}}; }) == 0);
    CHECK(more([](auto& used) { used.sent_unlisted_from = 300; }) == 1);
    CHECK(more([](auto& used) { used.srtcp_received = {{0xcafe, 64}}; }) == 1);
    CHECK(more([](auto& used) { used.received = {{0xcafe, 0x8000}}; }) == 1);
    const std::string state = before.checkpoints.at(0).state;
    CHECK(state.find("\nkey-use.a=0 12 <51966:32768 >1:2 >48879:65536\n") != state.npos);
    CHECK(state.find("\nkey-use-more.a=0 300 <51966:64\n") != state.npos);

    Bench after;
    after.auto_media = false;
    after.give(Restore{state});
    after.media_state(true, 1);
    const auto& legs = after.media.back().legs;
    const auto leg_a = std::find_if(legs.begin(), legs.end(), [](auto& leg) { return leg.side == b2bua::Side::a; });
    REQUIRE(leg_a != legs.end());
    CHECK(leg_a->keys->used == event.used);

    // The session was still there after all: what the media plane itself says of it counts.
    const b2bua::MediaCommand asked = after.media.back();
    event.used.sent = {{0xbeef, 0x20000}};
    after.give(b2bua::MediaReply{
        .call = asked.call, .token = asked.token, .ok = true, .local = asked.restore, .used = {event.used}});
    after.media_state(true, 2);
    CHECK(after.media.back().verb == b2bua::MediaVerb::allocate);
    CHECK(after.media.back().legs.at(0).keys->used == event.used);

    for (const std::string bad : {"0", "0 300 >1:2", "0 300 <1", "x 1"}) {
        std::string spoilt = state;
        const auto at = spoilt.find("key-use-more.a=") + 15;
        spoilt.replace(at, spoilt.find('\n', at) - at, bad);
        Bench other;
        other.give(Restore{spoilt});
        CHECK(other.stack.alive().calls == 0);
    }
    for (const std::string bad : {"0", "0 12 <51966", "0 12 51966:5", "0 12 <a:5", "0 12 <1:5 ", "x 12"}) {
        std::string spoilt = state;
        const auto at = spoilt.find("key-use.a=") + 10;
        spoilt.replace(at, spoilt.find('\n', at) - at, bad);
        Bench other;
        other.give(Restore{spoilt});
        CHECK(other.stack.alive().calls == 0);
    }
}

TEST_CASE(
    "An SRTCP index is written down every quarter of the margin, and at once when a new media plane goes on from it") {
    Bench before;
    PbxCall call(before);
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::key_use;
    event.session = before.media.front().session;
    const auto counts = [&](std::uint32_t index) {
        before.checkpoints.clear();
        event.used = {0, b2bua::Side::a, {}, {{1, 2}}, index};
        before.give(event);
        return before.checkpoints.size();
    };
    CHECK(counts(16'383) == 0);
    CHECK(counts(16'384) == 1);
    CHECK(counts(32'767) == 0);

    // The plane restarts and leaves a margin; then this process ends, and the plane once more.
    before.checkpoints.clear();
    before.auto_media = false;
    before.media_state(true, 2);
    const b2bua::MediaCommand asked = before.media.back();
    REQUIRE(asked.verb == b2bua::MediaVerb::allocate);
    event.used.srtcp_sent += 65'536;
    before.give(b2bua::MediaReply{
        .call = asked.call, .token = asked.token, .ok = true, .local = asked.restore, .used = {event.used}});
    REQUIRE(before.checkpoints.size() == 1);
    Bench after;
    after.auto_media = false;
    after.give(Restore{before.checkpoints[0].state});
    after.media_state(true, 3);
    const auto& legs = after.media.back().legs;
    const auto leg_a = std::find_if(legs.begin(), legs.end(), [](auto& leg) { return leg.side == b2bua::Side::a; });
    REQUIRE(leg_a != legs.end());
    CHECK(leg_a->keys->used == event.used);
}

TEST_CASE("What is written down while a party is asked is what both had agreed upon") {
    Bench before;
    PbxCall call(before);
    const std::string agreed = before.checkpoints.at(0).state;
    const auto heard = [](const std::string& state) {
        const auto at = state.find("\nmedia-b.heard=");
        return state.substr(at, state.find('\n', at + 1) - at);
    };
    before.receive(before.core_flow(), call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "sendonly", 2)));
    before.next("100");
    before.next("INVITE");
    before.checkpoints.clear();
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::key_use;
    event.session = before.media.front().session;
    event.used = {0, b2bua::Side::a, {}, {{0xbeef, 0x8000}}, 12};
    before.give(event);
    REQUIRE(before.checkpoints.size() == 1);
    REQUIRE(heard(agreed).size() > 20);
    CHECK(heard(before.checkpoints[0].state) == heard(agreed));
}

TEST_CASE("Where a leg has latched is written down, read back and given back, until its peer is signalled elsewhere") {
    Bench before;
    PbxCall call(before);
    const auto leg_of = [](const b2bua::MediaCommand& command, b2bua::Side side) {
        const auto found = std::find_if(command.legs.begin(), command.legs.end(),
                                        [&](const auto& leg) { return leg.side == side && leg.stream == 0; });
        REQUIRE(found != command.legs.end());
        return *found;
    };
    const Endpoint signalled = *leg_of(before.media.back(), b2bua::Side::b).remote;
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::latched;
    event.session = before.media.front().session;
    event.side = b2bua::Side::b;
    event.latched = {0, b2bua::Side::b, *Endpoint::parse("198.18.0.7:31000"), {}, signalled, false};
    const auto written = [&] {
        before.checkpoints.clear();
        before.give(event);
        return before.checkpoints.size();
    };
    CHECK(written() == 1);
    CHECK(written() == 0);
    event.latched.rtcp = *Endpoint::parse("198.18.0.7:31001");
    REQUIRE(written() == 1);
    const std::string state = before.checkpoints.at(0).state;

    Bench after;
    after.give(Restore{state});
    after.media_state(true, 1);
    CHECK(after.media.back().verb == b2bua::MediaVerb::allocate);
    CHECK(leg_of(after.media.back(), b2bua::Side::b).latched == event.latched);
    CHECK_FALSE(leg_of(after.media.back(), b2bua::Side::a).latched);

    // A re-offer that moves the peer: nobody is held to where it was.
    after.receive(after.core_flow(), call.from_core("INVITE", plain_sdp("192.0.2.99", 6100, "sendrecv", 2)));
    after.next("100");
    const auto reinvite = after.next("INVITE");
    after.bind(21);
    after.receive(after.pbx_flow(21), after.answer(reinvite, 200, {}, "<sip:198.51.100.10>",
                                                   secure_sdp("198.51.100.10", 5004, "A", "sendrecv", 1, 2)));
    after.media_state(true, 2);
    CHECK(after.media.back().verb == b2bua::MediaVerb::allocate);
    CHECK(leg_of(after.media.back(), b2bua::Side::b).remote != signalled);
    CHECK_FALSE(leg_of(after.media.back(), b2bua::Side::b).latched);

    for (const std::string bad : {"0", "0 - -", "x - - -", "0 a - -", "0 - 192.0.2.1 -"}) {
        std::string spoilt = state;
        const auto at = spoilt.find("\nlatched.b=") + 11;
        spoilt.replace(at, spoilt.find('\n', at) - at, bad);
        Bench other;
        other.give(Restore{spoilt});
        CHECK(other.stack.alive().calls == 0);
    }
}

TEST_CASE("A call that holds more than calls begin with is taken up as it was written down") {
    Bench source;
    PbxCall call(source);
    std::string state = source.checkpoints.at(0).state;
    for (int i = 0; i < 12; ++i) state.insert(state.find("holds="), "holds=numbers/acme/" + std::to_string(i) + "\n");
    Bench b;
    b.give(Restore{state});
    REQUIRE(b.stack.alive().calls == 1);
    CHECK(b.shared.gauges.uses("").size() == 13);
    b.bind();
    b.receive(b.core_flow(), call.from_core("BYE"));
    CHECK(b.shared.gauges.uses("").empty());
}

TEST_CASE("A checkpoint with anything missing is no call [reliability 28]") {
    Bench source;
    PbxCall call(source);
    const std::string state = source.checkpoints.at(0).state;
    Bench b;
    for (std::size_t at = 0; at < state.size(); at = state.find('\n', at) + 1) {
        const auto end = state.find('\n', at) + 1;
        const std::string line = state.substr(at, end - at);
        // These may be absent: a route set, codecs, a CSeq, the keys of the leg without SRTP.
        if (line.find("codec=") != line.npos || line.find("remote-cseq") != line.npos || line.find("key-") != line.npos)
            continue;
        if (line.starts_with("media-local")) continue;
        if (line.starts_with("holds=")) continue;  // then it is counted in its trunk alone, as it was once
        // What only the record says; a checkpoint of an earlier version does not have it.
        if (line.starts_with("asserted-identity=") || line.starts_with("request-uri=")) continue;
        INFO(line);
        b.give(Restore{state.substr(0, at) + state.substr(end)});
        CHECK(b.stack.alive().calls == 0);
        CHECK(b.facts.back().event == "call-not-restored");
    }
    for (const auto& text : {std::string(), std::string("sallyport-call 2\n"), state.substr(0, state.size() / 2),
                             std::string(300'000, 'x')})
        b.give(Restore{text});
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().timers == 0);
}

}  // namespace sallyport::stack
