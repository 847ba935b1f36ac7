#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/server_messages.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_CASE("an INVITE whose user is slow is answered 100 after 200 ms") {
    LayerBench b;
    b.receive(Received{}.text());
    b.run_until(10s);
    CHECK(b.log == Lines{"0 user INVITE", "200 tx 100"});
    CHECK(header(*b.sent[0].bytes, "To") == "<sip:+4930123@edge.example>");  // no tag in a 100
    CHECK(header(*b.sent[0].bytes, "Via").find("received=198.51.100.7") != std::string::npos);
}

TEST_CASE("an INVITE answered within 200 ms gets no 100") {
    LayerBench b;
    b.receive(Received{}.text());
    b.run_until(199ms);
    b.respond(180);
    b.run_until(10s);
    CHECK(b.log == Lines{"0 user INVITE", "199 tx 180"});
}

TEST_CASE("a repeated INVITE is answered with the last provisional response, and the user sees it once") {
    LayerBench b;
    b.receive(Received{}.text());
    b.receive(Received{}.text());
    b.run_until(500ms);
    b.respond(180);
    b.receive(Received{}.text());
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 100", "500 tx 180", "500 tx 180"});
    CHECK(b.layer.statistics().retransmissions_received.read() == 2);
}

TEST_CASE("ACK stops the retransmissions; timer I absorbs late ACKs") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(486);
    b.run_until(600ms);
    b.receive(Received{}.as("ACK", "ours").text());
    b.run_until(3s);
    b.receive(Received{}.as("ACK", "ours").text());
    b.run_until(10s);
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 486", "500 tx 486", "5600 user ended"});
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("a refusal whose ACK is lost is repeated, at most T2 apart, until timer H") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(486);
    b.run_until(60s);
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 486", "500 tx 486", "1500 tx 486", "3500 tx 486", "7500 tx 486",
                         "11500 tx 486", "15500 tx 486", "19500 tx 486", "23500 tx 486", "27500 tx 486", "31500 tx 486",
                         "32000 user ended without ACK"});
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("a repeated INVITE gets the refusal again, and nothing more once it is acknowledged") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(486);
    b.receive(Received{}.text());
    b.receive(Received{}.as("ACK", "ours").text());
    b.receive(Received{}.text());
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 486", "0 tx 486"});
}

TEST_CASE("over a stream a refusal is sent once, waits for its ACK and is over with it") {
    LayerBench b(Transport::tcp);
    b.receive(Received{}.text());
    b.respond(404);
    b.run_until(20s);
    CHECK(b.layer.size() == 1);
    b.receive(Received{}.as("ACK", "ours").text());
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 404", "20000 user ended"});
    CHECK(b.layer.size() == 0);
}

TEST_CASE("after a 2xx the user repeats it, repeated INVITEs are absorbed and ACKs passed on for 64*T1 (timer L)") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(200);
    b.receive(Received{}.text());
    b.run_until(500ms);
    b.respond(200);
    b.respond(180);
    b.respond(486);
    b.receive(Received{}.as("ACK", "ours").text());                     // an old peer: the INVITE's branch
    b.receive(Received{}.as("ACK", "ours").over("z9hG4bKack").text());  // RFC 3261: a branch of its own
    b.run_until(40s);
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 200", "500 tx 200", "500 user ACK without transaction",
                         "500 user ACK without transaction", "32000 user ended"});
    CHECK(b.layer.size() == 0);
}

TEST_CASE("exactly one final response is sent") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(486);
    b.respond(200);
    b.respond(180);
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 486"});
}

TEST_CASE("an ACK before any final response, or of nothing, reaches nobody") {
    LayerBench b;
    b.receive(Received{}.text());
    b.receive(Received{}.as("ACK").text());
    b.receive(Received{}.as("ACK").over("z9hG4bKnothing").text());
    CHECK(b.log == Lines{"0 user INVITE"});
    CHECK(b.layer.statistics().stray_acks.read() == 2);
}

TEST_CASE("CANCEL is answered 200 with the INVITE's To tag and told to the user once") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(180);
    b.receive(Received{}.as("CANCEL").text());
    b.receive(Received{}.as("CANCEL").text());
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 180", "0 tx 200", "0 user cancelled", "0 tx 200"});
    CHECK(header(*b.sent[1].bytes, "To") == "<sip:+4930123@edge.example>;tag=ours");
    CHECK(header(*b.sent[1].bytes, "CSeq") == "1 CANCEL");
    CHECK(*b.sent[1].bytes == *b.sent[2].bytes);
    b.respond(487);
    b.receive(Received{}.as("ACK", "ours").text());
    b.run_until(10s);
    CHECK(b.layer.size() == 0);
}

TEST_CASE("a CANCEL that comes after the final response is answered 200 and changes nothing") {
    LayerBench b;
    b.receive(Received{}.text());
    b.respond(200);
    b.receive(Received{}.as("CANCEL").text());
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 200", "0 tx 200"});
}

TEST_CASE("a CANCEL that matches nothing gets 481, the same one each time") {
    LayerBench b;
    b.receive(Received{}.as("CANCEL").text());
    b.receive(Received{}.as("CANCEL").text());
    CHECK(b.log == Lines{"0 tx 481", "0 tx 481"});
    CHECK(*b.sent[0].bytes == *b.sent[1].bytes);
    CHECK(header(*b.sent[0].bytes, "To").find(";tag=") != std::string::npos);
    CHECK(b.layer.size() == 0);
}

TEST_CASE("an INVITE answered once is forgotten: no retransmission, and its repetition is new") {
    LayerBench b;
    b.receive(Received{}.text());
    transaction::Effects effects;
    b.layer.respond_once(b.server, "SIP/2.0 407 Proxy Authentication Required\r\n\r\n", effects);
    REQUIRE(effects.size() == 1);
    CHECK(std::holds_alternative<transaction::Transmit>(effects[0]));
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
    b.receive(Received{}.as("ACK", "ours").text());
    b.receive(Received{}.text());
    CHECK(b.log == Lines{"0 user INVITE", "0 user ACK without transaction", "0 user INVITE"});
}
