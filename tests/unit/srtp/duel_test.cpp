#include <catch2/catch.hpp>

#include "tests/support/srtp_duel.h"

using namespace sallyport;
using namespace sallyport::srtp;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t packets_a_seed = 20'000;
#else
constexpr std::uint64_t packets_a_seed = 250'000;
#endif

}  // namespace

TEST_CASE("Two million random packets leave both engines with the same octets and the same verdicts") {
    std::array<std::uint64_t, 6> verdicts{}, sent{};
    std::uint64_t highest = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        SeededRandom random(seed);
        test::Duel duel(random, make_libsrtp_engine(), make_burst_engine());
        while (duel.packets < packets_a_seed) {
            const std::string difference = duel.step();
            INFO("seed " << seed << ", packet " << duel.packets);
            REQUIRE(difference == "");
        }
        for (std::size_t i = 0; i < verdicts.size(); ++i) verdicts[i] += duel.verdicts[i];
        for (std::size_t i = 0; i < sent.size(); ++i) sent[i] += duel.sent_verdicts[i];
        highest = std::max(highest, duel.highest_index);
    }
    // It was about something: most came through, and every way of being refused was gone.
    const auto count = [&](Status status) { return verdicts[static_cast<std::size_t>(status)]; };
    CHECK(count(Status::ok) > packets_a_seed);
    CHECK(count(Status::auth_failed) > packets_a_seed / 20);
    CHECK(count(Status::replayed) > packets_a_seed / 20);
    CHECK(count(Status::malformed) > packets_a_seed / 2'000);
    CHECK(count(Status::failed) > packets_a_seed / 2'000);
    CHECK(sent[static_cast<std::size_t>(Status::failed)] > packets_a_seed / 200);
    CHECK(highest == limits::packet_index);
}
