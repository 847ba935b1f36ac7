#include "media-plane/srtp/replay_window.h"

#include <catch2/catch.hpp>
#include <set>

#include "control/base/random.h"

using namespace sallyport;
using namespace sallyport::srtp;

TEST_CASE("A window takes each index once, and none that is as old as it is long") {
    ReplayWindow<128> window;
    CHECK(window.takes(0));
    window.take(0);
    CHECK_FALSE(window.takes(0));
    window.take(127);
    CHECK(window.takes(1));
    CHECK_FALSE(window.takes(0));
    window.take(128);
    CHECK(window.takes(1));
    window.take(129);
    CHECK_FALSE(window.takes(1));
    CHECK(window.takes(2));
    CHECK(window.highest() == 129);
}

TEST_CASE("A window agrees with a list of all that was taken, whatever the order") {
    SeededRandom random(7);
    for (int round = 0; round < 20; ++round) {
        ReplayWindow<1024> window;
        std::set<std::uint64_t> taken;
        std::uint64_t highest = 0;
        for (int i = 0; i < 5'000; ++i) {
            const std::uint32_t span = random.below(20) == 0 ? 5'000 : 40;
            const std::uint64_t ahead = highest + random.below(span);
            const std::uint64_t index =
                random.below(2) ? ahead : ahead - std::min<std::uint64_t>(ahead, random.below(1'100));
            const bool expected = !taken.contains(index) && (index > highest || highest - index < 1024);
            REQUIRE(window.takes(index) == expected);
            if (!expected) continue;
            window.take(index);
            taken.insert(index);
            highest = std::max(highest, index);
        }
        CHECK(window.highest() == highest);
    }
}
