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

TEST_CASE("the queue agrees with a sorted model over random starts, cancels and pops") {
    SeededRandom random(7);
    TimerQueue<std::uint64_t> queue;
    std::map<std::pair<TimePoint, TimerId>, std::uint64_t> model;
    std::vector<std::pair<TimePoint, TimerId>> keys;
    TimePoint now{};
    for (std::uint64_t step = 0; step < 20'000; ++step) {
        switch (random.below(3)) {
            case 0: {
                const TimePoint when = now + std::chrono::milliseconds(random.below(500));
                const TimerId id = queue.start(when, step);
                model.emplace(std::pair{when, id}, step);
                keys.emplace_back(when, id);
                break;
            }
            case 1:
                if (!keys.empty()) {
                    const auto key = keys[random.below(static_cast<std::uint32_t>(keys.size()))];
                    REQUIRE(queue.cancel(key.second) == (model.erase(key) == 1));
                }
                break;
            default:
                now += std::chrono::milliseconds(random.below(40));
                while (const auto due = queue.pop_due(now)) {
                    REQUIRE_FALSE(model.empty());
                    REQUIRE(model.begin()->first.first <= now);
                    REQUIRE(model.begin()->second == *due);
                    model.erase(model.begin());
                }
                REQUIRE((model.empty() || model.begin()->first.first > now));
        }
        REQUIRE(queue.size() == model.size());
    }
}
