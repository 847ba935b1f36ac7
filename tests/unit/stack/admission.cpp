// Who may do what: registration with Digest, unknown sources, numbers nobody has, limits, what a UAS refuses at sight.
#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

std::string registration(std::uint32_t cseq, std::string_view extra = {},
                         std::string_view aor = "sip:acme@sip.example.net") {
    auto c = sip::Composer::request("REGISTER", "sip:sip.example.net");
    c.add("Via", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKreg" + std::to_string(cseq))
        .add("Max-Forwards", "70")
        .add("From", "<" + std::string(aor) + ">;tag=r")
        .add("To", "<" + std::string(aor) + ">")
        .add("Call-ID", "reg@pbx")
        .add("CSeq", std::to_string(cseq) + " REGISTER")
        .add("Contact", "<sip:198.51.100.10:5061;bnc>")
        .add("Require", "gin")
        .add("Proxy-Require", "gin")
        .add("Supported", "path");
    return Bench::with(c.finish(), extra);
}

std::string authorized(const sip::Message& challenge, std::uint32_t cseq, std::string_view password,
                       std::string_view aor = "sip:acme@sip.example.net", std::size_t which = 0) {
    return registration(cseq,
                        "Authorization: " +
                            credentials(challenge, sip::HeaderName::www_authenticate, "REGISTER", "sip:sip.example.net",
                                        password, which) +
                            "\r\n",
                        aor);
}

std::string request(std::string_view method, std::string_view uri, const Flow& flow, std::string_view extra = {}) {
    auto c = sip::Composer::request(method, uri);
    c.add("Via", "SIP/2.0/" + std::string(to_string(flow.transport)) + " " + flow.remote.to_string() +
                     ";branch=z9hG4bKx" + std::string(method) + std::to_string(std::hash<std::string_view>{}(extra)))
        .add("Max-Forwards", "70")
        .add("From", "<sip:someone@sip.example.net>;tag=f")
        .add("To", "<" + std::string(uri) + ">")
        .add("Call-ID", "x" + std::to_string(std::hash<std::string_view>{}(extra)) + "@somewhere")
        .add("CSeq", "1 " + std::string(method));
    return Bench::with(c.finish(), extra);
}

}  // namespace

TEST_CASE(
    "A PBX registers in bulk: challenged with SHA-256 first and MD5 second, then bound [SC-16.6.1-02] [SC-7-02]") {
    for (const std::size_t which : {0u, 1u}) {
        Bench b;
        b.receive(b.pbx_flow(), registration(1));
        const auto challenge = b.next("401");
        const auto values = challenge.values(sip::HeaderName::www_authenticate);
        REQUIRE(values.size() == 2);
        CHECK(sip::parse_challenge(values[0])->algorithm == "SHA-256");
        CHECK(sip::parse_challenge(values[0])->realm == "sip.example.net");
        CHECK(b.shared.locations.size() == 0);
        b.receive(b.pbx_flow(), authorized(challenge, 2, "secret", "sip:acme@sip.example.net", which));
        b.next("200");
        CHECK(b.shared.locations.size() == 1);
        CHECK(b.stack.statistics().registrations_ok.read() == 1);
        CHECK(b.stack.statistics().registrations.read() == 1);
        // It may call now, without another challenge, and is called over this flow.
        b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
        b.next("100");
        b.next("INVITE");
    }
}

TEST_CASE(
    "A wrong password gets a new challenge and no binding; an unknown AOR looks the same [SC-16.4.1.3-02] "
    "[SC-16.4.1.3-03]") {
    Bench b;
    b.receive(b.pbx_flow(), registration(1));
    b.receive(b.pbx_flow(), authorized(b.next("401"), 2, "wrong"));
    b.next("401");
    CHECK(b.stack.statistics().authentication_failures.read() == 1);
    CHECK(b.shared.locations.size() == 0);
    b.receive(b.pbx_flow(), registration(3, {}, "sip:nobody@sip.example.net"));
    CHECK(b.next("401").values(sip::HeaderName::www_authenticate).size() == 2);
}

TEST_CASE("A recorded request is refused by every shard of the node, whatever Call-ID picks the shard [SC-16.6.1-07]") {
    Bench b;
    SeededRandom random(77);
    auto config = Bench::stack_config();
    config.shard = 1;
    Stack neighbour(config, b.shared, random);
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->revision = b.revision;
    snapshot->trunks.emplace("acme", Bench::default_trunk());
    snapshot->build_indexes();
    Outputs out;
    neighbour.handle(ConfigChanged{snapshot}, b.now, out);
    const auto replay = [&](std::string text) {
        out.clear();
        text.replace(text.find("Call-ID: "), 9, "Call-ID: other-");
        neighbour.handle(StreamMessage{b.pbx_flow(9), text}, b.now, out);
        for (const auto& o : out)
            if (const auto* t = std::get_if<transaction::Transmit>(&o)) return parse(*t->bytes).status();
        return std::uint16_t{0};
    };
    b.receive(b.pbx_flow(), registration(1));
    const auto recorded = authorized(b.next("401"), 2, "secret");
    b.receive(b.pbx_flow(), recorded);
    b.next("200");
    CHECK(replay(recorded) == 401);
    CHECK(b.shared.locations.size() == 1);
    CHECK(neighbour.statistics().registrations_ok.read() == 0);

    // The same for an INVITE of a PBX that has to prove itself: another number would be another call.
    Flow from = b.pbx_flow(11);
    from.remote = endpoint("198.51.100.77:40077");
    const std::string uri = "sip:+442055501@sip.example.net", sdp = secure_sdp("198.51.100.10", 5004, "A");
    b.receive(from, b.invite(uri, sdp, "proven@pbx", 1));
    const auto challenge = b.next("407");
    const auto invite = b.invite(
        uri, sdp, "proven@pbx", 2,
        "Proxy-Authorization: " + credentials(challenge, sip::HeaderName::proxy_authenticate, "INVITE", uri, "secret") +
            "\r\n");
    b.receive(from, invite);
    b.find("INVITE");
    std::string elsewhere = invite;
    elsewhere.replace(elsewhere.find("+442055501"), 10, "+900555555");
    CHECK(replay(elsewhere) == 407);
}

TEST_CASE("A flood of wrong passwords is counted in full, and told ten times a second") {
    Bench b;
    b.shared.lockouts.set_policy({.failures = 0});  // nobody is locked out
    for (std::uint32_t i = 0; i < 50; ++i) {
        b.receive(b.pbx_flow(), registration(1 + 2 * i));
        b.receive(b.pbx_flow(), authorized(b.next("401"), 2 + 2 * i, "wrong"));
        b.next("401");
    }
    CHECK(b.stack.statistics().authentication_failures.read() == 50);
    CHECK(std::count_if(b.facts.begin(), b.facts.end(),
                        [](const auto& f) { return f.event == "authentication-failed"; }) == 10);
}

TEST_CASE("REGISTER is refused for an AOR nobody has, over a transport the trunk may not use, and while draining") {
    Bench b;
    b.receive(b.pbx_flow(), registration(1, {}, "sip:nobody@sip.example.net"));
    b.receive(b.pbx_flow(), authorized(b.next("401"), 2, "secret", "sip:nobody@sip.example.net"));
    b.next("404");
    Flow tcp = b.pbx_flow(9);
    tcp.transport = Transport::tcp;
    b.receive(tcp, registration(3));
    b.receive(tcp, authorized(b.next("401"), 4, "secret"));
    b.next("403");
    b.give(Drain{true});
    b.receive(b.pbx_flow(), registration(5));
    CHECK(b.next("503").has(sip::HeaderName::retry_after));  // [SC-16.4.1.6-01] [SC-16.4.1.6-02]
}

TEST_CASE("A call for help from who is not known yet is asked for its proof, not sent away") {
    auto trunk = Bench::default_trunk();
    trunk.mode = config::TrunkMode::static_;
    trunk.sources = {config::AddressBlock::parse("198.51.100.10/32").value()};
    trunk.transports = {config::Transport::tls};
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    Bench b(trunk);
    Flow tcp = b.pbx_flow(9), udp = b.stranger_flow();
    tcp.transport = Transport::tcp;
    udp.remote.address = b.pbx_flow().remote.address;
    const std::string sdp = secure_sdp("198.51.100.10", 5004, "A");
    b.receive(tcp, b.invite("sip:+442055501@sip.example.net", sdp, "one@p"));
    b.find("403");
    b.receive(tcp, b.invite("sip:112@sip.example.net", sdp, "two@p"));
    CHECK(b.find("INVITE").request_uri().starts_with("sip:112@"));
    // The source of a datagram is what its sender has written.
    b.receive(udp, b.invite("sip:112@sip.example.net", sdp, "three@p"));
    b.find("407");
    b.give(Drain{true});
    b.receive(b.stranger_flow(), b.invite("sip:+442055501@sip.example.net", sdp, "four@p"));
    b.find("503");
    b.receive(b.stranger_flow(), b.invite("sip:112@sip.example.net", sdp, "five@p"));
    b.find("407");
    b.receive(b.stranger_flow(), b.invite("urn:service:sos", sdp, "six@p"));
    b.find("407");
}

TEST_CASE("A trunk's credential registers that trunk only, not its neighbour's AOR in the same domain") {
    Bench b;
    config::Trunk neighbour;
    neighbour.id = "neighbour";
    neighbour.realm = "access";
    neighbour.registration_aor = "sip:neighbour@sip.example.net";
    b.configure(Bench::default_trunk(), Bench::default_carrier(), {neighbour});
    b.sent.clear();
    b.receive(b.pbx_flow(), registration(1, {}, "sip:neighbour@sip.example.net"));
    b.receive(b.pbx_flow(), authorized(b.next("401"), 2, "secret", "sip:neighbour@sip.example.net"));
    b.next("403");
    CHECK(b.shared.locations.size() == 0);
}

TEST_CASE("A static trunk that registers is told so, by status and in the log [SC-7-12]") {
    auto trunk = Bench::default_trunk();
    trunk.mode = config::TrunkMode::static_;
    Bench b(trunk);
    b.receive(b.pbx_flow(), registration(1));
    b.receive(b.pbx_flow(), authorized(b.next("401"), 2, "secret"));
    b.next("403");
    CHECK(b.facts.back().text.find("static mode") != std::string::npos);
}

TEST_CASE(
    "An INVITE over an unknown flow is challenged; right credentials without a registration get 403 [SC-16.4.2-05]") {
    Bench b;
    const std::string uri = "sip:+442055501@sip.example.net";
    b.receive(b.pbx_flow(99), b.invite(uri, secure_sdp("198.51.100.10", 5004, "A"), "n@pbx", 1));
    const auto challenge = b.next("407");
    CHECK(b.stack.alive().transactions == 0);         // nothing is kept for a stranger
    CHECK(b.stack.statistics().invites.read() == 0);  // nor is it anybody's call attempt
    const auto answer =
        "Proxy-Authorization: " + credentials(challenge, sip::HeaderName::proxy_authenticate, "INVITE", uri, "secret") +
        "\r\n";
    b.receive(b.pbx_flow(99), b.invite(uri, secure_sdp("198.51.100.10", 5004, "A"), "n@pbx", 2, answer));
    b.next("403");
    CHECK(b.records.at(0).status == 403);
    CHECK(b.records.at(0).trunk == "acme");
    CHECK(b.stack.statistics().invites.read() == 1);
    b.bind(7);  // registered over another connection: it is who it says
    const auto again = b.invite(uri, secure_sdp("198.51.100.10", 5004, "A"), "n2@pbx", 1);
    b.receive(b.pbx_flow(99), again);
    const auto second = "Proxy-Authorization: " +
                        credentials(b.next("407"), sip::HeaderName::proxy_authenticate, "INVITE", uri, "secret") +
                        "\r\n";
    b.receive(b.pbx_flow(99), b.invite(uri, secure_sdp("198.51.100.10", 5004, "A"), "n2@pbx", 2, second));
    b.next("100");
    b.next("INVITE");
}

TEST_CASE(
    "Who is locked out gets 480 to an INVITE, which is no reason to register, and 403 to REGISTER [SC-16.4.2-05]") {
    auto trunk = Bench::default_trunk();
    trunk.authentication.digest = config::DigestUse::per_request;
    Bench b(trunk);
    b.shared.lockouts.set_policy({.failures = 3, .lasts = 60s});
    b.bind();
    const std::string uri = "sip:+442055501@sip.example.net", sdp = secure_sdp("198.51.100.10", 5004, "A");
    std::uint32_t cseq = 0;
    const auto challenged = [&] {
        b.receive(b.pbx_flow(), b.invite(uri, sdp, "locked@pbx", ++cseq));
        return b.next("407");
    };
    const auto call = [&](const sip::Message& challenge, std::string_view password) {
        const auto proof = credentials(challenge, sip::HeaderName::proxy_authenticate, "INVITE", uri, password);
        b.receive(b.pbx_flow(), b.invite(uri, sdp, "locked@pbx", ++cseq, "Proxy-Authorization: " + proof + "\r\n"));
        return b.next();
    };
    for (int i = 0; i < 3; ++i) CHECK(call(challenged(), "guessed").status() == 407);
    b.receive(b.pbx_flow(), b.invite(uri, sdp, "locked@pbx", ++cseq));
    b.next("480");
    auto options = request("OPTIONS", "sip:sip.example.net", b.pbx_flow());
    options.replace(options.find("sip:someone@"), 12, "sip:acme@");
    b.receive(b.pbx_flow(), options);
    CHECK(b.next().status() == 401);  // the AOR that it gave is another one
    b.receive(b.pbx_flow(), registration(1));
    b.receive(b.pbx_flow(), authorized(b.next("401"), 2, "secret"));
    b.next("403");
    CHECK(b.stack.statistics().refused_locked_out.read() == 2);
    CHECK(b.shared.locations.size() == 1);
    b.run_for(61s);
    CHECK(call(challenged(), "secret").status() == 100);
}

TEST_CASE("The core's strangers get 403 and leave no call behind") {
    Bench b;
    Flow stranger = b.core_flow();
    stranger.remote = endpoint("192.0.2.99:5060");
    b.receive(stranger, b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.99", 6000)));
    b.next("403");
    CHECK(b.records.empty());
    CHECK(b.stack.statistics().requests_refused.read() == 1);
}

TEST_CASE(
    "Numbers: 404 for one nobody has, 480 while its PBX is not registered, 404 for names, 484 for too few digits "
    "[SC-9-08]") {
    Bench b;
    const auto call = [&](std::string_view uri, std::string_view id) {
        b.receive(b.core_flow(), b.core_invite(uri, plain_sdp("192.0.2.21", 6000), id));
        const auto message = b.next();
        b.receive(b.core_flow(), sip::Composer::request("ACK", uri)
                                     .copy(message, sip::HeaderName::via)
                                     .copy(message, sip::HeaderName::from)
                                     .copy(message, sip::HeaderName::to)
                                     .copy(message, sip::HeaderName::call_id)
                                     .add("CSeq", "1 ACK")
                                     .finish());
        return message.status();
    };
    CHECK(call("sip:+4930999@10.0.0.1", "n1") == 404);
    CHECK(call("sip:+4930155@10.0.0.1", "n2") == 480);
    CHECK(call("sip:alice@10.0.0.1", "n3") == 404);
    CHECK(call("sip:110@10.0.0.1", "n4") == 484);
    CHECK(call("tel:+49-30-155", "n5") == 480);
    REQUIRE(b.records.size() == 5);
    CHECK(b.records[1].trunk == "acme");
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("The number of calls is limited exactly; towards the PBX 503 without Retry-After, towards the core 486") {
    auto trunk = Bench::default_trunk();
    trunk.limits.concurrent_calls = 1;
    Bench b(trunk);
    PbxCall call(b);
    b.receive(b.pbx_flow(),
              b.invite("sip:+442055502@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "second@pbx"));
    const auto refusal = b.next("503");
    CHECK_FALSE(refusal.has(sip::HeaderName::retry_after));
    CHECK(refusal.first(sip::HeaderName::reason) == "Q.850;cause=34");
    b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.next("486");
    CHECK(b.stack.statistics().calls_refused_limit.read() == 2);
    call.hang_up();
    b.sent.clear();
    b.receive(b.pbx_flow(),
              b.invite("sip:+442055502@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "third@pbx"));
    b.find("INVITE");
}

TEST_CASE("Calls that come too fast: 503 with Retry-After until the bucket has filled again") {
    auto trunk = Bench::default_trunk();
    trunk.limits.calls_per_second = 2;
    Bench b(trunk);
    b.bind();
    int refused = 0;
    for (int i = 0; i < 5; ++i) {
        b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"),
                                         "fast" + std::to_string(i)));
        while (!b.silent())
            if (const auto m = b.next(); m.status() == 503) {
                ++refused;
                CHECK(m.has(sip::HeaderName::retry_after));
            }
    }
    CHECK(refused == 3);
    b.run_for(500ms);
    b.sent.clear();
    b.receive(b.pbx_flow(),
              b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "later"));
    b.find("INVITE");
}

TEST_CASE("A full shard refuses new calls with 503 and a random Retry-After") {
    SeededRandom random(5);
    Shared shared;
    auto config = Bench::stack_config();
    config.max_calls = 0;
    Stack stack(config, shared, random);
    Bench b;  // for its messages
    auto snapshot = std::make_shared<config::Snapshot>();
    snapshot->carriers.emplace("core", Bench::default_carrier());
    snapshot->trunks.emplace("acme", Bench::default_trunk());
    snapshot->build_indexes();
    Outputs out;
    stack.handle(ConfigChanged{snapshot}, b.now, out);
    stack.handle(b2bua::MediaState{true, 1, {}}, b.now, out);
    shared.locations.update("acme", [&](std::vector<registrar::Binding>& bindings) {
        bindings.push_back(
            {.trunk = "acme", .contact = "sip:198.51.100.10", .flow = b.pbx_flow(), .expires_at = b.now + 60s});
        return true;
    });
    out.clear();
    stack.handle(Datagram{b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000))}, b.now,
                 out);
    CHECK(stack.statistics().calls_refused_full.read() == 1);
}

TEST_CASE("What a UAS refuses at sight: methods, schemes, extensions, content, hops [SC-6-04] [SC-5-01]") {
    Bench b;
    const auto ask = [&](std::string_view method, std::string_view uri, std::string_view extra = {}) {
        b.receive(b.core_flow(), request(method, uri, b.core_flow(), extra));
        return b.next();
    };
    CHECK(ask("MESSAGE", "sip:10.0.0.1").status() == 405);
    CHECK(ask("MESSAGE", "sip:10.0.0.1").has(sip::HeaderName::allow));
    const auto subscribe = ask("SUBSCRIBE", "sip:10.0.0.1", "Event: presence\r\n");
    CHECK(subscribe.status() == 489);
    CHECK(subscribe.first(sip::HeaderName::allow_events) == "reg");
    CHECK(ask("NEWMETHOD", "sip:10.0.0.1").status() == 501);
    CHECK(ask("OPTIONS", "sips:10.0.0.1").status() == 416);
    CHECK(ask("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent", "X: 1\r\n").status() == 416);
    const auto extension = ask("OPTIONS", "sip:10.0.0.1", "Require: nothingSupportsThis\r\n");
    CHECK(extension.status() == 420);
    CHECK(extension.first(sip::HeaderName::unsupported) == "nothingSupportsThis");
    CHECK(ask("BYE", "sip:10.0.0.1").status() == 481);
    CHECK(ask("INVITE", "sip:+4930155@10.0.0.1", "Require: precondition\r\n").status() == 420);

    std::string text = b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000), "type@core");
    text.replace(text.find("application/sdp"), 15, "application/foo");
    b.receive(b.core_flow(), text);
    CHECK(b.next("415").first(sip::HeaderName::accept) == "application/sdp, multipart/mixed");
    text = b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000), "hops@core");
    text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
    b.receive(b.core_flow(), text);
    b.next("483");
}

TEST_CASE("A part of a body that has to be understood and is not refuses the call; any other travels as it came") {
    auto trunk = Bench::default_trunk();
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    Bench b(trunk);
    b.bind();
    const std::string sdp = secure_sdp("198.51.100.10", 5004, "A");
    int calls = 0;
    const auto ask = [&](std::string_view uri, std::string_view part,
                         std::string_view type = "multipart/mixed;boundary=b1") {
        const std::string body = "--b1\r\nContent-Type: application/sdp\r\n\r\n" + sdp + "\r\n--b1\r\n" +
                                 std::string(part) + "\r\n--b1--\r\n";
        std::string text = b.invite(uri, body, std::to_string(++calls) + "@p");
        text.replace(text.find("application/sdp"), 15, type);
        b.sent.clear();
        b.receive(b.pbx_flow(), text);
    };
    constexpr std::string_view
        number = "sip:+442055501@sip.example.net",
        help = "sip:112@sip.example.net", unknown = "Content-Type: application/foo\r\n\r\nbar",
        optional = "Content-Type: application/foo\r\nContent-Disposition: x;handling=optional\r\n\r\nbar",
        location = "Content-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n\r\n<presence/>";
    ask(number, unknown);
    CHECK(b.find("415").has(sip::HeaderName::accept));
    for (const auto& [uri, part] :
         {std::pair{number, optional}, {number, location}, {help, unknown}, {help, location}}) {
        ask(uri, part);
        const auto invite = b.find("INVITE");
        INFO(part);
        CHECK(invite.first(sip::HeaderName::content_type) == "multipart/mixed;boundary=b1");
        const std::string_view body = invite.body();
        CHECK(body.find("\r\n--b1\r\n" + std::string(part) + "\r\n--b1--\r\n") != body.npos);
        CHECK(body.find("c=IN IP4 10.0.0.") != body.npos);
        CHECK(body.find("198.51.100.10") == body.npos);
        CHECK(body.find("RTP/SAVP") == body.npos);
    }
    ask(number, location, "multipart/mixed;boundary=b2");
    CHECK(b.find("400").status() == 400);
    ask(number, "Content-Type: application/sdp\r\n\r\n" + sdp);
    CHECK(b.find("400").status() == 400);
    // Who must not be known is not told of by what comes with his call.
    std::string hidden = b.invite(
        number,
        "--b1\r\nContent-Type: application/sdp\r\n\r\n" + sdp + "\r\n--b1\r\n" + std::string(location) + "\r\n--b1--",
        "hidden@p");
    hidden.replace(hidden.find("application/sdp"), 15, "multipart/mixed;boundary=b1");
    hidden.insert(hidden.find("Max-Forwards"), "Privacy: id\r\n");
    auto carrier = Bench::default_carrier();
    carrier.identity.untrusted = true;
    b.configure(trunk, carrier);
    b.sent.clear();
    b.receive(b.pbx_flow(), hidden);
    CHECK(b.find("INVITE").first(sip::HeaderName::content_type) == "application/sdp");
}

TEST_CASE("OPTIONS: a known peer learns what this node can do, a stranger that it is there") {
    Bench b;
    b.receive(b.core_flow(), request("OPTIONS", "sip:10.0.0.1", b.core_flow()));
    const auto full = b.next("200");
    CHECK(full.has(sip::HeaderName::allow));
    CHECK(full.has(sip::HeaderName::accept));
    CHECK_FALSE(full.has_token(sip::HeaderName::allow, "REGISTER"));  // a core realm has no registrar
    CHECK_FALSE(full.has(sip::HeaderName::supported));
    b.receive(b.stranger_flow(), request("OPTIONS", "sip:203.0.113.1", b.stranger_flow()));
    const auto minimal = b.next("200");
    CHECK_FALSE(minimal.has(sip::HeaderName::allow));
    CHECK_FALSE(minimal.has(sip::HeaderName::server));
    b.give(Drain{true});
    b.receive(b.core_flow(), request("OPTIONS", "sip:10.0.0.1", b.core_flow(), "X-Drain: 1\r\n"));
    b.next("503");
}

TEST_CASE("To an unverified UDP source: one answer a request, never more than three times its bytes") {
    Bench b;
    const Flow from = b.stranger_flow();
    const std::vector<std::string> requests{
        "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a>\r\ni: "
        "1\r\nCSeq: 1 OPTIONS\r\n\r\n",
        "REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK2\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a@b>\r\ni: "
        "2\r\nCSeq: 1 REGISTER\r\n\r\n",
        "INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK3\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a>\r\ni: "
        "3\r\nCSeq: 1 INVITE\r\n\r\n",
        "MESSAGE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK4\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a>\r\ni: "
        "4\r\nCSeq: 1 MESSAGE\r\n\r\n",
        "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK5\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a>;tag=2\r\ni: "
        "5\r\nCSeq: 1 BYE\r\n\r\n",
        "CANCEL sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK6\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a>\r\ni: "
        "6\r\nCSeq: 1 CANCEL\r\n\r\n",
        "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK7\r\nf: <sip:a@b>;tag=1\r\nt: <sip:a>\r\ni: "
        "7\r\nCSeq: x OPTIONS\r\n\r\n"};
    for (const auto& text : requests) {
        INFO(text);
        b.receive(from, text);
        CHECK(b.sent.size() <= 1);
        if (!b.sent.empty()) CHECK(b.sent.front().bytes->size() <= 3 * text.size());
        b.run_for(40s);
        CHECK(b.sent.size() <= 1);
        b.sent.clear();
    }
    b.receive(from, "\r\n\r\n");
    b.receive(from, "GET / HTTP/1.1\r\n\r\n");
    CHECK(b.silent());
    CHECK(b.stack.statistics().dropped_not_sip.read() >= 1);
    CHECK(b.stack.alive().transactions == 0);
}

TEST_CASE("Before the first configuration everything is refused, nothing crashes") {
    SeededRandom random(1);
    Shared shared;
    Stack stack(Bench::stack_config(), shared, random);
    Bench b;
    Outputs out;
    stack.handle(Datagram{b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", "")}, b.now, out);
    stack.handle(StreamMessage{b.pbx_flow(), registration(1)}, b.now, out);
    stack.handle(TimerDue{}, b.now, out);
    stack.handle(Restore{"nonsense"}, b.now, out);
    stack.handle(DnsAnswer{77, {}}, b.now, out);
    std::size_t answers = 0;
    for (const auto& o : out)
        if (const auto* t = std::get_if<transaction::Transmit>(&o)) {
            ++answers;
            CHECK(t->bytes->starts_with("SIP/2.0 503"));
        }
    CHECK(answers == 2);
}

}  // namespace sallyport::stack
