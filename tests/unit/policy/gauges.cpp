#include "signaling/policy/gauges.h"

#include "control/config/model.h"

#include "signaling/policy/refusal_limit.h"

#include <array>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

namespace sallyport::policy {

static const TimePoint start{std::chrono::seconds(1'800'000'000)};

namespace {

// Gauges as trunks alone use them.
struct TrunkGauges : CallGauges {
    static Holding holding(std::string_view trunk, double price) {
        return {{trunk_gauge(trunk)}, 0, price, {trunk_gauge(trunk)}};
    }
    Admission admit(std::string_view trunk, const config::Limits& l, TimePoint now, double price = 0) {
        const Level level{trunk_gauge(trunk), l.concurrent_calls, l.calls_per_second, l.burst, 0, l.cost_per_day};
        Holding call = holding(trunk, price);
        return CallGauges::admit({&level, 1}, call, now).admission;
    }
    void hold(std::string_view trunk, double price = 0) { CallGauges::hold(holding(trunk, price)); }
    void release(std::string_view trunk, double price = 0) { CallGauges::release(holding(trunk, price)); }
    std::uint32_t calls(std::string_view trunk) const { return CallGauges::calls(trunk_gauge(trunk)); }
};

}  // namespace

TEST_CASE("A trunk gets as many calls as its limit, and one more when one has ended") {
    TrunkGauges gauges;
    const config::Limits limits{.concurrent_calls = 2};
    CHECK(gauges.admit("a", limits, start) == Admission::admitted);
    CHECK(gauges.admit("a", limits, start) == Admission::admitted);
    CHECK(gauges.admit("a", limits, start) == Admission::too_many_calls);
    CHECK(gauges.admit("b", limits, start) == Admission::admitted);
    gauges.release("a");
    CHECK(gauges.calls("a") == 1);
    CHECK(gauges.admit("a", limits, start) == Admission::admitted);
}

TEST_CASE("Calls per second: a second's worth at once, then at the pace of the limit") {
    TrunkGauges gauges;
    const config::Limits limits{.calls_per_second = 4};
    int admitted = 0;
    for (int i = 0; i < 10; ++i) admitted += gauges.admit("a", limits, start) == Admission::admitted;
    CHECK(admitted == 4);
    CHECK(gauges.calls("a") == 4);  // a refused one holds nothing
    CHECK(gauges.admit("a", limits, start + 249ms) == Admission::too_fast);
    CHECK(gauges.admit("a", limits, start + 250ms) == Admission::admitted);
    CHECK(gauges.admit("a", limits, start + 251ms) == Admission::too_fast);
}

TEST_CASE("A call that another trunk pays for leaves the budget of its first one as it is") {
    TrunkGauges gauges;
    const config::Limits limits{.cost_per_day = 24};
    gauges.begin_spending("a", 10, start - 2min, start);  // 20 spent by now
    gauges.end_spending("a", 10, start);
    CHECK(gauges.admit("a", limits, start, 2) == Admission::over_budget);
    std::array levels{Level{.gauge = trunk_gauge("a"), .pays = false},
                      Level{.gauge = trunk_gauge("b"), .cost_per_day = 24}};
    Holding call{{}, 0, 1};
    REQUIRE(gauges.CallGauges::admit(levels, call, start).admission == Admission::admitted);
    gauges.CallGauges::release(call);
    CHECK(gauges.admit("a", limits, start, 2) == Admission::over_budget);
}

TEST_CASE("What a call may cost within three minutes is kept free in the budget of who pays for it, and in no other") {
    TrunkGauges gauges;
    const config::Limits limits{.cost_per_day = 24};
    const std::array levels{Level{.gauge = trunk_gauge("a"), .pays = false}, Level{.gauge = customer_gauge("c")},
                            Level{.gauge = trunk_gauge("b"), .cost_per_day = 24}};
    Holding call{{}, 0, 7};
    REQUIRE(gauges.CallGauges::admit(levels, call, start).admission == Admission::admitted);
    CHECK(call.payers == std::vector{trunk_gauge("b")});
    CHECK(gauges.admit("b", limits, start, 2) == Admission::over_budget);
    CHECK(gauges.admit("a", limits, start, 8) == Admission::admitted);
    gauges.release("a", 8);
    gauges.CallGauges::release(call);
    CHECK(gauges.admit("b", limits, start, 8) == Admission::admitted);
    CHECK(gauges.admit("a", limits, start, 8) == Admission::admitted);
    gauges.release("a", 8);
    // What costs nothing is paid for by nobody.
    Holding free;
    REQUIRE(gauges.CallGauges::admit(levels, free, start).admission == Admission::admitted);
    CHECK(free.payers.empty());
}

TEST_CASE("A call that holds more than any call begins with is counted like every other one") {
    CallGauges gauges;
    Holding call, next;
    for (int i = 0; i < 40; ++i) call.gauges.push_back(number_gauge("a", std::to_string(100 + i)));
    for (int i = 0; i < 40; ++i) next.gauges.push_back(number_gauge("a", std::to_string(120 + i)));
    gauges.hold(call);
    gauges.exchange(next, call);
    CHECK(gauges.uses("").size() == 40);
    CHECK(gauges.calls(number_gauge("a", "119")) == 0);
    CHECK(gauges.calls(number_gauge("a", "120")) == 1);
    gauges.release(next);
    CHECK(gauges.uses("").empty());
}

TEST_CASE("Slower than one call a second is a limit too") {
    TrunkGauges gauges;
    const config::Limits limits{.calls_per_second = 0.5};
    CHECK(gauges.admit("a", limits, start) == Admission::admitted);
    CHECK(gauges.admit("a", limits, start + 1s) == Admission::too_fast);
    CHECK(gauges.admit("a", limits, start + 2s) == Admission::admitted);
}

TEST_CASE("A budget: a call with a price is taken while three more minutes of all can be paid; forgiven over the day") {
    TrunkGauges gauges;
    const config::Limits limits{.cost_per_day = 24};
    const auto try_call = [&](double price, TimePoint now) {
        const auto admission = gauges.admit("a", limits, now, price);
        if (admission == Admission::admitted) gauges.release("a", price);
        return admission;
    };
    REQUIRE(gauges.admit("a", limits, start, 2) == Admission::admitted);
    gauges.begin_spending("a", 2, start, start);
    CHECK(try_call(2, start + 5min) == Admission::admitted);     // 10, and 12 ahead
    CHECK(try_call(2, start + 8min) == Admission::over_budget);  // 16, and 12 ahead
    CHECK(try_call(0, start + 8min) == Admission::admitted);     // what costs nothing is not refused
    CHECK(gauges.calls("a") == 1);
    gauges.end_spending("a", 2, start + 10min);
    gauges.release("a", 2);
    CHECK(try_call(2, start + 10min) == Admission::over_budget);       // 20, and 6 ahead
    CHECK(try_call(2, start + 10min + 1h) == Admission::over_budget);  // 1 of it forgiven
    CHECK(try_call(2, start + 10min + 2h) == Admission::admitted);
    gauges.begin_spending("a", 2, start + 90h, start + 90h);  // no credit for the days without calls
    CHECK(try_call(2, start + 90h + 10min) == Admission::over_budget);
}

TEST_CASE("A burst of calls that nobody has answered yet is within the budget, too") {
    TrunkGauges gauges;
    const config::Limits limits{.cost_per_day = 24};
    int admitted = 0;
    for (int i = 0; i < 10; ++i) admitted += gauges.admit("a", limits, start, 2) == Admission::admitted;
    CHECK(admitted == 4);
    CHECK(gauges.calls("a") == 4);
    for (int i = 0; i < admitted; ++i) gauges.release("a", 2);  // none was answered: nothing was spent
    CHECK(gauges.admit("a", limits, start, 8) == Admission::admitted);
}

TEST_CASE("Without a budget calls may cost what they cost, and nobody pays for it when one is given") {
    TrunkGauges gauges;
    config::Limits limits{.cost_per_day = 0};
    CHECK(gauges.admit("a", limits, start, 1'000) == Admission::admitted);
    gauges.begin_spending("a", 1'000, start, start);
    gauges.end_spending("a", 1'000, start + 1h);
    gauges.release("a", 1'000);
    CHECK(gauges.admit("a", limits, start + 1h, 1'000) == Admission::admitted);
    gauges.release("a", 1'000);
    limits.cost_per_day = 24;
    CHECK(gauges.admit("a", limits, start + 1h, 2) == Admission::admitted);
}

TEST_CASE("What went beyond the budget costs no second day") {
    TrunkGauges gauges;
    const config::Limits limits{.cost_per_day = 24};
    CHECK(gauges.admit("a", limits, start, 2) == Admission::admitted);
    gauges.begin_spending("a", 2, start, start);
    gauges.end_spending("a", 2, start + 10h);  // 1,200
    gauges.release("a", 2);
    CHECK(gauges.admit("a", limits, start + 10h, 2) == Admission::over_budget);
    CHECK(gauges.admit("a", limits, start + 17h, 2) == Admission::admitted);
}

TEST_CASE("A call that was found again has cost something since it was answered") {
    TrunkGauges gauges;
    const config::Limits limits{.cost_per_day = 24};
    gauges.hold("a", 2);
    gauges.begin_spending("a", 2, start - 8min, start);
    CHECK(gauges.admit("a", limits, start, 2) == Admission::over_budget);  // 16, and 12 ahead
    gauges.end_spending("a", 2, start);
    gauges.release("a", 2);
    CHECK(gauges.calls("a") == 0);
    CHECK(gauges.admit("a", limits, start, 2) == Admission::admitted);  // 16, and 6 ahead
}

TEST_CASE("The limit is exact when shards compete for the last places") {
    TrunkGauges gauges;
    const config::Limits limits{.concurrent_calls = 1000};
    std::atomic<int> admitted{0};
    std::vector<std::thread> shards;
    for (int s = 0; s < 4; ++s)
        shards.emplace_back([&] {
            for (int i = 0; i < 500; ++i) admitted += gauges.admit("a", limits, start) == Admission::admitted;
        });
    for (auto& shard : shards) shard.join();
    CHECK(admitted == 1000);
    CHECK(gauges.calls("a") == 1000);
}

TEST_CASE("Trunks that are no longer provisioned are forgotten once they are idle") {
    TrunkGauges gauges;
    gauges.hold("gone");
    gauges.prune([](std::string_view) { return false; });
    CHECK(gauges.calls("gone") == 1);
    gauges.release("gone");
    gauges.prune([](std::string_view) { return false; });
    CHECK(gauges.calls("gone") == 0);
    gauges.release("gone");  // nothing to give back any more
    CHECK(gauges.calls("gone") == 0);
}

TEST_CASE("A release too many takes a gauge below nothing no more than a limit is passed") {
    TrunkGauges gauges;
    const config::Limits limits{.concurrent_calls = 1};
    CHECK(gauges.admit("a", limits, start) == Admission::admitted);
    gauges.release("a");
    gauges.release("a");
    CHECK(gauges.calls("a") == 0);
    CHECK(gauges.admit("a", limits, start) == Admission::admitted);
    CHECK(gauges.admit("a", limits, start) == Admission::too_many_calls);
}

TEST_CASE("Pruning in the middle of admitting loses no call") {
    TrunkGauges gauges;
    std::atomic<bool> done{false};
    std::thread pruner([&] {
        while (!done) gauges.prune([](std::string_view) { return false; });
    });
    for (int round = 0; round < 20'000; ++round) {
        if (gauges.admit("a", {}, start) != Admission::admitted) FAIL();
        if (gauges.calls("a") != 1) FAIL("a call is held that no gauge knows of");
        gauges.release("a");
        gauges.hold("a");
        if (gauges.calls("a") != 1) FAIL("a call is held that no gauge knows of");
        gauges.release("a");
    }
    done = true;
    pruner.join();
    CHECK(gauges.calls("a") == 0);
}

TEST_CASE("Refused attempts are recorded up to a limit of each party, and again when it has slowed down") {
    RefusalLimit limit;
    int recorded = 0;
    for (int i = 0; i < 1'000; ++i) recorded += limit.try_take("acme", start);
    CHECK(recorded == RefusalLimit::per_second);
    CHECK(limit.try_take("core", start));
    CHECK_FALSE(limit.try_take("acme", start + 49ms));
    CHECK(limit.try_take("acme", start + 50ms));
    CHECK(limit.size() == 2);
    limit.forget_idle(start + 3s);
    CHECK(limit.size() == 0);
}

}  // namespace sallyport::policy
