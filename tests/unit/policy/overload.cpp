// When a shard refuses work, and which.
#include "signaling/policy/overload.h"

#include <catch2/catch.hpp>
#include <cstdlib>

namespace sallyport::policy {
namespace {

constexpr TimePoint start{std::chrono::seconds(1'800'000'000)};

// `duration` of messages every 5 ms, each after a spell of work of length `busy`.
TimePoint load(Overload& overload, TimePoint from, Duration duration, Duration busy) {
    TimePoint at = from;
    for (; at < from + duration; at += 5ms) overload.observe(busy, at);
    return at;
}
int taken(Overload& overload, WorkClass work, int of = 1'000) {
    int n = 0;
    for (int i = 0; i < of; ++i) n += overload.admit(work);
    return n;
}

}  // namespace

TEST_CASE("A shard that rests now and then takes everything, however much comes") {
    Overload overload(20ms);
    load(overload, start, 10s, 19ms);
    CHECK(overload.level() == 0);
    CHECK(taken(overload, WorkClass::rest) == 1'000);
}

TEST_CASE("A machine that sleeps for a moment is not overloaded; one that never catches up is") {
    Overload overload(20ms);
    auto at = load(overload, start, 250ms, 200ms);
    at = load(overload, at, 1s, 1ms);
    CHECK(overload.level() == 0);
    load(overload, at, 1s, 200ms);
    CHECK(overload.level() > 0.5);
}

TEST_CASE("What is worth least is refused first; emergencies, calls and refreshes never are") {
    Overload overload(20ms);
    auto at = load(overload, start, 600ms, 100ms);
    CHECK(overload.level() > 0.2);
    CHECK(overload.level() <= 0.5);
    CHECK(taken(overload, WorkClass::rest) < 700);
    CHECK(taken(overload, WorkClass::new_work) == 1'000);
    load(overload, at, 5s, 100ms);
    CHECK(overload.level() == 1);
    for (const auto work : {WorkClass::rest, WorkClass::new_work})  // whoever keeps trying gets through
        CHECK(std::abs(taken(overload, work) - 20) <= 1);
    for (const auto work : {WorkClass::emergency, WorkClass::in_dialog, WorkClass::refresh})
        CHECK(taken(overload, work) == 1'000);
}

TEST_CASE("The refused ones are spread evenly, not in a row") {
    Overload overload(20ms);
    load(overload, start, 600ms, 100ms);
    const double share = Overload::refused_share(WorkClass::rest, overload.level());
    int longest = 0, row = 0;
    for (int i = 0; i < 1'000; ++i) {
        row = overload.admit(WorkClass::rest) ? 0 : row + 1;
        longest = std::max(longest, row);
    }
    CHECK(longest <= static_cast<int>(share / (1 - share)) + 1);
}

TEST_CASE("Once it rests again the node takes more and more, and everything within seconds") {
    Overload overload(20ms);
    auto at = load(overload, start, 5s, 100ms);
    at = load(overload, at, 1s, 1ms);
    CHECK(overload.level() < 0.6);
    CHECK(overload.level() > 0.3);
    load(overload, at, 2s, 1ms);
    CHECK(overload.level() == 0);
    at = load(overload, at + 2s, 5s, 100ms);
    CHECK(overload.level() == 1);
    overload.observe(1ms, at + 2s);  // silence: what was is over
    CHECK(overload.level() == 0);
}

}  // namespace sallyport::policy
