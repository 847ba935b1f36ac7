// The core's targets and the media plane, when they fail and come back: failover, probes, DNS, 503, reprogramming.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Carrier two_targets() {
    auto carrier = Bench::default_carrier();
    carrier.targets[0].priority = 1;
    carrier.targets.push_back({"192.0.2.30", 5060, config::Transport::udp, 2, 0});
    return carrier;
}
Flow second_flow(const Bench& b) {
    Flow f = b.core_flow();
    f.remote = endpoint("192.0.2.30:5060");
    return f;
}
std::string call_out(Bench& b, std::string_view id = "a-leg@pbx") {
    return b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), id);
}

}  // namespace

TEST_CASE("503 of one target: the next one gets the call, with a new branch; the caller hears nothing of it") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets());
    b.sent.clear();
    b.receive(b.pbx_flow(), call_out(b));
    b.next("100");
    const auto first = b.next("INVITE");
    b.receive(b.core_flow(), b.answer(first, 503, "x", {}));
    b.next("ACK");
    const auto second = b.next("INVITE");
    CHECK(b.last.flow.remote == endpoint("192.0.2.30:5060"));
    CHECK(second.top_via().branch != first.top_via().branch);
    CHECK(second.request_uri() == "sip:+442055501@192.0.2.30;user=phone");
    b.receive(second_flow(b), b.answer(second, 200, "bob", "<sip:192.0.2.30>", plain_sdp("192.0.2.31", 6000)));
    b.next("ACK");
    b.next("200");
    CHECK(b.stack.statistics().carrier_failovers.read() == 1);
}

TEST_CASE("A silent target: timer B, then the next one; when all fail the caller gets the last failure") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets());
    b.receive(b.pbx_flow(), call_out(b));
    b.run_for(32s);
    b.sent.clear();
    b.run_for(1s);
    b.find("INVITE");
    CHECK(b.last.flow.remote == endpoint("192.0.2.30:5060"));
    b.run_for(33s);
    CHECK(b.find("408").status() == 408);
    CHECK(b.records.at(0).status == 408);
}

TEST_CASE("Early media of a target that fails afterwards: the next one rings under another To tag") {
    Bench b;
    b.bind();
    b.configure(Bench::default_trunk(), two_targets());
    b.receive(b.pbx_flow(), call_out(b));
    const auto first = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(first, 183, "x", "<sip:192.0.2.20>", plain_sdp("192.0.2.21", 6000)));
    const auto early = b.next("183");
    b.receive(b.core_flow(), b.answer(first, 500, "x", {}));
    const auto second = b.find("INVITE");
    b.receive(second_flow(b), b.answer(second, 180, "y", "<sip:192.0.2.30>"));
    CHECK(b.next("180").to_tag() != early.to_tag());
}

TEST_CASE(
    "403 of the core is not 403 for a PBX, a challenge is not relayed, a redirection neither [SC-16.4.2-05] "
    "[SC-11.2-03] [reliability 10]") {
    const std::vector<std::pair<std::uint16_t, std::string>> cases{
        {403, "603"}, {407, "500"}, {302, "480"}, {420, "500"}, {404, "404"}, {600, "600"}, {491, "500"}};
    for (const auto& [from_core, to_pbx] : cases) {
        Bench b;
        b.bind();
        b.receive(b.pbx_flow(), call_out(b));
        b.receive(b.core_flow(), b.answer(b.find("INVITE"), from_core, "x", {}));
        b.next("ACK");
        b.next(to_pbx);
    }
}

TEST_CASE("Two bindings of a PBX: best q first, the next when its connection fails, 480 when both do") {
    Bench b;
    b.bind(7, 0.5);
    b.bind(8, 1.0);
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("INVITE");
    CHECK(b.last.flow.connection == 8);
    b.give(FlowClosed{b.pbx_flow(8), "reset"});
    b.find("INVITE");
    CHECK(b.last.flow.connection == 7);
    b.give(FlowClosed{b.pbx_flow(7), "reset"});
    CHECK(b.find("480").status() == 480);  // not 503: it is this PBX that is away, not the node
    CHECK(b.shared.locations.usable("acme", b.now).empty());
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000), "again"));
    b.find("480");
}

TEST_CASE("A static trunk: by source and by its own targets, Request-URI with the number and user=phone [SC-17.6-01]") {
    auto trunk = Bench::default_trunk();
    trunk.mode = config::TrunkMode::static_;
    trunk.credentials.clear();  // else it proves itself by Digest
    trunk.domain = "pbx.example.com";
    trunk.targets.push_back({"198.51.100.20", 5061, config::Transport::tls, 0, 0});
    trunk.sources.push_back(config::AddressBlock::parse("198.51.100.0/28").value());
    Bench b(trunk);
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    const auto invite = b.find("INVITE");
    CHECK(invite.request_uri() == "sip:+4930155@pbx.example.com;user=phone");
    CHECK(b.last.flow.transport == Transport::tls);
    CHECK(b.last.flow.remote == endpoint("198.51.100.20:5061"));
    CHECK(b.last.tls_name == "198.51.100.20");
    b.receive(b.pbx_flow(3), call_out(b, "static@pbx"));
    b.find("INVITE");
}

TEST_CASE(
    "Targets are probed; two failures take one down, two answers bring it back; with all down new calls get 503") {
    Bench b;
    b.auto_probes = false;
    b.bind();
    auto carrier = Bench::default_carrier();
    carrier.options_interval_seconds = 30;
    b.configure(Bench::default_trunk(), carrier);
    b.sent.clear();
    const auto probe = [&](std::uint16_t status) {
        for (int i = 0; i < 200 && b.silent(); ++i) b.run_for(200ms);
        const auto options = b.find("OPTIONS");
        b.sent.clear();
        b.receive(b.core_flow(), b.answer(options, status, "p", {}));
    };
    probe(503);
    CHECK(b.stack.targets().at(0).up);
    probe(503);
    CHECK_FALSE(b.stack.targets().at(0).up);
    CHECK(b.stack.targets().at(0).detail == "answers 503");
    b.receive(b.pbx_flow(), call_out(b));
    CHECK(b.find("503").has(sip::HeaderName::retry_after));
    probe(200);
    CHECK_FALSE(b.stack.targets().at(0).up);
    probe(405);  // it lives
    CHECK(b.stack.targets().at(0).up);
    CHECK(b.facts.back().event == "target-up");
}

TEST_CASE("A target by name: DNS and the media plane are asked together, whoever answers last starts the call") {
    auto carrier = Bench::default_carrier();
    carrier.targets[0] = {"gw.example.org", 5060, config::Transport::udp, 0, 0};
    for (const bool dns_first : {true, false}) {
        Bench b;
        b.auto_media = false;
        b.bind();
        b.configure(Bench::default_trunk(), carrier);
        b.sent.clear();
        b.questions.clear();
        b.receive(b.pbx_flow(), call_out(b));
        b.next("100");
        REQUIRE_FALSE(b.questions.empty());
        REQUIRE(b.unanswered.size() == 1);
        const auto answer_dns = [&] {
            for (const auto& q : std::vector<b2bua::Resolve>(b.questions)) {
                locate::Answer a;
                a.question = q.question;
                if (q.question.type == locate::RecordType::a)
                    a.addresses = {IpAddress::v4(192, 0, 2, 20)};
                else
                    a.status = locate::DnsStatus::no_data;
                b.give(DnsAnswer{q.token, a});
            }
        };
        if (dns_first)
            answer_dns();
        else
            b.answer_media();
        CHECK(b.silent());
        if (dns_first)
            b.answer_media();
        else
            answer_dns();
        const auto invite = b.next("INVITE");
        CHECK(b.last.flow.remote == endpoint("192.0.2.20:5060"));
        CHECK(invite.request_uri() == "sip:+442055501@gw.example.org;user=phone");
    }
}

TEST_CASE("The media plane is away: new calls 503 with a counter and a fact, established ones stay") {
    Bench b;
    PbxCall call(b);
    b.media_state(false, 1);
    CHECK(b.facts.back().event == "media-plane-away");
    b.receive(b.pbx_flow(), call_out(b, "away@pbx"));
    CHECK(b.next("503").has(sip::HeaderName::retry_after));
    CHECK(b.stack.statistics().calls_refused_media_away.read() == 1);
    CHECK(b.stack.alive().calls == 1);
    call.hang_up();
    CHECK(b.records.size() == 2);  // written at once: nobody is there to count
}

TEST_CASE("The media plane refuses, or never answers: 503, and the call is gone") {
    Bench b;
    b.auto_media = false;
    b.bind();
    b.receive(b.pbx_flow(), call_out(b));
    b.next("100");
    b.answer_media(false);
    b.next("503");
    b.receive(b.pbx_flow(), call_out(b, "silent@pbx"));
    b.next("100");
    b.run_for(11s);
    b.find("503");
    b.run_for(64s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.records.size() == 2);
}

TEST_CASE("A media plane that has restarted gets its live sessions again, on the ports they had") {
    Bench b;
    PbxCall call(b);
    const auto before = b.media.size();
    b.media_state(true, 2);
    REQUIRE(b.media.size() == before + 1);
    const auto& restore = b.media.back();
    CHECK(restore.verb == b2bua::MediaVerb::allocate);
    CHECK(restore.restore.size() == 2);
    CHECK(restore.legs.size() == 2);
    CHECK(restore.legs[0].keys.has_value());
    CHECK(b.stack.alive().calls == 1);
    b.port_shift = 100;  // this time the ports are taken
    b.media_state(true, 3);
    b.find("BYE");
    CHECK(b.records.at(0).reason == "the media plane came back on other ports");
}

TEST_CASE("A session that cannot be restored is tried again; a media plane that goes on refusing ends the call") {
    Bench b;
    PbxCall call(b);
    b.auto_media = false;
    b.media_state(true, 2);
    b.answer_media(false);
    b.run_for(3s);
    REQUIRE(b.unanswered.size() == 1);  // asked again
    b.auto_media = true;
    b.answer_media(true);
    b.run_for(30s);
    CHECK(b.stack.alive().calls == 1);
    b.auto_media = false;
    b.media_state(true, 3);
    for (int i = 0; i < 8; ++i) {
        b.answer_media(false);
        b.run_for(3s);
    }
    b.find("BYE");
    CHECK(b.stack.calls(true, 1).at(0).cause == "the media session could not be restored");
}

TEST_CASE("A media plane that fails restoring and goes away again costs no call") {
    Bench b;
    PbxCall call(b);
    b.auto_media = false;
    b.media_state(true, 2);
    b.answer_media(false);
    b.media_state(false, 2);
    b.run_for(600s);
    CHECK(b.stack.alive().calls == 1);
    b.auto_media = true;
    b.media_state(true, 3);
    b.run_for(30s);
    CHECK(b.stack.alive().calls == 1);
    CHECK(b.media.back().verb == b2bua::MediaVerb::allocate);
}

TEST_CASE("Sessions that nobody here knows are released; ours that are there stay untouched") {
    Bench b;
    PbxCall call(b);
    const auto ours = b.media.front().session;
    const auto before = b.media.size();
    b.media_state(true, 1, {ours, "somebody-elses"});
    REQUIRE(b.media.size() == before + 1);
    CHECK(b.media.back().verb == b2bua::MediaVerb::release);
    CHECK(b.media.back().session == "somebody-elses");
}

TEST_CASE("No media: the call is ended with the reason; on hold silence is agreed") {
    Bench b;
    PbxCall call(b);
    const auto session = b.media.front().session;
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::inactivity;
    event.session = session;
    event.side = b2bua::Side::b;
    const auto hold = parse(call.from_pbx("INVITE", secure_sdp("198.51.100.10", 5004, "A", "sendonly", 1, 2)));
    b.receive(b.pbx_flow(), hold.text());
    b.receive(b.core_flow(), b.answer(b.find("INVITE"), 200, {}, "<sip:192.0.2.20:5060>",
                                      plain_sdp("192.0.2.21", 6000, "recvonly", 2)));
    const auto ok = b.find("200");
    b.receive(b.pbx_flow(), Bench::ack(hold, ok, b.pbx_flow()));
    b.give(event);
    CHECK(b.stack.alive().calls == 1);
    event.side = b2bua::Side::a;  // the PBX said it would send
    b.give(event);
    b.find("BYE");
    b.find("BYE");
    CHECK(b.records.at(0).reason == "no media from leg a, stream 0");
}

TEST_CASE("A lease that ran out under a live call: the session is programmed again") {
    Bench b;
    PbxCall call(b);
    b2bua::MediaEvent event;
    event.kind = b2bua::MediaEventKind::released;
    event.session = b.media.front().session;
    b.give(event);
    CHECK(b.media.back().verb == b2bua::MediaVerb::allocate);
    CHECK(b.media.back().session == event.session);
}

TEST_CASE("SRTP policy: plain RTP where SRTP is required is 488, and the other way round [SC-14.4-04]") {
    Bench b;
    b.bind();
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", plain_sdp("198.51.100.10", 5004)));
    b.find("488");
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", secure_sdp("192.0.2.21", 6000, "A")));
    b.find("488");
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", "v=0\r\nnonsense\r\n", "bad@core"));
    b.find("400");
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("An SRTP answer that repeats our key is refused, and so is the callee that gave it") {
    Bench b;
    b.bind();
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    const auto invite = b.find("INVITE");
    std::string echo(invite.body());
    for (auto at = echo.find("10.0.0.9"); at != echo.npos; at = echo.find("10.0.0.9"))
        echo.replace(at, 8, "198.51.100.10");
    b.receive(b.pbx_flow(), b.answer(invite, 200, "d", "<sip:198.51.100.10>", echo));
    b.next("ACK");
    b.find("BYE");
    CHECK(b.records.at(0).reason == "no usable crypto line");
}

TEST_CASE("A thousand calls come and go; nothing is left of them") {
    Bench b;
    for (int i = 0; i < 1000; ++i) {
        if (i == 0) b.bind();
        const auto invite = parse(call_out(b, "load" + std::to_string(i)));
        b.receive(b.pbx_flow(), invite.text());
        const auto to_core = b.find("INVITE");
        b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
        const auto ok = b.find("200");
        b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow()));
        auto pbx = dialog::Dialog::as_uac(invite, ok, b.pbx_flow(), {});
        b.receive(b.pbx_flow(),
                  pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10;branch=z9hG4bKend" + std::to_string(i)).finish());
        b.receive(b.core_flow(), b.answer(b.find("BYE"), 200, {}, {}));
        b.sent.clear();
    }
    CHECK(b.records.size() == 1000);
    b.run_for(70s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.alive().transactions == 0);
    CHECK(b.stack.alive().timers == 0);
}

TEST_CASE("The answer to what does not parse says where it came from (RFC 3261 18.2.1, RFC 3581 4)") {
    Bench b;
    const Flow from = b.core_flow();
    b.receive(from,
              "OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.77:5062;rport;branch=z9hG4bK7\r\n"
              "From: <sip:a@h>;tag=1\r\nTo: <sip:10.0.0.1>\r\nCall-ID: wrong@h\r\nCSeq: 1 BYE\r\n\r\n");
    const auto answer = b.find("400");
    const auto& parameters = answer.top_via().parameters;
    CHECK(parameters.value("received") == from.remote.address.to_string());
    CHECK(parameters.value("rport") == std::to_string(from.remote.port));
}

}  // namespace sallyport::stack
