// What a trunk's calls cost, from the call's side: paid from answer to end, whoever ends it, also in another process.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

// A trunk with 100 a day and a route that costs 10 a minute.
config::Trunk trunk() {
    auto t = Bench::default_trunk();
    t.limits.cost_per_day = 100;
    return t;
}

// Whether a call of that price would be taken now: while what is spent and three minutes of all calls are within 100.
bool affords(Bench& b, double price) {
    auto& gauges = b.shared.gauges;
    const policy::Level level{.gauge = policy::trunk_gauge("acme"), .cost_per_day = trunk().limits.cost_per_day};
    policy::Holding call{{}, 0, price};
    if (gauges.admit({&level, 1}, call, b.now).admission != policy::Admission::admitted) return false;
    gauges.release(call);
    return true;
}

}  // namespace

TEST_CASE("A call costs from its answer to its end, a re-INVITE nothing more [SC-16.6.1-08]") {
    Bench b(trunk(), 1, 10);
    PbxCall call(b);
    CHECK(affords(b, 23));
    CHECK_FALSE(affords(b, 24));  // 30 ahead for the one that is up
    b.run_for(1min);
    const auto hold = parse(call.from_core("INVITE", plain_sdp("192.0.2.21", 6000, "sendonly", 2)));
    b.receive(b.core_flow(), hold.text());
    const auto reinvite = (b.next("100"), b.next("INVITE"));
    b.receive(b.pbx_flow(), b.answer(reinvite, 200, {}, "<sip:198.51.100.10>",
                                     secure_sdp("198.51.100.10", 5004, "A", "recvonly", 1, 2)));
    b.receive(b.core_flow(), Bench::ack(hold, b.find("200"), b.core_flow()));
    b.run_for(1min);
    CHECK(affords(b, 16));
    CHECK_FALSE(affords(b, 17));  // 20 spent
    b.sent.clear();
    call.hang_up();
    CHECK(affords(b, 26));
    CHECK_FALSE(affords(b, 27));
    b.run_for(10min);
    CHECK(affords(b, 26));
}

TEST_CASE("A call that nobody answers costs nothing") {
    Bench b(trunk(), 1, 10);
    b.bind();
    const auto invite = b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"));
    b.receive(b.pbx_flow(), invite);
    const auto to_core = b.find("INVITE");
    CHECK_FALSE(affords(b, 24));  // it might be answered at any moment
    b.receive(b.core_flow(), b.answer(to_core, 180, "bob", "<sip:192.0.2.20:5060>"));
    b.run_for(1min);
    b.receive(b.core_flow(), b.answer(to_core, 486, "bob", {}));
    b.run_for(1min);
    CHECK(b.stack.alive().calls == 0);
    CHECK(affords(b, 33));
}

TEST_CASE("A call that another process takes up has cost something since its answer") {
    Bench before(trunk(), 1, 10);
    PbxCall call(before);
    REQUIRE(before.checkpoints.size() == 1);

    Bench after(trunk(), 99, 10);
    after.now = before.now + 2min;
    after.bind();
    after.give(Restore{before.checkpoints[0].state});
    REQUIRE(after.stack.alive().calls == 1);
    CHECK(affords(after, 16));
    CHECK_FALSE(affords(after, 17));  // 20 spent, 30 ahead
    after.receive(after.core_flow(), call.from_core("BYE"));
    after.next("200");
    CHECK(affords(after, 26));
    CHECK_FALSE(affords(after, 27));
    after.run_for(10min);
    CHECK(affords(after, 26));
}

TEST_CASE("A dialler that is refused for its trunk's budget is never told to come back or to try elsewhere") {
    Bench b(trunk(), 1, 40);  // three minutes of it are beyond a day's
    b.bind();
    for (int i = 0; i < 60; ++i) {
        b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"),
                                         "dialled" + std::to_string(i)));
        const auto refusal = b.find("603");
        CHECK_FALSE(refusal.has(sip::HeaderName::retry_after));
        b.sent.clear();
    }
    CHECK(b.stack.statistics().calls_refused_budget.read() == 60);
    CHECK(b.shared.gauges.calls(policy::trunk_gauge("acme")) == 0);
}

}  // namespace sallyport::stack
