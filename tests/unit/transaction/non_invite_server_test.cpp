#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/server_messages.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_CASE("a repeated request is absorbed while its user thinks, then answered with the same response (timer J)") {
    LayerBench b;
    const auto bye = Received{}.as("BYE", "ours").text();
    b.receive(bye);
    b.receive(bye);
    b.run_until(100ms);
    b.respond(200);
    b.receive(bye);
    b.run_until(32099ms);
    CHECK(b.layer.size() == 1);
    b.run_until(33s);
    CHECK(b.log == Lines{"0 user BYE", "100 tx 200", "100 tx 200"});
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("over a stream nothing lingers after the final response") {
    LayerBench b(Transport::tls);
    b.receive(Received{}.as("OPTIONS").text());
    b.respond(200);
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}

TEST_CASE("a non-INVITE request gets no provisional but 100 and never a 408 (RFC 4320)") {
    LayerBench b;
    b.receive(Received{}.as("OPTIONS").text());
    b.respond(180);
    b.respond(100);
    b.receive(Received{}.as("OPTIONS").text());
    b.respond(408);
    CHECK(b.log == Lines{"0 user OPTIONS", "0 tx 100", "0 tx 100"});
    CHECK(b.layer.size() == 0);
}

TEST_CASE("a request its user never answers is forgotten when its client must have given up") {
    LayerBench b(Transport::tcp);
    b.receive(Received{}.as("OPTIONS").text());
    b.run_until(32s);
    CHECK(b.layer.size() == 0);
    b.respond(b.server, 200);
    CHECK(b.log == Lines{"0 user OPTIONS"});
}

TEST_CASE("CANCEL of a non-INVITE request is answered 200 and has no effect") {
    LayerBench b;
    b.receive(Received{}.as("OPTIONS").text());
    b.receive(Received{}.as("CANCEL").text());
    CHECK(b.log == Lines{"0 user OPTIONS", "0 tx 200"});
}
