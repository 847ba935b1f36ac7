// Ten thousand random calls under every kind of network, with forks, offers before and after the answer, holds,
// transfers, redirections and replacements of either party at any time: of calls that come to rest both ends and the
// media plane agree on codecs, payload types, addresses, directions and keys, at the end nothing is alive, and every
// attempt has exactly one record. $SALLYPORT_SIMULATE_CALLS asks for more calls than a test run has time for
// (tools/nightly has), and $SALLYPORT_SIMULATE_SEED for another day.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/simulate/simulation.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

void live_through(SimConditions conditions) {
    if (const char* calls = std::getenv("SALLYPORT_SIMULATE_CALLS"))
        conditions.calls = static_cast<unsigned>(std::strtoul(calls, nullptr, 10));
    if (const char* seed = std::getenv("SALLYPORT_SIMULATE_SEED")) conditions.seed = std::strtoull(seed, nullptr, 10);
    Simulation simulation(conditions);
    simulation.run();
    INFO(simulation.summary());
    CHECK(simulation.complaints.empty());
}

}  // namespace

TEST_CASE("calls over a good network leave nothing behind") { live_through({.seed = 1}); }

TEST_CASE("calls over a network that loses, doubles and reorders leave nothing behind") {
    live_through({.seed = 2, .loss = 5, .duplicates = 5, .delay = 200ms});
}

TEST_CASE("calls over a network that loses a fifth of everything leave nothing behind") {
    live_through({.seed = 3, .loss = 20, .duplicates = 10, .delay = 400ms});
}

TEST_CASE("a media plane that comes and goes and connections that break leave nothing behind") {
    live_through({.seed = 4, .loss = 2, .duplicates = 2, .troubles = true});
}

TEST_CASE("a burst of calls at once leaves nothing behind") { live_through({.seed = 5, .loss = 1, .pace = 2ms}); }
