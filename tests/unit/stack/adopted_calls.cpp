#include "signaling/stack/adopted_calls.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::stack;

TEST_CASE("an adopted Call-ID is found until it is over and its afterglow has passed, and leaves nothing") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    CHECK_FALSE(calls.any());
    calls.add("a@b", 3, start);
    CHECK(calls.find("a@b") == 3u);
    calls.add("c@d", 1, start + 24h);  // however long it stands
    CHECK(calls.find("a@b") == 3u);
    calls.leave("a@b", start + 24h);
    CHECK(calls.find("a@b") == 3u);
    calls.leave("c@d", start + 24h + AdoptedCalls::afterglow + 1s);
    CHECK_FALSE(calls.find("a@b"));
    CHECK(calls.size() == 1);
    calls.add("e@f", 2, start + 25h);
    CHECK(calls.size() == 1);
}

TEST_CASE("a Call-ID that is adopted again stays, whatever was to become of it before") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    calls.add("a@b", 3, start);
    calls.leave("a@b", start);
    calls.add("a@b", 4, start + 1s);
    calls.add("c@d", 1, start + 1h);
    CHECK(calls.find("a@b") == 4u);
}

TEST_CASE("no more Call-IDs that are over are held than there is room for") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    for (std::size_t i = 0; i < AdoptedCalls::most + 100; ++i) {
        calls.add(std::to_string(i), 0, start);
        calls.leave(std::to_string(i), start);
    }
    CHECK(calls.size() == AdoptedCalls::most);
    CHECK_FALSE(calls.find("0"));
}
