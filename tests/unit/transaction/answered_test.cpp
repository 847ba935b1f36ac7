// Requests that were answered as they came, and of which nothing but the answer is kept.
#include <algorithm>

#include "signaling/sip/compose.h"
#include "signaling/transaction/key.h"
#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/server_messages.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

Received registration(int number = 1) {
    auto r = Received{}.as("REGISTER").over("z9hG4bKr" + std::to_string(number));
    r.number = number;
    return r;
}

struct Bench : LayerBench {
    using LayerBench::LayerBench;
    // False: it is to be received.
    bool answer(const Received& request) {
        const auto asked = message(request.text());
        const auto admitted = layer.admit(transaction::server_key_of("REGISTER", asked.top_via()),
                                          transaction::merge_key_of("REGISTER", std::to_string(request.number),
                                                                    request.from_tag, request.call_id, request.uri),
                                          asked.text().size(), now);
        if (!admitted) return false;
        layer.answer_new(*admitted, flow, flow, sip::respond(asked, 200, "ours", nullptr).finish(), now, made);
        return true;
    }
    transaction::Effects made;
};

}  // namespace

TEST_CASE(
    "a request that was answered as it came is answered again, and not seen, until timer J ends (RFC 3261 17.2.2)") {
    Bench b;
    REQUIRE(b.answer(registration()));
    CHECK(b.made.size() == 1);
    CHECK(b.layer.size() == 1);
    CHECK_FALSE(b.answer(registration()));
    b.receive(registration().text());
    CHECK(b.take() == Lines{"0 tx 200"});
    CHECK(b.layer.statistics().retransmissions_received.read() == 1);
    CHECK(b.layer.load_of(b.flow.remote.address).open == 1);
    CHECK(b.layer.load_of(b.flow.remote.address).bytes == b.layer.kept_bytes());
    b.run_until(31'900ms);
    b.receive(registration().text());
    CHECK(b.take() == Lines{"31900 tx 200"});
    b.run_until(32'200ms);
    CHECK(b.layer.size() == 0);
    CHECK(b.layer.kept_bytes() == 0);
    CHECK(b.layer.load_of(b.flow.remote.address).open == 0);
    CHECK(b.timers.size() == 0);
    b.receive(registration().text());
    CHECK(b.take() == Lines{"32200 user REGISTER"});
}

TEST_CASE("its CANCEL comes too late and gets 200 with the tag of the answer (RFC 3261 9.2)") {
    Bench b;
    REQUIRE(b.answer(registration()));
    b.receive(registration().as("CANCEL").text());
    CHECK(b.take() == Lines{"0 tx 200"});
}

TEST_CASE("many that were answered one after the other are forgotten in their order, and count for the limit") {
    Bench b(Transport::udp, 100);
    for (int i = 1; i <= 100; ++i) {
        REQUIRE(b.answer(registration(i)));
        b.run_until(i * 10ms);
    }
    CHECK_FALSE(b.answer(registration(101)));
    CHECK(b.layer.is_full());
    b.run_until(32'550ms);
    CHECK(b.layer.size() <= 50);  // and those that end within the next tenth of a second
    CHECK(b.layer.size() >= 35);
    b.receive(registration(100).text());
    CHECK(b.take() == Lines{"32550 tx 200"});
    REQUIRE(b.answer(registration(1)));
    b.run_until(33'200ms);
    CHECK(b.layer.size() == 1);
    b.run_until(65s);
    CHECK(b.layer.size() == 0);
    CHECK(b.timers.size() == 0);
}
