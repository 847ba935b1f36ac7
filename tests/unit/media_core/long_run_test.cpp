// A million random commands and bursts to one pipeline: after every few hundred all is released, and nothing is taken.
#include <catch2/catch.hpp>

#include "tests/support/media_scene.h"

using namespace sallyport;
using namespace sallyport::media::test;

TEST_CASE("a million random commands and bursts leave no session and no port, and every packet is accounted for") {
    constexpr unsigned inputs = 1'000'000, between_releases = 500;
    SeededRandom random(7);
    Bytes octets(std::size_t{512} * between_releases);
    MediaScene scene(MediaChoices(octets.data(), 0));
    for (unsigned done = 0; done < inputs; done += between_releases) {
        random.fill(octets);
        scene.go_on(MediaChoices(octets.data(), octets.size()));
        for (unsigned i = 0; i < between_releases; ++i) scene.step();
        scene.finish();  // checks that nothing is left
    }
    CHECK(scene.packets_relayed() > inputs / 1'000);  // a scene in which nobody is understood would prove nothing
}
