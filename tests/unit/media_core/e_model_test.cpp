// Against figures that G.107, G.113 and the calculators that follow them print.
#include "media-plane/core/e_model.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::media;

TEST_CASE("An undisturbed call is rated 93.2, which is a MOS of 4.41") {
    const auto g711 = e_model::equipment_of("PCMA");
    REQUIRE(g711);
    CHECK(e_model::rating(*g711, 0, 0ms) == Approx(93.2));
    CHECK(e_model::mos(93.2) == Approx(4.41).margin(0.005));
    CHECK(e_model::rating(*g711, 0, 100ms) == Approx(93.2));
}

TEST_CASE("R becomes a MOS as G.107 Table B.1 has it") {
    CHECK(e_model::mos(90) == Approx(4.34).margin(0.005));
    CHECK(e_model::mos(80) == Approx(4.03).margin(0.007));
    CHECK(e_model::mos(70) == Approx(3.60).margin(0.005));
    CHECK(e_model::mos(60) == Approx(3.10).margin(0.005));
    CHECK(e_model::mos(50) == Approx(2.58).margin(0.005));
    CHECK(e_model::mos(0) == 1);
    CHECK(e_model::mos(-5) == 1);
    CHECK(e_model::mos(100) == 4.5);
    for (double r = 0; r < 100; r += 0.5) CHECK(e_model::mos(r) >= 1);
}

TEST_CASE("Loss costs what the codec's robustness lets it, delay what it costs beyond 100 ms") {
    const auto g711 = *e_model::equipment_of("pcmu"), g729 = *e_model::equipment_of("G729");
    CHECK(e_model::rating(g729, 0, 0ms) == Approx(82.2));
    // Ie,eff = Ie + (95 - Ie) * Ppl / (Ppl + Bpl)
    CHECK(e_model::rating(g711, 0.02, 0ms) == Approx(93.2 - 95 * 2 / 27.1));
    CHECK(e_model::rating(g729, 0.05, 0ms) == Approx(93.2 - 11 - 84 * 5 / 24.0));
    CHECK(e_model::rating(g711, 1, 0ms) == Approx(93.2 - 95 * 100 / 125.1));
    // G.107 7.4 at Ta = 200 and 400 ms: Idd of 3.0 and 24.1
    CHECK(e_model::rating(g711, 0, 200ms) == Approx(93.2 - 3.0).margin(0.1));
    CHECK(e_model::rating(g711, 0, 400ms) == Approx(93.2 - 24.1).margin(0.2));
    CHECK(e_model::rating(g711, 1, 5s) == 0);
}

TEST_CASE("What G.113 has no values for is not judged") {
    CHECK_FALSE(e_model::equipment_of("opus"));
    CHECK_FALSE(e_model::equipment_of(""));
    CHECK_FALSE(e_model::equipment_of("PCMA2"));
    CHECK(e_model::equipment_of("g722"));
}
