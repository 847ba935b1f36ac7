#include "media-plane/srtp/secret_bytes.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using srtp::SecretBytes;

TEST_CASE("Secret octets move without leaving a copy behind, and are zeros once wiped") {
    Bytes octets(30, 7);
    const std::uint8_t* const place = octets.data();
    SecretBytes first(std::move(octets));
    CHECK(ByteView(first).data() == place);
    SecretBytes second(std::move(first));
    CHECK(first.empty());
    CHECK(ByteView(second).data() == place);
    first = std::move(second);
    CHECK(second.empty());
    CHECK(ByteView(first).data() == place);
    const SecretBytes copy = first;
    CHECK(copy == first);
    first.wipe();
    CHECK(first == SecretBytes(Bytes(30)));
    CHECK(copy == SecretBytes(Bytes(30, 7)));
}
