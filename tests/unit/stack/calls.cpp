// Whole calls through a Stack, both ways: what each leg sees, what is programmed, what is written down.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {

TEST_CASE(
    "A PBX calls the core: both legs are their own, media is anchored, the record is complete [SC-4-06] [SC-10.1-02]") {
    Bench b;
    PbxCall call(b);
    CHECK(b.silent());
    CHECK(b.stack.statistics().calls_answered.read() == 1);

    const auto& invite = call.to_core;
    CHECK(invite.request_uri() == "sip:+442055501@192.0.2.20;user=phone");
    CHECK(invite.call_id() != call.invite.call_id());
    CHECK(invite.from_tag() != "alice");
    CHECK(invite.max_forwards() == 69);
    CHECK(invite.text().find("198.51.100.10") == std::string_view::npos);
    CHECK(invite.first(sip::HeaderName::contact) == "<sip:10.0.0.1:5060>");
    CHECK(invite.from().display_name() == "Alice");
    CHECK(sip::parse_name_addr(invite.first(sip::HeaderName::p_asserted_identity).value())->uri.user == "+4930101");
    CHECK(call.ok.text().find("192.0.2.2") == std::string_view::npos);
    CHECK(call.ok.first(sip::HeaderName::contact) == "<sip:203.0.113.1:5061;transport=tls>");

    const auto offer = described(invite.body());
    CHECK(offer.media[0].protocol == "RTP/AVP");
    CHECK(offer.media[0].port == 40002);
    const auto view = stream(call.ok.body());
    CHECK(view.secure);
    CHECK(view.rtp_endpoint == endpoint("203.0.113.9:40000"));
    REQUIRE(view.crypto.size() == 1);

    const auto& program = b.media.back();
    CHECK(program.verb == b2bua::MediaVerb::modify);
    REQUIRE(program.legs.size() == 2);
    CHECK(program.legs[0].remote == endpoint("198.51.100.10:5004"));
    CHECK(program.legs[0].keys->suite == "AES_CM_128_HMAC_SHA1_80");
    CHECK(program.legs[0].keys->send == view.crypto[0].key);
    CHECK(program.legs[0].keys->receive != program.legs[0].keys->send);
    CHECK(program.legs[1].remote == endpoint("192.0.2.21:6000"));
    CHECK(program.legs[1].keys->suite.empty());

    b.run_for(60s);
    call.hang_up();
    REQUIRE(b.records.size() == 1);
    const auto& record = b.records[0];
    CHECK(record.status == 200);
    CHECK(record.trunk == "acme");
    CHECK(record.carrier == "core");
    CHECK(record.direction == "from-pbx");
    CHECK(record.caller == "+4930101");
    CHECK(record.called == "+442055501");
    CHECK(record.target == "udp 192.0.2.20:5060");
    CHECK(record.ended_by == "caller");
    CHECK(record.q850 == 16);
    CHECK(record.ended - record.answered == 60s);
    REQUIRE(!record.codecs.empty());
    CHECK(record.codecs.front() == "PCMA/8000");
    REQUIRE(record.media.size() == 1);
    CHECK(record.media[0].packets_received == 100);
    CHECK(b.checkpoints.front().state.find("sallyport-call 2") == 0);
    CHECK(b.checkpoints.back().gone);

    b.run_for(64s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
    CHECK(b.stack.alive().timers == 0);
    CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme")) == 0);
}

TEST_CASE("where nobody keeps checkpoints none are made, and the call is the same") {
    Bench b(Bench::default_trunk(), 1, 0, false);
    PbxCall call(b);
    call.hang_up();
    REQUIRE(b.records.size() == 1);
    CHECK(b.records[0].status == 200);
    CHECK(b.checkpoints.empty());
}

TEST_CASE(
    "The core calls a number of the PBX: RFC 6140 target, the registered flow, SRTP offered [SC-16.7-02] "
    "[SC-14.4-04]") {
    Bench b;
    b.bind();
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1;user=phone", plain_sdp("192.0.2.21", 6000), "c1@core",
                                           "P-Asserted-Identity: \"Carol C\" <sip:+44205550100@core.example.org>\r\n"));
    b.next("100");
    const auto invite = b.next("INVITE");
    CHECK(b.last.flow == b.pbx_flow());
    CHECK(invite.request_uri() == "sip:+4930155@198.51.100.10:5061");
    CHECK(sip::own(invite.from().uri).text() == "sip:+44205550100@sip.example.net;user=phone");
    CHECK(sip::own(invite.to().uri).text() == "sip:+4930155@sip.example.net;user=phone");
    CHECK(invite.first(sip::HeaderName::p_asserted_identity) == "\"Carol C\" <sip:+44205550100@core.example.org>");
    CHECK(invite.text().find("192.0.2.2") == std::string_view::npos);
    const auto offer = stream(invite.body());
    CHECK(offer.secure);
    REQUIRE(offer.crypto.size() == 1);
    CHECK(offer.crypto[0].suite == "AES_CM_128_HMAC_SHA1_80");
    CHECK(offer.crypto[0].lifetime.empty());

    b.receive(b.pbx_flow(),
              b.answer(invite, 200, "dave", "<sip:198.51.100.10:5061>", secure_sdp("198.51.100.10", 5004, "B")));
    b.next("ACK");
    const auto ok = b.next("200");
    CHECK(b.last.flow.remote == endpoint("192.0.2.20:5060"));
    CHECK(stream(ok.body()).secure == false);
    const auto& legs = b.media.back().legs;
    CHECK(legs[1].keys->send == offer.crypto[0].key);
    CHECK(legs[1].remote == endpoint("198.51.100.10:5004"));

    // The core hangs up before its ACK has come: it has the dialog, so it may.
    auto core = dialog::Dialog::as_uac(parse(b.core_invite("sip:+4930155@10.0.0.1;user=phone", "", "c1@core")), ok,
                                       b.core_flow(), {});
    b.receive(
        b.core_flow(),
        core.request("BYE", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKbye").add("Reason", "Q.850;cause=31").finish());
    b.next("200");
    const auto bye = b.next("BYE");
    CHECK(bye.first(sip::HeaderName::reason) == "Q.850;cause=31");
    CHECK(b.records.at(0).q850 == 31);
}

TEST_CASE("The callee hangs up: BYE reaches the caller, who is told the reason") {
    Bench b;
    PbxCall call(b);
    b.receive(b.core_flow(), call.from_core("BYE"));
    b.next("200");
    const auto bye = b.next("BYE");
    CHECK(b.last.flow == b.pbx_flow());
    CHECK(bye.to_tag() == "alice");
    b.receive(b.pbx_flow(), b.answer(bye, 200, {}, {}));
    CHECK(b.records.at(0).ended_by == "callee");
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("Busy is busy: the caller gets 486 with its cause, the ports go back") {
    Bench b;
    b.bind();
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
    const auto invite = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(invite, 486, "bob", {}));
    b.next("ACK");
    const auto busy = b.next("486");
    CHECK(busy.first(sip::HeaderName::reason) == "Q.850;cause=17");
    CHECK(b.media.back().verb == b2bua::MediaVerb::release);
    CHECK(b.records.at(0).status == 486);
    CHECK(b.records.at(0).ended_by == "callee");
}

TEST_CASE("One Session-ID on both legs, in the record and in the ladder") {
    Bench b;
    b.bind();
    const std::string uuid(32, 'a');
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "s@pbx",
                                     1, "Session-ID: " + uuid + ";remote=00000000000000000000000000000000\r\n"));
    const auto invite = b.find("INVITE");
    CHECK(invite.first(sip::HeaderName::session_id) == uuid + ";remote=00000000000000000000000000000000");
    b.receive(b.core_flow(), b.answer(invite, 180, "bob", "<sip:192.0.2.20>", {},
                                      "Session-ID: " + std::string(32, 'b') + ";remote=" + uuid + "\r\n"));
    CHECK(b.next("180").first(sip::HeaderName::session_id) == std::string(32, 'b') + ";remote=" + uuid);
    CHECK(b.stack.calls(true, 10).at(0).session_id == uuid);
}

TEST_CASE("The newest calls are listed, no more than asked for, and those of one trunk if one is named") {
    Bench b;
    b.bind();
    for (int i = 0; i < 5; ++i) {
        const auto sdp = secure_sdp("198.51.100.10", 5004, "A");
        b.receive(b.pbx_flow(), b.invite("sip:+44205550" + std::to_string(i) + "@sip.example.net", sdp,
                                         "call-" + std::to_string(i) + "@pbx"));
        b.run_for(1s);
    }
    const auto listed = [&](bool live_only, std::size_t limit, std::string_view trunk) {
        std::string out;
        for (const auto& call : b.stack.calls(live_only, limit, trunk)) out += call.to.back();
        return out;
    };
    CHECK(listed(true, 10, "") == "43210");
    CHECK(listed(true, 2, "") == "43");
    CHECK(listed(true, 10, "acme") == "43210");
    CHECK(listed(true, 3, "acme") == "432");
    CHECK(listed(true, 10, "globex") == "");
    CHECK(listed(true, 0, "") == "");
    b.give(ReleaseCalls{"over"});
    while (!b.silent()) {
        const auto message = b.next();
        if (!message.is_request() || message.method_text() == "ACK") continue;
        b.receive(b.core_flow(), b.answer(message, message.method_text() == "INVITE" ? 487 : 200, "x", {}));
    }
    b.run_for(200s);
    CHECK(listed(true, 10, "") == "");
    CHECK(listed(false, 2, "acme").size() == 2);
    CHECK(listed(false, 10, "").size() == 5);
    CHECK(listed(false, 10, "globex") == "");
}

TEST_CASE("The ladder of a call is readable, as wide as a screen, and holds no secret") {
    Bench b;
    PbxCall call(b);
    call.hang_up();
    const auto view = b.stack.call("a-leg@pbx");
    REQUIRE(view.has_value());
    CHECK(view->state == "ended");
    const std::string& ladder = view->ladder;
    CHECK(ladder.find("INVITE (audio srtp PCMA,PCMU") != std::string::npos);
    CHECK(ladder.find("180 Ringing") != std::string::npos);
    CHECK(ladder.find("BYE") != std::string::npos);
    CHECK(ladder.find("inline") == std::string::npos);
    std::size_t start = 0;
    while (start < ladder.size()) {
        const auto end = std::min(ladder.find('\n', start), ladder.size());
        CHECK(end - start <= 100);
        start = end + 1;
    }
}

TEST_CASE(
    "Late offer: the callee's offer goes up in the 200, the caller's answer down in the ACK [SC-14.1-03] "
    "[SC-12.1.1-04]") {
    Bench b;
    b.bind();
    const auto invite = parse(b.invite("sip:+442055501@sip.example.net", ""));
    b.receive(b.pbx_flow(), invite.text());
    const auto to_core = b.find("INVITE");
    CHECK(to_core.body().empty());
    b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    const auto ok = b.next("200");  // no ACK yet: there is no answer to put in
    const auto offer = stream(ok.body());
    CHECK(offer.secure);
    CHECK(offer.rtp_endpoint == endpoint("203.0.113.9:40000"));
    b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    CHECK(b.silent());
    b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow(), secure_sdp("198.51.100.10", 5004, "C")));
    const auto ack = b.next("ACK");
    const auto answer = stream(ack.body());
    CHECK(answer.rtp_endpoint == endpoint("10.0.0.9:40002"));
    CHECK(b.media.back().legs.at(0).keys->send == offer.crypto.at(0).key);
    // The 200 again: the identical ACK again.
    b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    CHECK(b.next("ACK").text() == ack.text());
}

TEST_CASE("Late offer without an answer in the ACK: both legs are ended [SC-12.2-04]") {
    Bench b;
    b.bind();
    const auto invite = parse(b.invite("sip:+442055501@sip.example.net", ""));
    b.receive(b.pbx_flow(), invite.text());
    const auto to_core = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    const auto ok = b.next("200");
    b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow()));
    CHECK(b.next("BYE").to_tag() == "alice");
    const auto refusal = b.next("ACK");
    CHECK(described(refusal.body()).media.at(0).port == 0);
    CHECK(b.next("BYE").to_tag() == "bob");
}

}  // namespace sallyport::stack
