// The rule that gives a message to its shard.
#include "signaling/io/call_id_hash.h"

#include <catch2/catch.hpp>
#include <vector>

#include "signaling/sip/parser.h"
#include "tests/support/testdata.h"

using namespace sallyport;
using namespace sallyport::io;

namespace {

std::string with_field(std::string_view field) {
    return "INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n" + std::string(field) +
           "\r\nCSeq: 1 INVITE\r\n\r\n";
}

HashKey counting_key() {
    HashKey key;
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
    return key;
}

}  // namespace

TEST_CASE("SipHash-2-4 gives the values its authors published") {
    Bytes message;
    for (std::uint8_t i = 0; i < 15; ++i) message.push_back(i);
    CHECK(siphash(counting_key(), message) == 0xa129ca6149be45e5ull);
    CHECK(siphash(counting_key(), {}) == 0x726fdb47dd0e0e31ull);
}

TEST_CASE("the peek finds Call-ID under every name that RFC 3261 allows") {
    CHECK(peek_call_id(with_field("Call-ID: a84b4c76e66710@pc33")) == "a84b4c76e66710@pc33");
    CHECK(peek_call_id(with_field("i: a84b4c76e66710@pc33")) == "a84b4c76e66710@pc33");
    CHECK(peek_call_id(with_field("I:a84b4c76e66710@pc33")) == "a84b4c76e66710@pc33");
    CHECK(peek_call_id(with_field("CALL-id  \t:  a84b4c76e66710@pc33  ")) == "a84b4c76e66710@pc33");
    CHECK(peek_call_id(with_field("Call-ID:\r\n  a84b4c76e66710@pc33")) == "a84b4c76e66710@pc33");
    CHECK(peek_call_id("\r\n\r\n" + with_field("Call-ID: x")) == "x");
}

TEST_CASE("the peek is not taken in by other headers, by the body, or by their absence") {
    CHECK(peek_call_id(with_field("Call-Info: <http://example.net>")) == "");
    CHECK(peek_call_id(with_field("Call-ID-X: 1")) == "");
    CHECK(peek_call_id(with_field("Identity: 1")) == "");
    CHECK(peek_call_id(with_field("Content-Length: 20") + "Call-ID: in the body\r\n") == "");
    CHECK(peek_call_id(with_field("Call-ID:")) == "");
    CHECK(peek_call_id(with_field("Call-ID")) == "");
    CHECK(peek_call_id("") == "");
    CHECK(peek_call_id("\r\n\r\n") == "");
    CHECK(peek_call_id("OPTIONS sip:x SIP/2.0") == "");
    CHECK(peek_call_id("x\ni") == "");
    CHECK(peek_call_id("x\ni:") == "");
    CHECK(peek_call_id("x\ni:\r\n") == "");
}

TEST_CASE("a message has the tags of its From and its To, and no other ones") {
    const auto message = [](const std::string& from, const std::string& to) {
        return "BYE sip:a@b;tag=uri SIP/2.0\r\nVia: x;tag=via\r\n" + from + to +
               "Referred-By: <sip:c@d>;tag=other\r\nCall-ID: own\r\n\r\nFrom: <sip:a@b>;tag=body\r\n";
    };
    const auto usual =
        message("From: \"A;tag=name>\" <sip:a@b;tag=user>;x=1 ; TAG = one;y\r\n", "t: sip:c@d;tag=two\r\n");
    CHECK(has_tag(usual, "one"));
    CHECK(has_tag(usual, "two"));
    for (const auto* other : {"uri", "via", "other", "body", "name", "user", "on", "one ", "1", ""})
        CHECK_FALSE(has_tag(usual, other));
    const auto folded = message("f: <sip:a@b>\r\n\t;tag=one\r\n", "To:\r\n <sip:c@d>\r\n");
    CHECK(has_tag(folded, "one"));
    CHECK_FALSE(has_tag(folded, "two"));
    CHECK_FALSE(has_tag("", "one"));
}

TEST_CASE("every cut of a message can be peeked at") {
    const std::string message = with_field("Call-ID:\r\n a@b");
    for (std::size_t n = 0; n <= message.size(); ++n) {
        const auto found = peek_call_id(std::string_view(message).substr(0, n));
        CHECK((found.empty() || std::string_view("a@b").starts_with(found)));
    }
}

TEST_CASE("peek and parser agree on the messages of real products") {
    const auto data = test::testdata();
    if (!data) {
        WARN("skipped: no test data");
        return;
    }
    std::size_t parsed = 0;
    for (const auto& file : test::files_in(*data / "corpus", ".sip")) {
        const std::string bytes = test::contents(file);
        const auto message = sip::Parser::parse(bytes);
        if (!message) continue;
        ++parsed;
        INFO(file.filename());
        CHECK(peek_call_id(bytes) == message->call_id());
    }
    CHECK(parsed > 100);
}

TEST_CASE("shards get equal shares, one Call-ID always goes to the same one, and another key shuffles them") {
    const CallIdHash hash(counting_key(), 4);
    const CallIdHash other(HashKey{}, 4);
    std::vector<int> shares(4);
    int moved = 0;
    for (int i = 0; i < 4'000; ++i) {
        const auto id = std::to_string(i) + "@example.net";
        const auto shard = hash.shard_of(id);
        REQUIRE(shard < 4);
        CHECK(shard == hash.shard_of(id));
        ++shares[shard];
        moved += other.shard_of(id) != shard;
    }
    for (const int share : shares) CHECK(share > 850);
    CHECK(moved > 2'500);
    CHECK(CallIdHash(counting_key(), 1).shard_of("anything") == 0);
}
