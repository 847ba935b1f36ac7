#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/client_messages.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_CASE("an unanswered INVITE over UDP is repeated at doubling intervals and fails after 64*T1 (timers A, B)") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.run_until(60s);
    CHECK(b.log == Lines{"0 tx INVITE", "500 tx INVITE", "1500 tx INVITE", "3500 tx INVITE", "7500 tx INVITE",
                         "15500 tx INVITE", "31500 tx INVITE", "32000 user timeout"});
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
    CHECK(b.layer.statistics().retransmissions_sent.read() == 6);
    CHECK(b.layer.statistics().timeouts.read() == 1);
}

TEST_CASE("over a stream an INVITE is sent once and still fails after 64*T1") {
    LayerBench b(Transport::tls);
    b.send(our_request("INVITE"));
    b.run_until(60s);
    CHECK(b.log == Lines{"0 tx INVITE", "32000 user timeout"});
}

TEST_CASE("a provisional response stops timers A and B: ringing has no end of the transaction's own") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.run_until(600ms);
    b.receive(their_response(180, "INVITE"));
    b.run_until(1h);
    CHECK(b.log == Lines{"0 tx INVITE", "500 tx INVITE", "600 user 180"});
    CHECK(b.timers.size() == 0);
    CHECK(b.layer.size() == 1);
}

TEST_CASE("a refusal is acknowledged, its repetitions too, and the user hears of it once (timer D)") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.receive(their_response(486, "INVITE"));
    b.run_until(500ms);
    b.receive(their_response(486, "INVITE"));
    b.receive(their_response(180, "INVITE"));  // overtaken: absorbed
    b.run_until(60s);
    CHECK(b.log == Lines{"0 tx INVITE", "0 tx ACK", "0 user 486", "500 tx ACK"});
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("timer D lasts 32 s over UDP and nothing over a stream") {
    LayerBench udp;
    udp.send(our_request("INVITE"));
    udp.receive(their_response(404, "INVITE"));
    udp.run_until(31999ms);
    CHECK(udp.layer.size() == 1);
    udp.run_until(32s);
    CHECK(udp.layer.size() == 0);

    LayerBench tcp(Transport::tcp);
    tcp.send(our_request("INVITE"));
    tcp.receive(their_response(404, "INVITE"));
    CHECK(tcp.layer.size() == 0);
}

TEST_CASE(
    "the ACK of a refusal has the INVITE's Request-URI, Via, From, Call-ID, Route and number, the response's To") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.receive(their_response(503, "INVITE"));
    REQUIRE(b.sent.size() == 2);
    const auto ack = sip::Parser::parse(*b.sent[1].bytes);
    REQUIRE(ack.has_value());
    CHECK(ack->request_uri() == "sip:+4930123@carrier.example");
    CHECK(ack->values(sip::HeaderName::via).size() == 1);
    CHECK(ack->top_via().branch == "z9hG4bKours");
    CHECK(ack->from_tag() == "ours");
    CHECK(ack->to_tag() == "theirs");
    CHECK(ack->call_id() == "c1@edge.example");
    CHECK(header(*b.sent[1].bytes, "CSeq") == "4711 ACK");
    CHECK(header(*b.sent[1].bytes, "Route") == "<sip:proxy.carrier.example;lr>");
    CHECK(header(*b.sent[1].bytes, "Content-Length") == "0");
    CHECK(b.sent[1].flow == b.flow);
}

TEST_CASE("every 2xx goes to the user for 64*T1, repeated and forked ones too (RFC 6026, timer M)") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.receive(their_response(200, "INVITE"));
    b.run_until(500ms);
    b.receive(their_response(200, "INVITE"));
    b.receive(their_response(200, "INVITE", "z9hG4bKours", "fork"));
    b.receive(their_response(486, "INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.run_until(32s);
    CHECK(b.layer.size() == 0);
    b.receive(their_response(200, "INVITE"));
    CHECK(b.log == Lines{"0 tx INVITE", "0 user 200", "500 user 200", "500 user 200", "32000 user stray 200"});
}

TEST_CASE("CANCEL waits for a provisional response") {
    LayerBench b;
    const auto id = b.send(our_request("INVITE"));
    b.cancel(id, "SIP;cause=200;text=\"Call completed elsewhere\"");
    CHECK(b.take() == Lines{"0 tx INVITE"});
    b.run_until(200ms);
    b.receive(their_response(100, "INVITE", "z9hG4bKours", ""));
    CHECK(b.take() == Lines{"200 user 100", "200 tx CANCEL"});

    const auto& cancel = *b.sent.back().bytes;
    CHECK(cancel.substr(0, 42) == "CANCEL sip:+4930123@carrier.example SIP/2.");
    CHECK(header(cancel, "Via") == "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours;rport");
    CHECK(header(cancel, "CSeq") == "4711 CANCEL");
    CHECK(header(cancel, "To") == "<sip:+4930123@carrier.example>");
    CHECK(header(cancel, "Route") == "<sip:proxy.carrier.example;lr>");
    CHECK(header(cancel, "Reason") == "SIP;cause=200;text=\"Call completed elsewhere\"");

    b.receive(their_response(200, "CANCEL"));
    b.receive(their_response(487, "INVITE"));
    b.run_until(2min);
    CHECK(b.log == Lines{"200 tx ACK", "200 user 487"});  // the CANCEL's own 200 is nobody's business
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("a CANCEL that crosses the 200 changes nothing: the user gets the 200 and has to end the call") {
    LayerBench b;
    const auto id = b.send(our_request("INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.cancel(id);
    b.receive(their_response(200, "INVITE"));
    b.receive(their_response(200, "CANCEL"));
    CHECK(b.log == Lines{"0 tx INVITE", "0 user 180", "0 tx CANCEL", "0 user 200"});
    b.run_until(2min);
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("no CANCEL once a final response has come, and none twice") {
    LayerBench b;
    const auto id = b.send(our_request("INVITE"));
    b.receive(their_response(200, "INVITE"));
    b.cancel(id);
    CHECK(b.take() == Lines{"0 tx INVITE", "0 user 200"});

    const auto second = b.send(our_request("INVITE", "z9hG4bKsecond"));
    b.receive(their_response(180, "INVITE", "z9hG4bKsecond"));
    b.cancel(second);
    b.cancel(second);
    CHECK(b.take() == Lines{"0 tx INVITE", "0 user 180", "0 tx CANCEL"});
}

TEST_CASE("64*T1 after CANCEL without a final response the INVITE has failed") {
    LayerBench b(Transport::tcp);
    const auto id = b.send(our_request("INVITE"));
    b.receive(their_response(180, "INVITE"));
    b.run_until(10s);
    b.cancel(id);
    b.receive(their_response(200, "CANCEL"));
    b.run_until(42s);
    CHECK(b.log == Lines{"0 tx INVITE", "0 user 180", "10000 tx CANCEL", "42000 user timeout"});
    CHECK(b.layer.size() == 0);
}

TEST_CASE("a CANCEL held back forever ends with the INVITE's own timeout") {
    LayerBench b(Transport::tcp);
    const auto id = b.send(our_request("INVITE"));
    b.cancel(id);
    b.run_until(40s);
    CHECK(b.log == Lines{"0 tx INVITE", "32000 user timeout"});
    CHECK(b.timers.size() == 0);
}

TEST_CASE("a response of another branch, method or with a second Via is not the transaction's") {
    LayerBench b;
    b.send(our_request("INVITE"));
    b.receive(their_response(200, "INVITE", "z9hG4bKother"));
    b.receive(their_response(200, "OPTIONS"));
    b.receive(
        "SIP/2.0 200 OK\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours, SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKproxy\n"
        "From: <sip:a@b>;tag=1\nTo: <sip:c@d>;tag=2\nCall-ID: x\nCSeq: 4711 INVITE\n");
    CHECK(b.log == Lines{"0 tx INVITE", "0 user stray 200", "0 user stray 200"});
    CHECK(b.layer.statistics().stray_responses.read() == 3);
}

TEST_CASE("a request that no parser would take never leaves, and fails at once") {
    LayerBench b;
    const auto id = b.send("INVITE sip:x SIP/2.0\nVia: broken\n");
    CHECK(b.log == Lines{"0 user too large"});
    CHECK(id);
    CHECK(b.layer.size() == 0);
}
