#include <catch2/catch.hpp>

#include "media-plane/core/codec_name.h"

using sallyport::media::CodecName;

TEST_CASE("A codec's name is kept whole, short or long, and the last one said counts") {
    CodecName name;
    CHECK(name.view().empty());
    for (const std::string_view said :
         {"PCMA", "AMR-WB+", "telephone-event", "G726-32", "", "iLBC", "a-name-of-thirty-two-characters."}) {
        name.set(said);
        CHECK(name.view() == said);
    }
}
