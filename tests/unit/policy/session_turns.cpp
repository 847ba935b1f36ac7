// Turns of one session: what counts as one, and for how long it is remembered.
#include "signaling/policy/session_turns.h"

#include <catch2/catch.hpp>

namespace sallyport::policy {

TEST_CASE("A session that comes again with fewer hops left has made a turn; tried again or forked it has not") {
    SessionTurns turns;
    const TimePoint start{1'000'000s};
    CHECK(turns.come("one", 68, start) == 0);
    CHECK(turns.come("one", 68, start) == 0);
    CHECK(turns.come("two", 60, start) == 0);
    CHECK(turns.come("one", 66, start + 1s) == 1);
    CHECK(turns.come("one", 70, start + 1s) == 0);
    CHECK(turns.come("one", 66, start + 1s) == 0);
    CHECK(turns.come("one", 64, start + 2s) == 2);
    CHECK(turns.come("one", 62, start + SessionTurns::remembered + 1s) == 0);
}

TEST_CASE("A flood of sessions takes no more memory than is meant for them") {
    SessionTurns turns;
    const TimePoint start{1'000'000s};
    for (std::size_t i = 0; i < 2 * SessionTurns::most; ++i) turns.come(std::to_string(i), 70, start);
    CHECK(turns.size() <= SessionTurns::most);
    CHECK(turns.size() > SessionTurns::most / 2);
}

}  // namespace sallyport::policy
