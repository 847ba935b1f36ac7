#include "signaling/b2bua/kept_description.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::b2bua;

namespace {

sdp::SessionDescription description(const std::string& between) {
    auto parsed =
        sdp::parse("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\n" + between + "m=audio 4000 RTP/AVP 8\n");
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

}  // namespace

TEST_CASE("a description that rests is the same one afterwards, shared with who has the same text") {
    const auto source = description("t=0 0\n");
    KeptDescription kept;
    kept = source;
    kept.rest(std::make_shared<const std::string>(sdp::write(source)));
    CHECK(*kept == source);
}

TEST_CASE("a description whose text would be too long to be read again stays as it is") {
    std::string lines;
    for (int i = 0; i < 10'000; ++i) lines += "t=\n";
    const auto source = description(lines);
    REQUIRE(sdp::parse(sdp::write(source)).has_error());  // else this is about nothing
    KeptDescription kept;
    kept = source;
    kept.rest();
    CHECK(*kept == source);
}
