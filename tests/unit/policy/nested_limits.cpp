// Limits within limits: a number's within its trunk's within its customer's, counted in all of them or in none.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <thread>

#include "control/base/random.h"
#include "signaling/policy/gauges.h"

namespace sallyport::policy {
namespace {

const TimePoint start{std::chrono::seconds(1'800'000'000)};

struct Nest {
    Level customer{.gauge = customer_gauge("acme")}, trunk{.gauge = trunk_gauge("acme-hq")},
        number{.gauge = number_gauge("acme-hq", "+4930100")};
    std::vector<Level> levels() const { return {customer, trunk, number}; }
};

std::array<std::uint32_t, 3> calls(const CallGauges& gauges, const Nest& nest) {
    return {gauges.calls(nest.customer.gauge), gauges.calls(nest.trunk.gauge), gauges.calls(nest.number.gauge)};
}

using Counts = std::array<std::uint32_t, 3>;

}  // namespace

TEST_CASE("A call is counted in its number, its trunk and its customer, or in none of them") {
    CallGauges gauges;
    Nest nest;
    nest.customer.concurrent_calls = 3;
    nest.trunk.concurrent_calls = 2;
    nest.number.concurrent_calls = 1;
    Holding first, second;
    CHECK(gauges.admit(nest.levels(), first, start).admission == Admission::admitted);
    const auto refused = gauges.admit(nest.levels(), second, start);
    CHECK(refused.admission == Admission::too_many_calls);
    CHECK(refused.level == 2);
    CHECK(second.gauges.empty());
    CHECK(calls(gauges, nest) == Counts{1, 1, 1});
    Nest other = nest;
    other.number.gauge = number_gauge("acme-hq", "+4930101");
    CHECK(gauges.admit(other.levels(), second, start).admission == Admission::admitted);
    Holding third;
    other.number.gauge = number_gauge("acme-hq", "+4930102");
    CHECK(gauges.admit(other.levels(), third, start).level == 1);
    other.trunk.gauge = trunk_gauge("acme-branch");
    CHECK(gauges.admit(other.levels(), third, start).admission == Admission::admitted);
    Holding fourth;
    other.trunk.gauge = trunk_gauge("acme-lab");
    CHECK(gauges.admit(other.levels(), fourth, start).level == 0);
    gauges.release(first);
    CHECK(calls(gauges, nest) == Counts{2, 1, 0});
    gauges.release(second);
    gauges.release(third);
    CHECK(calls(gauges, nest) == Counts{0, 0, 0});
    CHECK(gauges.uses("").empty());
}

TEST_CASE("Bandwidth: what was taken is what is given back, whatever comes next") {
    CallGauges gauges;
    Nest nest;
    nest.customer.bandwidth_kbps = 200;
    Holding wide{.kbps = 88}, narrow{.kbps = 24}, unmeasured, more{.kbps = 88};
    CHECK(gauges.admit(nest.levels(), wide, start).admission == Admission::admitted);
    CHECK(gauges.admit(nest.levels(), narrow, start).admission == Admission::admitted);
    CHECK(gauges.admit(nest.levels(), more, start).admission == Admission::admitted);  // 200 of 200
    Holding too_much{.kbps = 1};
    const auto refused = gauges.admit(nest.levels(), too_much, start);
    CHECK(refused.admission == Admission::too_much_bandwidth);
    CHECK(refused.level == 0);
    CHECK(gauges.admit(nest.levels(), unmeasured, start).admission == Admission::admitted);
    CHECK(gauges.use(nest.trunk.gauge).kbps == 200);
    gauges.release(narrow);
    CHECK(gauges.use(nest.customer.gauge).kbps == 176);
    for (const auto* call : {&wide, &more, &unmeasured}) gauges.release(*call);
    CHECK(gauges.use(nest.customer.gauge).kbps == 0);
    CHECK(gauges.use(nest.trunk.gauge).kbps == 0);
}

TEST_CASE("A burst lets so many through at once, then the pace of the limit; a refused call takes nobody's turn") {
    CallGauges gauges;
    Nest nest;
    nest.customer.calls_per_second = 10;
    nest.trunk.calls_per_second = 1;
    nest.trunk.burst = 5;
    const auto attempt = [&](TimePoint now) {
        Holding call;
        return gauges.admit(nest.levels(), call, now).admission;
    };
    int admitted = 0;
    for (int i = 0; i < 50; ++i) admitted += attempt(start) == Admission::admitted;
    CHECK(admitted == 5);
    CHECK(attempt(start + 999ms) == Admission::too_fast);
    CHECK(attempt(start + 1s) == Admission::admitted);
    // The 45 that were refused have left the customer's turns alone: five are over at that moment.
    nest.trunk.gauge = trunk_gauge("acme-branch");
    nest.trunk.burst = 100;
    admitted = 0;
    for (int i = 0; i < 50; ++i) admitted += attempt(start + 1s) == Admission::admitted;
    CHECK(admitted == 9);
}

TEST_CASE("What a call holds is exchanged in one moment: its own place is no obstacle, and kept where it is refused") {
    CallGauges gauges;
    Nest nest;
    nest.customer.concurrent_calls = 1;
    nest.customer.calls_per_second = 1;
    nest.trunk.concurrent_calls = 1;
    Holding call{.kbps = 80};
    REQUIRE(gauges.admit(nest.levels(), call, start).admission == Admission::admitted);
    Nest overflow = nest;
    overflow.trunk.gauge = trunk_gauge("acme-dr");
    overflow.number.gauge = number_gauge("acme-hq", "+4930101");
    Holding moved{.kbps = 80};
    CHECK(gauges.admit(overflow.levels(), moved, start, &call).admission == Admission::admitted);
    CHECK(calls(gauges, nest) == Counts{1, 0, 0});
    CHECK(calls(gauges, overflow) == Counts{1, 1, 1});
    CHECK(gauges.use(nest.customer.gauge).kbps == 80);
    Holding elsewhere{.kbps = 80};
    Nest full = nest;
    full.customer.gauge = customer_gauge("globex");
    REQUIRE(gauges.admit(full.levels(), elsewhere, start).admission == Admission::admitted);
    Holding refused{.kbps = 80};
    CHECK(gauges.admit(full.levels(), refused, start, &moved).admission == Admission::too_many_calls);
    CHECK(calls(gauges, overflow) == Counts{1, 1, 1});
    CHECK(gauges.use(overflow.trunk.gauge).kbps == 80);
}

TEST_CASE("Property: after any calls, exchanges and ends every gauge has what the calls that are left hold, exactly") {
    SeededRandom random(20261127);
    CallGauges gauges;
    std::vector<Holding> alive;
    const auto levels = [&] {
        const auto any = [&](std::uint32_t n) { return std::to_string(random.below(n)); };
        const auto limit = [&](std::uint32_t n) { return random.below(3) == 0 ? 0 : 1 + random.below(n); };
        const std::string trunk = any(4);
        std::vector<Level> out{{customer_gauge(any(2)), limit(12), 0, 0, limit(900)},
                               {trunk_gauge(trunk), limit(6), 0, 0, limit(500), limit(100) * 1.0}};
        if (random.below(2) == 0) out.push_back({number_gauge(trunk, "range"), limit(3)});
        if (random.below(2) == 0) out.push_back({number_gauge(trunk, "+49301" + any(3)), limit(2)});
        return out;
    };
    std::size_t refused = 0;
    for (int step = 0; step < 20'000; ++step) {
        Holding call{{}, random.below(3) == 0 ? 0 : random.below(90), random.below(4) * 1.0};
        const TimePoint now = start + step * 1s;
        const auto wanted = levels();
        const bool exchange = !alive.empty() && random.below(3) == 0;
        const auto which = alive.empty() ? 0 : random.below(static_cast<std::uint32_t>(alive.size()));
        if (!alive.empty() && random.below(5) < 2) {
            gauges.release(alive[which]);
            alive.erase(alive.begin() + which);
        } else if (gauges.admit(wanted, call, now, exchange ? &alive[which] : nullptr).admission ==
                   Admission::admitted) {
            if (exchange)
                alive[which] = call;
            else
                alive.push_back(call);
            for (const auto& level : wanted) {
                const auto use = gauges.use(level.gauge);
                CHECK((level.concurrent_calls == 0 || use.calls <= level.concurrent_calls));
                CHECK((level.bandwidth_kbps == 0 || call.kbps == 0 || use.kbps <= level.bandwidth_kbps));
            }
        } else {
            ++refused;
        }
        if (step % 100 != 0) continue;
        std::map<std::string, Use> expected;
        for (const auto& held : alive)
            for (const auto& gauge : held.gauges) {
                ++expected[gauge].calls;
                expected[gauge].kbps += held.kbps;
            }
        const auto counted = gauges.uses("");
        REQUIRE(counted.size() == expected.size());
        for (const auto& [gauge, use] : counted) {
            REQUIRE(use.calls == expected[gauge].calls);
            REQUIRE(use.kbps == expected[gauge].kbps);
        }
    }
    CHECK(refused > 1'000);
    for (const auto& call : alive) gauges.release(call);
    CHECK(gauges.uses("").empty());
}

TEST_CASE("Nested limits are exact when shards compete for the last places of a customer through different trunks") {
    CallGauges gauges;
    std::atomic<int> admitted{0}, given_back{0};
    std::vector<std::thread> shards;
    for (int s = 0; s < 4; ++s)
        shards.emplace_back([&, s] {
            const std::vector<Level> levels{{customer_gauge("acme"), 100, 0, 0, 8'000},
                                            {trunk_gauge(std::to_string(s % 2)), 70},
                                            {number_gauge("x", std::to_string(s % 3)), 60}};
            for (int i = 0; i < 5'000; ++i) {
                Holding call{.kbps = 80};
                if (gauges.admit(levels, call, start).admission != Admission::admitted) continue;
                ++admitted;
                if (gauges.calls(levels[0].gauge) > 100) ++given_back;  // never
                if (i % 2 == 0) gauges.release(call), --admitted;
            }
        });
    for (auto& shard : shards) shard.join();
    CHECK(given_back == 0);
    CHECK(admitted == 100);
    CHECK(gauges.calls(customer_gauge("acme")) == 100);
    CHECK(gauges.use(customer_gauge("acme")).kbps == 8'000);
    CHECK(gauges.calls(trunk_gauge("0")) + gauges.calls(trunk_gauge("1")) == 100);
    const auto pruned = [](std::string_view gauge) { return !is_trunk_gauge(gauge); };
    gauges.prune(pruned);  // none is idle
    CHECK(gauges.calls(trunk_gauge("0")) > 0);
}

TEST_CASE(
    "Who takes and gives back places never waits for who looks through the gauges, copies, prunes or forgets them") {
    CallGauges gauges;
    // All of one stripe, so that whoever goes through it meets the gauges in the hands of who counts.
    const auto in_the_stripe = [](auto make) {
        for (int i = 0;; ++i)
            if (auto name = make("x" + std::to_string(i)); CallGauges::stripe_index(name) == 0) return name;
    };
    const std::vector<Level> levels{{in_the_stripe([](auto id) { return customer_gauge(id); })},
                                    {in_the_stripe([](auto id) { return trunk_gauge(id); })},
                                    {in_the_stripe([](auto id) { return number_gauge("t", id); })}};
    const auto calls = [&] {
        for (int i = 0; i < 30'000; ++i) {
            Holding call{.kbps = 80}, moved{.kbps = 40};
            if (gauges.admit(levels, call, start).admission != Admission::admitted) std::abort();
            if (gauges.admit(levels, moved, start, &call).admission != Admission::admitted) std::abort();
            gauges.release(moved);
        }
    };
    const auto looks = [&] {
        for (int i = 0; i < 10'000; ++i) {
            if (gauges.uses("").size() > levels.size()) std::abort();
            gauges.prune([](std::string_view) { return false; });
            CallGauges other;
            other.copy(gauges, 1s);
        }
    };
    std::vector<std::future<void>> done;
    std::vector<std::thread> threads;
    for (const std::function<void()>& work :
         {std::function<void()>(calls), std::function<void()>(calls), std::function<void()>(looks)}) {
        std::packaged_task<void()> task(work);
        done.push_back(task.get_future());
        threads.emplace_back(std::move(task));
    }
    for (auto& one : done) {
        if (one.wait_for(60s) == std::future_status::ready) continue;
        std::fputs("threads wait for each other for ever\n", stderr);
        std::abort();
    }
    for (auto& thread : threads) thread.join();
    CHECK(gauges.uses("").empty());
}

TEST_CASE("The slowest pace and the largest burst are counted without running over") {
    CallGauges gauges;
    const std::vector<Level> levels{{.gauge = trunk_gauge("t"), .calls_per_second = 0.00001, .burst = 100'000}};
    for (int i = 0; i < 3; ++i) {
        Holding call;
        CHECK(gauges.admit(levels, call, start).admission == Admission::admitted);
    }
}

}  // namespace sallyport::policy
