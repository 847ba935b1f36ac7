#include "media-plane/app/lcore_watch.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;
using app::LcoreWatch;
using Stuck = std::vector<bool>;

TEST_CASE("An lcore that does not poll for five seconds is stuck, and is no longer when it polls again") {
    LcoreWatch watch;
    PlaneStatus status;
    status.lcores.resize(2);
    TimePoint now = TimePoint{} + 1h;
    CHECK(watch.look(status, now) == Stuck{false, false});
    for (int second = 1; second <= 10; ++second) {
        now += 1s;
        ++status.lcores[0].polls;
        CHECK(watch.look(status, now) == Stuck{false, second >= 5});
    }
    ++status.lcores[1].polls;
    CHECK(watch.look(status, now) == Stuck{false, false});
}
