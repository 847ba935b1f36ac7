#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/client_messages.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_CASE("an unanswered BYE over UDP is repeated, at most T2 apart, and fails after 64*T1 (timers E, F)") {
    LayerBench b;
    b.send(our_request("BYE"));
    b.run_until(60s);
    CHECK(b.log == Lines{"0 tx BYE", "500 tx BYE", "1500 tx BYE", "3500 tx BYE", "7500 tx BYE", "11500 tx BYE",
                         "15500 tx BYE", "19500 tx BYE", "23500 tx BYE", "27500 tx BYE", "31500 tx BYE",
                         "32000 user timeout"});
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("after a provisional response a non-INVITE request is repeated every T2") {
    LayerBench b;
    b.send(our_request("OPTIONS"));
    b.run_until(600ms);
    b.receive(their_response(100, "OPTIONS"));
    b.run_until(10s);
    b.receive(their_response(200, "OPTIONS"));
    b.run_until(60s);
    CHECK(b.log == Lines{"0 tx OPTIONS", "500 tx OPTIONS", "600 user 100", "1500 tx OPTIONS", "5500 tx OPTIONS",
                         "9500 tx OPTIONS", "10000 user 200"});
}

TEST_CASE("a provisional response does not stop timer F") {
    LayerBench b(Transport::tcp);
    b.send(our_request("OPTIONS"));
    b.receive(their_response(100, "OPTIONS"));
    b.run_until(60s);
    CHECK(b.log == Lines{"0 tx OPTIONS", "0 user 100", "32000 user timeout"});
}

TEST_CASE("repeated final responses are absorbed for T4 over UDP (timer K), over a stream nothing lingers") {
    LayerBench b;
    b.send(our_request("BYE"));
    b.receive(their_response(200, "BYE"));
    b.receive(their_response(200, "BYE"));
    b.run_until(4999ms);
    CHECK(b.layer.size() == 1);
    b.run_until(5s);
    CHECK(b.layer.size() == 0);
    CHECK(b.log == Lines{"0 tx BYE", "0 user 200"});

    LayerBench tcp(Transport::tcp);
    tcp.send(our_request("BYE"));
    tcp.receive(their_response(481, "BYE"));
    CHECK(tcp.layer.size() == 0);
    CHECK(tcp.timers.size() == 0);
}
