// rooms: stack_bench
// A whole core in a bad world: any sequence of datagrams, stream messages, well-formed calls cut and crossed, broken
// flows, lost replies, events, time jumps and changes of configuration. Nothing may be alive when the dust has settled,
// and who is unknown gets at most one answer a message, of at most three times its bytes.
#include <string>

#include "tests/support/fuzz_seeds.h"
#include "tests/support/fuzz_world.h"

std::vector<std::string> sallyport::test::fuzz_seeds() { return FuzzWorld::scripts(); }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    sallyport::test::Choices in(data, size);
    sallyport::test::FuzzWorld world;
    world.play(in);
    return 0;
}
