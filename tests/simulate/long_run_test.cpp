// A million random inputs to one core that lives through all of them: after every few hundred the dust settles, and
// nothing is left. $SALLYPORT_LONG_RUN_INPUTS asks for more, $SALLYPORT_SIMULATE_SEED for others.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "control/base/random.h"
#include "tests/support/fuzz_world.h"

using namespace sallyport::test;

namespace {

std::uint64_t wish(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr unsigned steps_a_day = 200;

// Calls that would come about, most of them spoilt in a few places, and noise between them.
std::string day(const std::vector<std::string>& scripts, sallyport::SeededRandom& random) {
    std::string octets;
    while (octets.size() < std::size_t{8} * steps_a_day) {
        std::string script = scripts[random.below(static_cast<std::uint32_t>(scripts.size()))];
        for (std::uint32_t n = random.below(4); n > 0; --n)
            script[random.below(static_cast<std::uint32_t>(script.size()))] = static_cast<char>(random.u32());
        octets += script;
        for (std::uint32_t n = random.below(2) * random.below(12); n > 0; --n)
            octets += static_cast<char>(random.u32());
    }
    return octets;
}

}  // namespace

TEST_CASE("a million random inputs leave no call, transaction, timer or media session") {
    const std::uint64_t inputs = wish("SALLYPORT_LONG_RUN_INPUTS", 1'000'000);
    sallyport::SeededRandom random(wish("SALLYPORT_SIMULATE_SEED", 6));
    const auto scripts = FuzzWorld::scripts();
    FuzzWorld world;
    std::uint64_t done = 0, attempts = 0, answered = 0;
    while (done < inputs) {
        const std::string octets = day(scripts, random);
        Choices in(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
        done += world.play(in, steps_a_day);  // checks that nothing is left
        for (const auto& record : world.take_records()) {
            ++attempts;
            if (record.answered != sallyport::TimePoint{}) ++answered;
        }
    }
    CHECK(attempts > inputs / 20);  // a world in which nobody calls would prove nothing
    CHECK(answered > inputs / 100);
}
