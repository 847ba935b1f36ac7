#include <catch2/catch.hpp>

#include <cstdlib>
#include <new>
#include <set>

#include "media-plane/srtp/packet_places.h"
#include "peer.h"

namespace sallyport::test {
inline std::size_t allocations = 0;
}
#ifndef __SANITIZE_ADDRESS__  // which has its own, and is built to find other things
void* operator new(std::size_t size) {
    ++sallyport::test::allocations;
    if (void* memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

using namespace sallyport;
using namespace sallyport::srtp;

namespace {
const Bytes key(30, 5);
constexpr auto suite = Suite::aes_cm_128_hmac_sha1_80;
}  // namespace

TEST_CASE("The set forgets the SSRC that was used longest ago") {
    SsrcSet<> set;
    for (std::uint32_t ssrc = 1; ssrc <= 4; ++ssrc) set.insert(ssrc);
    CHECK(set.touch(1));
    CHECK(set.remove_oldest() == 2);
    CHECK_FALSE(set.touch(2));
    CHECK(set.size() == 3);
    CHECK(set.touch(4));
    CHECK(set.remove_oldest() == 3);
    CHECK(set.remove_oldest() == 1);
    CHECK(set.touch(4));
}

TEST_CASE("A context that receives bounds its SSRCs and keeps the one in use") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    const Bytes early = sender.process(rtp_packet(1, 1)).bytes;
    REQUIRE(receiver.process(early).status == Status::ok);
    std::uint16_t sequence = 1;
    for (std::uint32_t other = 2; other < 60; ++other) {  // the sender's limit is 64
        REQUIRE(receiver.process(sender.process(rtp_packet(1, other)).bytes).status == Status::ok);
        REQUIRE(receiver.process(sender.process(rtp_packet(++sequence, 1)).bytes).status == Status::ok);
    }
    CHECK(receiver.process(early).status == Status::replayed);  // SSRC 1 was never forgotten
}

TEST_CASE("The SSRC that was silent longest makes room for the one too many, and may come back") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    std::vector<Bytes> firsts;
    for (std::uint32_t ssrc = 0; ssrc < limits::inbound_ssrcs; ++ssrc) {
        firsts.push_back(sender.process(rtp_packet(1, ssrc)).bytes);
        REQUIRE(receiver.process(firsts.back()).status == Status::ok);
    }
    REQUIRE(receiver.process(firsts[0]).status == Status::replayed);  // all are held
    REQUIRE(receiver.process(sender.process(rtp_packet(1, 77)).bytes).status == Status::ok);
    CHECK(receiver.process(firsts[1]).status == Status::replayed);
    CHECK(receiver.process(firsts[0]).status == Status::ok);  // forgotten: for the receiver it is new
    CHECK(receiver.process(sender.process(rtp_packet(2, 0)).bytes).status == Status::ok);
}

TEST_CASE("Forged packets of invented SSRCs take no place from the real one [E-18]") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    const Bytes first = sender.process(rtp_packet(1, 1)).bytes;
    REQUIRE(receiver.process(first).status == Status::ok);
    for (std::uint32_t invented = 100; invented < 1100; ++invented)
        REQUIRE(receiver.process(rtp_packet(1, invented)).status == Status::auth_failed);
    CHECK(receiver.process(first).status == Status::replayed);
}

TEST_CASE("A stream of forged packets is looked for in one place only, mostly, and hides no sender that has turned") {
    WITH_EVERY_ENGINE;
    for (const Suite each : {suite, Suite::aead_aes_128_gcm}) {
        const Bytes its_key(key_material_bytes(each), 5);
        Peer sender(each, its_key, false), receiver(each, its_key, true);
        for (const std::uint16_t lost : {65'534, 65'535, 0})
            REQUIRE(sender.process(rtp_packet(lost, 1)).status == Status::ok);
        const auto forge = [&](std::uint32_t many) {
            for (std::uint32_t invented = 0; invented < many; ++invented)
                REQUIRE(receiver.process(rtp_packet(5, 1000 + invented)).status == Status::auth_failed);
        };
        forge(1);  // what is made once is made
        test::allocations = 0;
        forge(1'000);
        CHECK(test::allocations <= 2 * 1'000);  // the buffers of this test
        std::uint16_t sequence = 1;
        while (sequence < 100 && receiver.process(sender.process(rtp_packet(sequence, 1)).bytes).status != Status::ok)
            ++sequence;
        CHECK(sequence <= limits::second_look_every);
        for (const std::uint16_t after : {100, 101})
            CHECK(receiver.process(sender.process(rtp_packet(after, 1)).bytes).status == Status::ok);
    }
}

TEST_CASE("The first few second looks are free, then one of sixteen, until somebody was found there") {
    SecondLooks looks;
    const auto worth = [&](std::uint32_t many) {
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < many; ++i) count += looks.worth_one();
        return count;
    };
    CHECK(worth(256) == 256);
    CHECK(worth(1'600) == 100);
    looks.found();
    CHECK(worth(300) == 256 + 3);
}

TEST_CASE("However many SSRCs are sent under a key, none of them is refused, and no index of one is used twice") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false), receiver(suite, key, true);
    std::set<std::pair<std::uint32_t, std::uint64_t>> used;
    std::uint16_t longest = 0;
    const auto send = [&](std::uint32_t ssrc) {
        const std::uint64_t index = sender.context->goes_on_at(ssrc).value_or(1);
        CHECK(used.emplace(ssrc, index).second);
        const Bytes plain = rtp_packet(static_cast<std::uint16_t>(index), ssrc);
        longest = std::max(longest, static_cast<std::uint16_t>(index));
        const Outcome sent = sender.process(plain);
        REQUIRE(sent.status == Status::ok);
        CHECK(receiver.process(sent.bytes).bytes == plain);
    };
    for (int i = 0; i < 1'000; ++i) send(7);  // the call itself, which stays
    for (std::uint32_t round = 0; round < 3; ++round)
        for (std::uint32_t ssrc = 1000; ssrc < 1000 + 2 * limits::outbound_ssrcs; ++ssrc) {
            send(ssrc);
            send(ssrc);
            if (ssrc % 16 == 0) send(7);
        }
    CHECK(longest < 2'000);  // a receiver that has forgotten the SSRC too has its rollover counter right
    CHECK(sender.context->use().rtp.size() == limits::outbound_ssrcs);
    CHECK(sender.context->use().unlisted_from > 1);
}

TEST_CASE("What was forgotten before a restart is not begun anew after it, nor what the last report could not tell") {
    WITH_EVERY_ENGINE;
    Peer sender(suite, key, false);
    for (std::uint32_t ssrc = 1; ssrc <= limits::outbound_ssrcs + 10; ++ssrc)
        for (const std::uint16_t sequence : {300, 301})
            REQUIRE(sender.process(rtp_packet(static_cast<std::uint16_t>(sequence + 2 * ssrc), ssrc)).status ==
                    Status::ok);
    const KeyUse reported = sender.context->use();
    const std::uint64_t from = reported.unlisted_from;
    REQUIRE(from > 300);
    Peer fresh(suite, key, false);
    REQUIRE(fresh.engine->resume(*fresh.context, reported));
    const std::uint64_t goes_on = fresh.context->goes_on_at(1).value();
    CHECK(goes_on >= from + limits::resume_margin);
    CHECK(fresh.context->goes_on_at(10'000) == goes_on);
    const Bytes next = rtp_packet(static_cast<std::uint16_t>(goes_on), 1);
    CHECK(fresh.process(next).status == Status::ok);
    CHECK(fresh.process(next).status == Status::replayed);
    fresh.rekey(Bytes(30, 6));  // a new key's keystreams are all new
    CHECK_FALSE(fresh.context->goes_on_at(10'000));
}
