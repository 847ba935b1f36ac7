// rooms: media_core srtp
// A media pipeline with any commands and packets: see MediaScene for what has to hold.
#include "tests/support/media_scene.h"

using namespace sallyport::media::test;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    MediaScene scene(MediaChoices(data, size));
    for (int steps = 0; !scene.over() && steps < 500; ++steps) scene.step();
    scene.finish();
    return 0;
}
