#include "signaling/stack/adopted_calls.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::stack;

namespace {

std::optional<std::uint32_t> shard_of(const AdoptedCalls& calls, std::string_view call_id, std::string_view tag = "t") {
    return calls.find(call_id, [&](std::string_view peers) { return peers == tag; });
}

}  // namespace

TEST_CASE("an adopted leg is found until it is over and its afterglow has passed, and leaves nothing") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    CHECK_FALSE(calls.any());
    calls.add("a@b", "t", 3, start);
    CHECK(shard_of(calls, "a@b") == 3u);
    calls.add("c@d", "t", 1, start + 24h);  // however long it stands
    CHECK(shard_of(calls, "a@b") == 3u);
    calls.leave("a@b", "t", start + 24h);
    CHECK(shard_of(calls, "a@b") == 3u);
    calls.leave("c@d", "t", start + 24h + AdoptedCalls::afterglow + 1s);
    CHECK_FALSE(shard_of(calls, "a@b"));
    CHECK(calls.size() == 1);
    calls.add("e@f", "t", 2, start + 25h);
    CHECK(calls.size() == 1);
}

TEST_CASE("a leg that is adopted again stays, whatever was to become of it before") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    calls.add("a@b", "t", 3, start);
    calls.leave("a@b", "t", start);
    calls.add("a@b", "t", 4, start + 1s);
    calls.add("c@d", "t", 1, start + 1h);
    CHECK(shard_of(calls, "a@b") == 4u);
}

TEST_CASE("who has the Call-ID of an adopted leg, and not its tag, is not led away") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    calls.add("a@b", "t", 3, start);
    calls.add("a@b", "u", 2, start);
    CHECK(shard_of(calls, "a@b", "t") == 3u);
    CHECK(shard_of(calls, "a@b", "u") == 2u);
    CHECK_FALSE(shard_of(calls, "a@b", "v"));
    CHECK_FALSE(shard_of(calls, "a@", "t"));
    CHECK_FALSE(shard_of(calls, "a@b2", "t"));
}

TEST_CASE("an INVITE that says the same as an adopted leg takes nothing from it when it ends") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    calls.add("a@b", "t", 3, start);
    calls.add("a@b", "t", 3, start);  // a stranger's copy, that is refused
    calls.leave("a@b", "t", start);
    calls.add("c@d", "t", 1, start + 1h);
    CHECK(shard_of(calls, "a@b", "t") == 3u);
    calls.leave("a@b", "t", start + 1h);
    calls.leave("a@b", "t", start + 1h);  // one time too many
    CHECK(shard_of(calls, "a@b", "t") == 3u);
    calls.add("e@f", "t", 1, start + 2h);
    CHECK_FALSE(shard_of(calls, "a@b", "t"));
}

TEST_CASE("no more legs that are over are held than there is room for") {
    AdoptedCalls calls;
    const TimePoint start{1'000s};
    for (std::size_t i = 0; i < AdoptedCalls::most + 100; ++i) {
        calls.add(std::to_string(i), "t", 0, start);
        calls.leave(std::to_string(i), "t", start);
    }
    CHECK(calls.size() == AdoptedCalls::most);
    CHECK_FALSE(shard_of(calls, "0"));
}
