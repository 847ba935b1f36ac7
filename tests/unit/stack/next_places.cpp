// Requests within a dialog whose peer's name stands for several places: they go on to the next one when one fails
// (RFC 3263 4.3), and stay with the one that has answered.
#include "tests/unit/stack/next_places.h"

namespace sallyport::stack {

TEST_CASE("A re-INVITE that nobody answers, or 503, goes on to the next place; ACK and BYE go to who has answered") {
    for (const bool refused : {false, true}) {
        PlacesLab b;
        LocatedCall call(b);
        const auto before = call.reinvite();
        REQUIRE(b.last.flow.remote == first_place);
        sip::Message again;
        if (refused) {
            b.receive(from(b.last), b.answer(before, 503, {}, {}));
            b.next("ACK");
            again = b.next("INVITE");
        } else {
            again = b.await("INVITE", 33s, &before);
        }
        CHECK(b.last.flow.remote == second_place);
        check_same_request(again, before);
        CHECK(b.elsewhere() == 1);
        b.receive(from(b.last), call.accept(again));
        CHECK(b.find("ACK").cseq().number == again.cseq().number);
        CHECK(b.last.flow.remote == second_place);
        call.acknowledge_at_pbx();
        const auto next = call.reinvite();
        CHECK(b.last.flow.remote == second_place);
        b.receive(from(b.last), b.answer(next, 488, {}, {}));
        b.find("488");
        const auto bye = call.bye();
        CHECK(b.last.flow.remote == second_place);
        b.receive(from(b.last), b.answer(bye, 200, {}, {}));
        CHECK(b.elsewhere() == 1);
        b.run_for(40s);
        CHECK(b.stack.alive().calls == 0);
    }
}

TEST_CASE("An ACK goes to the place that has answered even where the 2xx names a host that nobody has located yet") {
    PlacesLab b;
    LocatedCall call(b);
    const auto before = call.reinvite();
    b.receive(from(b.last), b.answer(before, 503, {}, {}));
    const auto again = (b.next("ACK"), b.next("INVITE"));
    b.receive(from(b.last), call.accept(again, "<sip:other.example.org>"));
    CHECK(b.find("ACK").request_uri() == "sip:other.example.org");
    CHECK(b.last.flow.remote == second_place);
    PlacesLab after;
    after.give(Restore{b.checkpoints.back().state});
    after.questions.clear();  // DNS says nothing
    after.receive(after.pbx_flow(), call.pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKb").finish());
    after.find("BYE");
    CHECK(after.last.flow.remote == second_place);
}

TEST_CASE("A first place that accepts a re-INVITE too late has its ACK, before and after the next one has answered") {
    PlacesLab b;
    LocatedCall call(b);
    const auto before = call.reinvite();
    const Flow first = from(b.last);
    const auto again = b.await("INVITE", 33s, &before);
    const Flow second = from(b.last);
    b.sent.clear();
    SECTION("before: it has answered the request") {
        b.receive(first, call.accept(before));
        const auto ack = b.next("ACK");
        CHECK(b.last.flow.remote == first_place);
        call.acknowledge_at_pbx();
        b.receive(second, call.accept(again));
        CHECK(b.next("ACK").text() == ack.text());
        call.bye();
        CHECK(b.last.flow.remote == first_place);
    }
    SECTION("after") {
        b.receive(second, call.accept(again));
        const auto ack = b.next("ACK");
        CHECK(b.last.flow.remote == second_place);
        call.acknowledge_at_pbx();
        b.receive(first, call.accept(before));
        CHECK(b.next("ACK").text() == ack.text());
        CHECK(b.last.flow.remote == first_place);
        CHECK(call.bye().method() == sip::Method::bye);
        CHECK(b.last.flow.remote == second_place);
    }
}

TEST_CASE(
    "The CANCEL of a re-INVITE goes where that has gone; a cancelled one goes no further, and BYE where it was last") {
    PlacesLab b;
    b.zones[0].places.emplace_back("192.0.2.79", 5070);
    LocatedCall call(b);
    const auto before = call.reinvite();
    b.receive(from(b.last), b.answer(before, 503, {}, {}));
    const auto again = (b.next("ACK"), b.next("INVITE"));
    b.receive(from(b.last), b.answer(again, 100, {}, {}));
    const auto via = "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKp" + std::to_string(call.branch - 1);
    b.receive(b.pbx_flow(), call.pbx.request("CANCEL", via, call.pbx.local_cseq).finish());
    const auto cancel = b.find("CANCEL");
    CHECK(b.last.flow.remote == second_place);
    CHECK(cancel.top_via().branch == again.top_via().branch);
    b.receive(from(b.last), b.answer(again, 503, {}, {}));
    CHECK(b.elsewhere() == 1);
    b.sent.clear();
    b.receive(b.pbx_flow(), call.pbx.request("ACK", via, call.pbx.local_cseq).finish());
    const auto another = call.reinvite();
    CHECK(b.last.flow.remote == second_place);
    b.receive(from(b.last), b.answer(another, 503, {}, {}));
    b.find("INVITE");
    const auto there = b.last.flow.remote;
    CHECK(there != second_place);
    b.receive(from(b.last), b.answer(another, 100, {}, {}));
    call.pbx.local_cseq += 1;
    b.receive(b.pbx_flow(), call.pbx.request("BYE", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKbye").finish());
    b.find("BYE");
    CHECK(b.last.flow.remote == there);
}

TEST_CASE("A BYE goes on until one place answers or none is left, and the call ends either way") {
    PlacesLab b;
    b.zones[0].places.emplace_back("192.0.2.79", 5070);
    LocatedCall call(b);
    const auto before = call.bye();
    CHECK(b.last.flow.remote == first_place);
    const auto second = b.await("BYE", 33s, &before);
    CHECK(b.last.flow.remote == second_place);
    check_same_request(second, before);
    b.receive(from(b.last), b.answer(second, 503, {}, {}));
    const auto third = b.next("BYE");
    CHECK(b.last.flow.remote == endpoint("192.0.2.79:5070"));
    check_same_request(third, before);
    CHECK(b.stack.alive().calls == 1);
    b.receive(from(b.last), b.answer(third, 503, {}, {}));
    CHECK(b.elsewhere() == 2);
    b.stays_silent(60s);
    CHECK(b.stack.alive().calls == 0);
}

TEST_CASE("When no place is left a re-INVITE fails as it does at a single one: 503 is told, silence ends the call") {
    PlacesLab b;
    LocatedCall call(b);
    const auto first = call.reinvite();
    b.receive(from(b.last), b.answer(first, 503, {}, {}));
    b.next("ACK");
    auto again = b.next("INVITE");
    b.receive(from(b.last), b.answer(again, 503, {}, {}));
    b.next("ACK");
    CHECK(b.next().status() == 503);
    CHECK(b.silent());
    const auto before = call.reinvite();
    b.await("INVITE", 33s, &before);
    CHECK(b.elsewhere() == 2);
    b.await("BYE", 35s);
    REQUIRE(b.records.size() == 1);
    CHECK(b.records[0].reason == "no answer to a re-INVITE");
}

TEST_CASE("A connection that breaks takes the request to the next place, under TLS to none without TLS") {
    for (const auto transport : {Transport::tcp, Transport::tls}) {
        auto realms = Bench::stack_config();
        const auto bind = endpoint("10.0.0.1:5061");
        realms.realms[1].listeners.push_back({Transport::tls, bind, "10.0.0.1", bind.port});
        INFO(to_string(transport));
        const bool tls = transport == Transport::tls;
        Shared node;
        PlacesLab b(node, realms, tls ? config::Transport::tls : config::Transport::tcp);
        b.zones = {{tls ? "_sips._tcp.gw.example.org" : "_sip._tcp.gw.example.org"}};
        if (tls) b.zones.push_back({"_sip._udp.gw.example.org", {{"192.0.2.90", 5060}}});
        LocatedCall call(b, tls ? "<sip:gw.example.org>" : "<sip:gw.example.org;transport=tcp>");
        const auto before = call.reinvite();
        REQUIRE(b.last.flow.remote == first_place);
        REQUIRE(b.last.flow.transport == transport);
        b.give(FlowClosed{b.last.flow, "refused"});
        const auto again = b.next("INVITE");
        CHECK(b.last.flow.remote == second_place);
        CHECK(b.last.flow.transport == transport);
        CHECK(b.last.tls_name == (tls ? "gw.example.org" : ""));
        check_same_request(again, before);
        b.give(FlowClosed{b.last.flow, "refused"});
        for (; !b.silent();) {
            b.next();
            CHECK((b.last.flow.realm == 0 || b.last.flow.transport == transport));
        }
        CHECK(b.elsewhere() >= 1);
    }
}

TEST_CASE("Who is met on a flow, or names an address, has one place: nothing is sent anywhere else") {
    PlacesLab b;
    LocatedCall call(b, "<sip:192.0.2.20:5060>");
    const auto first = call.reinvite();
    b.receive(from(b.last), b.answer(first, 503, {}, {}));
    b.next("ACK");
    CHECK(b.next().status() == 503);
    CHECK(b.silent());
    // Towards the PBX: what its Contact says is not where it is met.
    PlacesLab c;
    c.zones.push_back({"_sips._tcp.gw.example.org"});
    const auto invite = parse(c.core_invite("sip:+4930155@10.0.0.1;user=phone", plain_sdp("192.0.2.21", 6000)));
    c.receive(c.core_flow(), invite.text());
    const auto to_pbx = c.find("INVITE");
    c.receive(c.pbx_flow(), c.answer(to_pbx, 200, "dave", core_contact, secure_sdp("198.51.100.10", 5004, "B")));
    const auto ok = c.find("200");
    c.receive(c.core_flow(), Bench::ack(invite, ok, c.core_flow()));
    c.answer_dns();
    auto core = dialog::Dialog::as_uac(invite, ok, c.core_flow(), {});
    c.receive(c.core_flow(), core.request("BYE", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKbye").finish());
    c.find("200");
    const auto bye = c.next("BYE");
    CHECK(c.last.flow == c.pbx_flow());
    c.receive(c.pbx_flow(), c.answer(bye, 503, {}, {}));
    CHECK(c.silent());
    CHECK(c.elsewhere() == 0);
}

TEST_CASE("A renewal of the session goes on to the next place, and only when none is left the peer is gone") {
    PlacesLab b;
    auto carrier = Bench::default_carrier();
    carrier.session_timers.seconds = 600;
    b.configure(Bench::default_trunk(), carrier);
    LocatedCall call(b, core_contact, "Allow: INVITE, UPDATE\r\nSession-Expires: 600;refresher=uac\r\n");
    b.run_for(299s);
    const auto before = b.await("UPDATE", 2s);
    CHECK(b.last.flow.remote == first_place);
    const auto again = b.await("UPDATE", 33s, &before);
    CHECK(b.last.flow.remote == second_place);
    check_same_request(again, before);
    CHECK(again.first(sip::HeaderName::session_expires) == before.first(sip::HeaderName::session_expires));
    b.receive(from(b.last), b.answer(again, 200, {}, core_contact, {}, "Session-Expires: 600;refresher=uac\r\n"));
    b.await("UPDATE", 302s);
    CHECK(b.last.flow.remote == second_place);
}

}  // namespace sallyport::stack
