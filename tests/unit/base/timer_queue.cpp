// The shard's one queue of deadlines: order, cancellation, bounded memory.
#include "control/base/timer_queue.h"

#include <catch2/catch.hpp>

#include <map>
#include <vector>

#include "control/base/random.h"

using namespace sallyport;

namespace {
TimePoint at(int ms) { return TimePoint{} + std::chrono::milliseconds(ms); }
}  // namespace

TEST_CASE("timers come out by deadline, and in the order they were set when due together") {
    TimerQueue<int> queue;
    queue.start(at(20), 3);
    queue.start(at(10), 1);
    queue.start(at(10), 2);
    CHECK(queue.next_deadline() == at(10));
    CHECK_FALSE(queue.pop_due(at(9)));
    CHECK(queue.pop_due(at(30)) == 1);
    CHECK(queue.pop_due(at(30)) == 2);
    CHECK(queue.pop_due(at(30)) == 3);
    CHECK_FALSE(queue.next_deadline());
}

TEST_CASE("a cancelled timer never fires and a second cancel says so") {
    TimerQueue<int> queue;
    const auto id = queue.start(at(10), 1);
    CHECK(queue.cancel(id));
    CHECK_FALSE(queue.cancel(id));
    CHECK_FALSE(queue.cancel(0));
    CHECK_FALSE(queue.next_deadline());
    CHECK(queue.size() == 0);
}

namespace {
// A timer is a step's; the longest are beyond the horizon, and so are the longest waits.
void agree_with_a_model(std::uint64_t seed, std::uint32_t most_ms, std::uint32_t most_wait_ms, std::uint64_t steps) {
    SeededRandom random(seed);
    TimerQueue<std::uint64_t> queue;
    std::map<std::pair<TimePoint, std::uint64_t>, TimerId> model;
    std::vector<std::pair<TimePoint, std::uint64_t>> keys;
    TimePoint now{};
    for (std::uint64_t step = 0; step < steps; ++step) {
        switch (random.below(4)) {
            case 0:
            case 1: {
                const std::uint32_t most = random.below(4) == 0 ? most_ms : 1 + most_ms / 100;
                const TimePoint when = now + std::chrono::milliseconds(random.below(most)) - 20ms;  // some are overdue
                model.emplace(std::pair{when, step}, queue.start(when, step));
                keys.emplace_back(when, step);
                break;
            }
            case 2:
                if (!keys.empty()) {
                    const auto found = model.find(keys[random.below(static_cast<std::uint32_t>(keys.size()))]);
                    if (found == model.end()) break;
                    REQUIRE(queue.cancel(found->second));
                    REQUIRE_FALSE(queue.cancel(found->second));
                    model.erase(found);
                }
                break;
            default:
                now += std::chrono::milliseconds(random.below(random.below(8) == 0 ? most_wait_ms : 40));
                while (const auto due = queue.pop_due(now)) {
                    REQUIRE_FALSE(model.empty());
                    REQUIRE(model.begin()->first.first <= now);
                    REQUIRE(model.begin()->first.second == *due);
                    model.erase(model.begin());
                }
                REQUIRE((model.empty() || model.begin()->first.first > now));
        }
        REQUIRE(queue.size() == model.size());
        if (random.below(2) == 0) continue;  // asked or not: it may not matter
        const auto next = queue.next_deadline();
        REQUIRE(next.has_value() == !model.empty());
        if (next) REQUIRE(*next == model.begin()->first.first);
    }
}
}  // namespace

TEST_CASE("the queue agrees with a sorted model over random starts, cancels and pops") {
    agree_with_a_model(7, 500, 200, 20'000);
    agree_with_a_model(8, 70'000, 5'000, 40'000);
    agree_with_a_model(9, 400'000, 150'000, 40'000);
}

TEST_CASE("a timer that was beyond the horizon comes in its turn among those that are not") {
    TimerQueue<int> queue;
    queue.start(at(100'000), 2);
    queue.start(at(50'000), 1);
    REQUIRE(queue.pop_due(at(60'000)) == 1);
    REQUIRE_FALSE(queue.pop_due(at(60'000)));
    queue.start(at(100'001), 4);
    queue.start(at(100'000), 3);
    for (const int next : {2, 3, 4}) CHECK(queue.pop_due(at(100'001)) == next);
    CHECK_FALSE(queue.next_deadline());
}

TEST_CASE("to be asked for a deadline far ahead does not put nearer ones, set later, behind it") {
    TimerQueue<int> queue;
    queue.start(at(32'000), 2);
    CHECK(queue.next_deadline() == at(32'000));
    const auto short_lived = queue.start(at(500), 0);
    queue.start(at(4'000), 1);
    CHECK(queue.next_deadline() == at(500));
    CHECK(queue.cancel(short_lived));
    CHECK(queue.next_deadline() == at(4'000));
    CHECK(queue.pop_due(at(40'000)) == 1);
    CHECK(queue.pop_due(at(40'000)) == 2);
}
