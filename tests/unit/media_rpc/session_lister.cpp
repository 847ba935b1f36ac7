// Pages over sessions of several lcores, gathered in portions.
#include "media-plane/rpc/session_lister.h"

#include <catch2/catch.hpp>
#include <set>

#include "fake_plane.h"
#include "media-plane/rpc/media_convert.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::rpc;
using test::FakePlane;

namespace {

template <class T>
auto taken(T result) {
    REQUIRE(result.has_value());
    return std::move(*result);
}
std::string padded(int n) {
    const std::string digits = std::to_string(n);
    return std::string(6 - digits.size(), '0') + digits;
}

SessionLister::Page page_of(FakePlane& plane, const SessionKey& after, std::size_t limit) {
    std::optional<SessionLister::Page> page;
    SessionLister::list(plane, after, limit, [&](SessionLister::Page p) { page = std::move(p); });
    for (int i = 0; i < 10'000 && !page; ++i) plane.work_all();
    REQUIRE(page);
    return std::move(*page);
}

}  // namespace

TEST_CASE("pages hold every session once, in key order, however the lcores share them") {
    FakePlane plane(3);
    constexpr int sessions = 500;
    for (int i = 0; i < sessions; ++i)
        plane.submit(static_cast<std::size_t>(i * i % 3), Allocate{.key = {"edge/0", padded(i)}},
                     [](const Outcome&) {});
    plane.work_all();
    const std::size_t limit = GENERATE(1, 7, 32, 33, 100, 500, 1000);
    std::vector<std::string> seen;
    SessionKey after;
    for (bool more = true; more;) {
        auto page = page_of(plane, after, limit);
        REQUIRE(page.sessions.size() <= limit);
        for (const auto& s : page.sessions) seen.push_back(s.key.session);
        more = page.more;
        if (more) after = taken(from_page_token(page_token(page.sessions.back().key)));
    }
    REQUIRE(seen.size() == sessions);
    for (int i = 0; i < sessions; ++i) CHECK(seen[static_cast<std::size_t>(i)] == padded(i));
}

TEST_CASE("an empty plane gives an empty last page") {
    FakePlane plane(2);
    const auto page = page_of(plane, {}, 10);
    CHECK(page.sessions.empty());
    CHECK_FALSE(page.more);
}

TEST_CASE("a full command queue makes the page void instead of wrong") {
    FakePlane plane(2, 0);
    CHECK(page_of(plane, {}, 10).overloaded);
}

TEST_CASE("a page token of somebody else's making is refused") {
    CHECK(taken(from_page_token("")) == SessionKey{});
    CHECK(from_page_token("nospace").has_error());
    CHECK(from_page_token(std::string(1000, 'x') + " y").has_error());
}
