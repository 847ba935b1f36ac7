#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/client_messages.h"
#include "tests/unit/transaction/server_messages.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {
sip::ViaView via(std::string_view text) {
    const auto parsed = sip::view_via(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}
Endpoint source(std::uint16_t port) { return {IpAddress::v4(198, 51, 100, 7), port}; }
}  // namespace

TEST_CASE("a UDP response goes to the source address: to its port with rport, else to that of sent-by") {
    Flow flow = flow_over(Transport::udp);
    flow.remote = source(40'000);
    using transaction::response_flow;
    CHECK(response_flow(flow, via("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx;rport")).remote == source(40'000));
    CHECK(response_flow(flow, via("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx")).remote == source(5070));
    CHECK(response_flow(flow, via("SIP/2.0/UDP pbx.example;branch=z9hG4bKx")).remote == source(5060));
    CHECK(response_flow(flow, via("SIP/2.0/UDP x;maddr=203.0.113.66;branch=z9hG4bKx")).remote == source(5060));
}

TEST_CASE("a stream response goes over the same connection, else to the source address with the port of sent-by") {
    Flow flow = flow_over(Transport::tls, 9);
    flow.remote = source(40'000);
    using transaction::response_flow;
    CHECK(response_flow(flow, via("SIP/2.0/TLS 10.0.0.1:5071;branch=z9hG4bKx;rport")) == flow);
    flow.connection = 0;
    CHECK(response_flow(flow, via("SIP/2.0/TLS 10.0.0.1:5071;branch=z9hG4bKx;rport")).remote == source(5071));
    CHECK(response_flow(flow, via("SIP/2.0/TLS 10.0.0.1;branch=z9hG4bKx")).remote == source(5061));
}

TEST_CASE("our Via names the advertised address of the realm") {
    Realm realm;
    realm.listeners = {{Transport::udp, {IpAddress::v4(10, 0, 0, 1), 5060}, "edge.example", 0},
                       {Transport::tls, {*IpAddress::parse("fd00::1"), 5061}, "[2001:db8::1]", 5061}};
    CHECK(transaction::via_text(realm, Transport::udp, Family::v4, "z9hG4bK1") ==
          "SIP/2.0/UDP edge.example;branch=z9hG4bK1;rport");
    CHECK(transaction::via_text(realm, Transport::tls, Family::v6, "z9hG4bK2") ==
          "SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK2;rport");
}

TEST_CASE("a connection that breaks fails the client transactions on it, and no others") {
    LayerBench b(Transport::tcp);
    const Flow other = flow_over(Transport::tcp, 78);
    b.send(our_request("INVITE"));
    b.send(our_request("BYE", "z9hG4bKbye"));
    b.send_on(other, our_request("OPTIONS", "z9hG4bKother"));
    b.take();
    b.close(b.flow);
    CHECK(b.log == Lines{"0 user transport failure", "0 user transport failure"});
    CHECK(b.layer.size() == 1);
    CHECK(b.layer.statistics().transport_failures.read() == 2);
    b.close(b.flow);
    CHECK(b.log.size() == 2);
}

TEST_CASE("a connection that could not be opened fails what was to be sent over it") {
    LayerBench b(Transport::tls);
    Flow unopened = b.flow;
    unopened.connection = 0;
    unopened.local = {};
    b.send_on(unopened, our_request("INVITE"), "carrier.example");
    CHECK(b.sent[0].tls_name == "carrier.example");
    Flow elsewhere = unopened;
    elsewhere.remote.port = 5099;
    b.close(elsewhere);
    CHECK(b.layer.size() == 1);
    b.close(unopened);
    CHECK(b.log == Lines{"0 tx INVITE", "0 user transport failure"});
    CHECK(b.timers.size() == 0);
}

TEST_CASE("a second connection that could not be opened leaves those that are open alone") {
    LayerBench b(Transport::tcp);
    Flow unopened = b.flow;
    unopened.connection = 0;
    b.send(our_request("INVITE"));
    b.send_on(unopened, our_request("BYE", "z9hG4bKbye"));
    b.close(unopened);
    CHECK(b.log == Lines{"0 tx INVITE", "0 tx BYE", "0 user transport failure"});
    b.receive(their_response(180, "INVITE"));
    CHECK(b.log.back() == "0 user 180");
}

TEST_CASE("once the peer has answered, ACK and CANCEL use the connection it answered on") {
    LayerBench b(Transport::tcp);
    Flow unopened = b.flow;
    unopened.connection = 0;
    const auto id = b.send_on(unopened, our_request("INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.cancel(id);
    CHECK(b.sent.back().flow.connection == 77);
}

TEST_CASE("a ringing INVITE outlives its connection: answered over another one, acknowledged there [RFC 3261 18.2.2]") {
    LayerBench b(Transport::tcp);
    b.send(our_request("INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.take();
    b.close(b.flow);
    CHECK(b.log.empty());
    CHECK(b.layer.size() == 1);
    b.receive_on(flow_over(Transport::tcp, 99), their_response(486, "INVITE"));
    CHECK(b.log == Lines{"0 tx ACK", "0 user 486"});
    CHECK(b.sent.back().flow.connection == 99);
}

TEST_CASE("a ringing INVITE whose connection is gone is cancelled over a new one, and given up 64*T1 later") {
    LayerBench b(Transport::tcp);
    const auto id = b.send(our_request("INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.close(b.flow);
    b.take();
    b.cancel(id);
    CHECK(b.log == Lines{"0 tx CANCEL"});
    CHECK(b.sent.back().flow.connection == 0);
    b.run_until(33s);
    CHECK(b.log.back() == "32000 user timeout");
    CHECK(b.layer.size() == 0);
}

TEST_CASE("an ICMP error, which anybody can forge, does not end a ringing INVITE; it ends one nobody has answered") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.send(our_request("INVITE", "z9hG4bKunanswered"));
    b.take();
    b.close(b.flow);
    CHECK(b.log == Lines{"0 user transport failure"});
    b.receive(their_response(200, "INVITE"));
    CHECK(b.log.back() == "0 user 200");
}

TEST_CASE("what no datagram or no parser takes is never sent, and that says nothing about the peer") {
    const auto invite_of = [](std::size_t bytes) {
        std::string text = our_request("INVITE");
        const auto room = [&] { return bytes - wire(text).size(); };
        while (room() > 12'000) text += "Subject: " + std::string(10'000, 's') + "\n";
        text += "Subject: " + std::string(room() - 11, 's') + "\n";
        REQUIRE(wire(text).size() == bytes);
        return text;
    };
    for (const auto transport : {Transport::udp, Transport::tcp}) {
        LayerBench b(transport);
        const Lines sent{"0 tx INVITE"}, kept{"0 user too large"};
        b.send(invite_of(65'507));
        CHECK(b.take() == sent);
        b.send(invite_of(65'508));
        CHECK(b.take() == (transport == Transport::udp ? kept : sent));
        b.send(invite_of(65'535));
        CHECK(b.take() == (transport == Transport::udp ? kept : sent));
        b.send(invite_of(65'536));
        CHECK(b.take() == kept);
    }
}

TEST_CASE("an accepted INVITE survives its connection: the peer may repeat its 200 over another one") {
    LayerBench b(Transport::tcp);
    b.send(our_request("INVITE"));
    b.receive(their_response(200, "INVITE"));
    b.close(b.flow);
    b.receive_on(flow_over(Transport::tcp, 99), their_response(200, "INVITE"));
    CHECK(b.log == Lines{"0 tx INVITE", "0 user 200", "0 user 200"});
    b.run_until(32s);
    CHECK(b.layer.size() == 0);
}

TEST_CASE("the answer to a request whose connection is gone is sent to sent-by over a new one") {
    LayerBench b(Transport::tls);
    Received request;
    request.via = "SIP/2.0/TLS pbx.example:5071";
    b.receive(request.text());
    b.close(b.flow);
    b.respond(486);
    REQUIRE(b.sent.size() == 1);
    CHECK(b.sent[0].flow.connection == 0);
    CHECK(b.sent[0].flow.remote == source(5071));
    CHECK(b.sent[0].tls_name == "pbx.example");
    b.run_until(32s);
    CHECK(b.layer.size() == 0);
}

TEST_CASE("a close of UDP flows touches only client transactions to that address") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.receive(Received{}.text());
    b.close(b.flow);  // e.g. ICMP port unreachable
    CHECK(b.log == Lines{"0 tx INVITE", "0 user INVITE", "0 user transport failure"});
    CHECK(b.layer.size() == 1);
}
