// Which sessions an operator is shown first.
#include "media-plane/rpc/session_top.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::rpc;

namespace {

SessionStatistics session(const std::string& name, LegStatistics a = {}, LegStatistics b = {}) {
    SessionStatistics s;
    s.key = {"edge/0", name};
    s.trunk = name.substr(0, 1);
    a.side = Side::a;
    b.side = Side::b;
    s.legs = {std::move(a), std::move(b)};
    return s;
}
LegStatistics with(double LegStatistics::*member, double value) {
    LegStatistics leg;
    leg.*member = value;
    return leg;
}
std::vector<std::string> order(SessionTop::Result result) {
    std::vector<std::string> names;
    for (const auto& s : result.sessions) names.push_back(s.key.session);
    return names;
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("the worst MOS of either leg comes first, and who has none comes last") {
    SessionTop top(TopBy::mos, 10, "");
    top.show(session("none"));
    top.show(session("good", with(&LegStatistics::recent_mos, 4.4), with(&LegStatistics::recent_mos, 4.3)));
    top.show(session("bad", with(&LegStatistics::recent_mos, 4.4), with(&LegStatistics::recent_mos, 1.5)));
    top.show(session("fair", with(&LegStatistics::mos, 3.0)));
    CHECK(order(top.take()) == Names{"bad", "fair", "good", "none"});
}

TEST_CASE("each measure has its order") {
    LegStatistics leg;
    const auto by = GENERATE(TopBy::loss, TopBy::jitter, TopBy::rtt, TopBy::packets, TopBy::drops, TopBy::silence);
    SessionTop top(by, 10, "");
    for (int i = 1; i <= 3; ++i) {
        leg.recent_loss = by == TopBy::loss ? i : 9 - i;
        leg.jitter_seconds = by == TopBy::jitter ? i : 9 - i;
        leg.round_trip = (by == TopBy::rtt ? i : 9 - i) * 1s;
        leg.packets_per_second = by == TopBy::packets ? i : 9 - i;
        leg.drops_per_second = by == TopBy::drops ? i : 9 - i;
        leg.one_way = (by == TopBy::silence ? i : 9 - i) * 1s;
        top.show(session(std::to_string(i), leg));
    }
    CHECK(order(top.take()) == Names{"3", "2", "1"});
}

TEST_CASE("of many only as many as asked for are kept, and all are counted") {
    SessionTop top(TopBy::packets, 3, "");
    for (int i = 0; i < 1'000; ++i)
        top.show(session("s" + std::to_string(i), with(&LegStatistics::packets_per_second, i * 7 % 1'000)));
    auto result = top.take();
    CHECK(result.total == 1'000);
    CHECK(result.packets_per_second == Approx(999 * 500));
    REQUIRE(result.sessions.size() == 3);
    CHECK(result.sessions[0].legs[0].packets_per_second == 999);
    CHECK(result.sessions[1].legs[0].packets_per_second == 998);
    CHECK(result.sessions[2].legs[0].packets_per_second == 997);
}

TEST_CASE("a trunk's alone, and what is one-way of it") {
    SessionTop top(TopBy::silence, 10, "x");
    LegStatistics silent, flowing;
    silent.is_silent = true;
    flowing.packets_per_second = 50;
    top.show(session("x1", silent, flowing));
    top.show(session("x2", silent, silent));
    top.show(session("x3", flowing, flowing));
    top.show(session("y1", silent, flowing));
    const auto result = top.take();
    CHECK(result.total == 3);
    CHECK(result.silent_legs == 3);
    CHECK(result.one_way_sessions == 1);
    CHECK(result.packets_per_second == Approx(150));
}
