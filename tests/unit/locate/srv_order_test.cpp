#include "signaling/locate/srv_order.h"

#include <catch2/catch.hpp>
#include <map>

using namespace sallyport;
using locate::in_order_of_use;
using locate::SrvRecord;

namespace {

std::string first(const std::vector<SrvRecord>& records, RandomSource& random) {
    return in_order_of_use(records, random).front().target;
}

}  // namespace

TEST_CASE("a lower priority comes first, always") {
    SeededRandom random(7);
    for (int i = 0; i < 100; ++i) {
        const auto order = in_order_of_use({{20, 65'535, 1, "c"}, {10, 0, 1, "b"}, {5, 1, 1, "a"}}, random);
        REQUIRE(order.size() == 3);
        CHECK((order[0].target + order[1].target + order[2].target) == "abc");
    }
}

TEST_CASE("weights are chances of being first [SC-17.1.1.1-03]") {
    SeededRandom random(7);
    std::map<std::string, int> times;
    for (int i = 0; i < 20'000; ++i)
        ++times[first({{0, 10, 1, "ten"}, {0, 60, 1, "sixty"}, {0, 30, 1, "thirty"}}, random)];
    CHECK(times["ten"] == Approx(2'000).margin(300));
    CHECK(times["thirty"] == Approx(6'000).margin(400));
    CHECK(times["sixty"] == Approx(12'000).margin(400));
}

TEST_CASE("weight 0 beside others has a very small chance, but one") {
    SeededRandom random(7);
    int zero = 0;
    for (int i = 0; i < 20'000; ++i) zero += first({{0, 99, 1, "full"}, {0, 0, 1, "zero"}}, random) == "zero";
    CHECK(zero > 50);
    CHECK(zero < 400);
}

TEST_CASE("every record is used once, all weights 0 too") {
    SeededRandom random(7);
    std::vector<SrvRecord> records;
    for (std::uint16_t i = 0; i < 10; ++i)
        records.push_back({static_cast<std::uint16_t>(i % 3), 0, i, std::to_string(i)});
    std::map<std::string, int> seen;
    for (const auto& r : in_order_of_use(records, random)) ++seen[r.target];
    CHECK(seen.size() == 10);
    CHECK(in_order_of_use({}, random).empty());
}
