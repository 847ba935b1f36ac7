#include <catch2/catch.hpp>

#include "peer.h"

using namespace sallyport;
using namespace sallyport::srtp;

namespace {

constexpr Suite suites[] = {Suite::aes_cm_128_hmac_sha1_80, Suite::aes_cm_128_hmac_sha1_32, Suite::aead_aes_128_gcm,
                            Suite::aead_aes_256_gcm, Suite::aes_256_cm_hmac_sha1_80};
Bytes key(Suite suite, std::uint8_t fill) { return Bytes(key_material_bytes(suite), fill); }

// A new process in the place of the one that `before` was in, told what the old one last reported.
Peer successor(const Peer& before, const KeyUse& reported) {
    const auto bytes = before.context->key().bytes();
    Peer fresh(before.context->key().suite(), Bytes(bytes.begin(), bytes.end()), before.context->inbound());
    REQUIRE(fresh.engine->resume(*fresh.context, reported));
    return fresh;
}

// A sender and a receiver that have come to a rollover counter of 2.
struct LongCall {
    explicit LongCall(Suite s) : suite(s), sender(s, key(s, 1), false), receiver(s, key(s, 1), true) {
        for (const std::uint32_t index : {40'000u, 70'000u, 100'000u, 130'000u, 140'000u})
            REQUIRE(pass(static_cast<std::uint16_t>(index)) == Status::ok);
    }
    Status pass(std::uint16_t sequence) {
        const Bytes plain = rtp_packet(sequence);
        const Outcome received = receiver.process(sender.process(plain).bytes);
        if (received.status == Status::ok) CHECK(received.bytes == plain);
        return received.status;
    }
    Suite suite;
    Peer sender, receiver;
};

}  // namespace

TEST_CASE("A key's use is its highest index of each SSRC") {
    WITH_EVERY_ENGINE;
    LongCall call(Suite::aes_cm_128_hmac_sha1_80);
    call.sender.process(rtp_packet(139'999 - 131'072));  // late
    call.sender.process(rtp_packet(7, 1));
    call.sender.process(rtcp_packet(), true);
    CHECK(call.sender.context->use() == KeyUse{{{0xcafebabe, 140'000}, {1, 7}}, 1});
    CHECK(call.receiver.context->use() == KeyUse{{{0xcafebabe, 140'000}}, 0});
}

TEST_CASE("A sender that resumes is understood by a receiver that knows nothing of it, and the other way round") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        LongCall call(suite);
        call.sender = successor(call.sender, call.sender.context->use());
        CHECK(call.pass(140'100 & 0xffff) == Status::ok);
        call.receiver = successor(call.receiver, call.receiver.context->use());
        for (const std::uint32_t index : {140'200u, 170'000u, 196'600u, 196'610u, 220'000u})
            CHECK(call.pass(static_cast<std::uint16_t>(index)) == Status::ok);
        CHECK(call.sender.context->use().rtp == std::vector<SsrcIndex>{{0xcafebabe, 220'000}});
    }
}

TEST_CASE("The sequence number may have turned since the last report, and during the gap") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        LongCall call(suite);
        const KeyUse sent = call.sender.context->use(), received = call.receiver.context->use();
        for (const std::uint32_t index : {170'000u, 190'000u, 196'607u})
            REQUIRE(call.pass(static_cast<std::uint16_t>(index)) == Status::ok);
        call.sender = successor(call.sender, sent);
        CHECK(call.pass(196'700 & 0xffff) == Status::ok);
        call.receiver = successor(call.receiver, received);
        CHECK(call.pass(196'800 & 0xffff) == Status::ok);
    }
}

TEST_CASE("No index up to the last report is used again, nor one from before the gap taken for one of the next turn") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        LongCall call(suite);
        const Bytes heard = call.sender.process(rtp_packet(140'001 & 0xffff)).bytes;
        REQUIRE(call.receiver.process(heard).status == Status::ok);
        call.receiver = successor(call.receiver, call.receiver.context->use());
        CHECK(call.receiver.process(heard).status == Status::replayed);
        call.sender = successor(call.sender, call.sender.context->use());
        CHECK(call.sender.process(rtp_packet(140'001 & 0xffff)).status == Status::replayed);
        CHECK(call.sender.process(rtp_packet(139'500 & 0xffff)).status == Status::replayed);
        CHECK(call.pass(140'002 & 0xffff) == Status::ok);
        CHECK(call.sender.process(rtp_packet(140'002 & 0xffff)).status == Status::replayed);
    }
}

TEST_CASE("What was used before a restart stays refused after the first new packet, by sender and receiver") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites)
        for (const std::uint32_t first : {140'006u, 140'300u, 170'000u}) {
            LongCall call(suite);
            std::vector<Bytes> heard;
            for (std::uint32_t index = 140'001; index <= 140'005; ++index)
                heard.push_back(call.sender.process(rtp_packet(static_cast<std::uint16_t>(index))).bytes);
            for (const Bytes& packet : heard) REQUIRE(call.receiver.process(packet).status == Status::ok);
            call.sender = successor(call.sender, call.sender.context->use());
            call.receiver = successor(call.receiver, call.receiver.context->use());
            REQUIRE(call.pass(static_cast<std::uint16_t>(first)) == Status::ok);
            REQUIRE(call.pass(static_cast<std::uint16_t>(first + 1)) == Status::ok);
            for (const Bytes& packet : heard) CHECK(call.receiver.process(packet).status == Status::replayed);
            for (std::uint32_t index = 139'990; index <= 140'005; ++index)
                CHECK(call.sender.process(rtp_packet(static_cast<std::uint16_t>(index))).status == Status::replayed);
            CHECK(call.sender.process(rtp_packet(static_cast<std::uint16_t>(first - 1))).status == Status::replayed);
            CHECK(call.pass(static_cast<std::uint16_t>(first + 2)) == Status::ok);
        }
}

TEST_CASE("Packets newer than the report end for good when the sender's own have passed them") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        LongCall call(suite);
        const KeyUse reported = call.receiver.context->use();
        std::vector<Bytes> heard;  // after the report and before the restart
        for (std::uint32_t index = 140'001; index <= 140'020; ++index)
            heard.push_back(call.sender.process(rtp_packet(static_cast<std::uint16_t>(index))).bytes);
        call.receiver = successor(call.receiver, reported);
        CHECK(call.receiver.process(heard[3]).status == Status::ok);
        CHECK(call.receiver.process(heard[2]).status == Status::replayed);
        REQUIRE(call.pass(140'200 & 0xffff) == Status::ok);
        for (const Bytes& packet : heard) CHECK(call.receiver.process(packet).status == Status::replayed);
    }
}

TEST_CASE("A new key lifts the floor: late packets under it are new to everybody") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        LongCall call(suite);
        call.sender = successor(call.sender, call.sender.context->use());
        call.receiver = successor(call.receiver, call.receiver.context->use());
        REQUIRE(call.pass(140'010 & 0xffff) == Status::ok);
        call.sender.rekey(key(suite, 2));
        call.receiver.rekey(key(suite, 2));
        REQUIRE(call.pass(140'012 & 0xffff) == Status::ok);
        CHECK(call.pass(140'009 & 0xffff) == Status::ok);
    }
}

TEST_CASE("Forged packets decide nothing about where a receiver resumes") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        LongCall call(suite);
        call.receiver = successor(call.receiver, call.receiver.context->use());
        for (const std::uint16_t sequence : {0, 20'000, 40'000, 65'535})
            CHECK(call.receiver.process(rtp_packet(sequence)).status == Status::auth_failed);
        CHECK(call.pass(140'050 & 0xffff) == Status::ok);
        CHECK(call.pass(140'052 & 0xffff) == Status::ok);
        CHECK(call.pass(140'051 & 0xffff) == Status::ok);
    }
}

TEST_CASE("After a restart SSRCs that nobody had heard of begin at zero, and those without a turn go on") {
    WITH_EVERY_ENGINE;
    LongCall call(Suite::aes_cm_128_hmac_sha1_80);
    const Bytes before = rtp_packet(100, 7);
    REQUIRE(call.receiver.process(call.sender.process(before).bytes).status == Status::ok);
    call.sender = successor(call.sender, call.sender.context->use());
    call.receiver = successor(call.receiver, call.receiver.context->use());
    CHECK(call.receiver.process(call.sender.process(rtp_packet(101, 7)).bytes).bytes == rtp_packet(101, 7));
    CHECK(call.receiver.process(call.sender.process(rtp_packet(50'000, 8)).bytes).bytes == rtp_packet(50'000, 8));
    CHECK(call.pass(140'001 & 0xffff) == Status::ok);
}

TEST_CASE("The SRTCP index never repeats across a restart, not even one that was never reported") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Peer sender(suite, key(suite, 1), false), receiver(suite, key(suite, 1), true);
        const auto send = [&] { return sender.process(rtcp_packet(), true).bytes; };
        for (int i = 0; i < 3; ++i) REQUIRE(receiver.process(send(), true).status == Status::ok);
        std::uint32_t last = 3;
        for (const KeyUse& reported : {KeyUse{}, KeyUse{{}, 70'000}}) {
            sender = successor(sender, reported);
            const Bytes sent = send();
            CHECK(sender.context->use().srtcp > std::max(last, reported.srtcp));
            last = sender.context->use().srtcp;
            CHECK(receiver.process(sent, true).bytes == rtcp_packet());
            CHECK(receiver.process(sent, true).status == Status::replayed);
        }
        sender = successor(sender, KeyUse{{}, limits::srtcp_index});
        CHECK(sender.process(rtcp_packet(), true).status == Status::failed);  // its lifetime is over
    }
}

TEST_CASE("SRTCP that was received before a restart is refused after it, up to the last report") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Peer sender(suite, key(suite, 1), false), receiver(suite, key(suite, 1), true);
        std::vector<Bytes> heard;
        for (int i = 0; i < 200; ++i) {
            heard.push_back(sender.process(rtcp_packet(1 + i % 2), true).bytes);
            if (i != 197) REQUIRE(receiver.process(heard.back(), true).status == Status::ok);
        }
        const KeyUse reported = receiver.context->use();
        CHECK(reported.srtcp_received == std::vector<SsrcIndex>{{1, 199}, {2, 200}});
        receiver = successor(receiver, reported);
        CHECK(receiver.context->use() == reported);
        for (const Bytes& packet : heard) CHECK(receiver.process(packet, true).status == Status::replayed);
        std::vector<Bytes> next;
        for (int i = 0; i < 4; ++i) next.push_back(sender.process(rtcp_packet(1), true).bytes);
        for (const std::size_t i : {1u, 3u, 0u, 2u}) {
            CHECK(receiver.process(next[i], true).bytes == rtcp_packet(1));
            CHECK(receiver.process(next[i], true).status == Status::replayed);
        }
        CHECK(receiver.process(sender.process(rtcp_packet(3), true).bytes, true).status == Status::ok);
    }
}

TEST_CASE("SRTCP of a new SSRC is news, and about every sixteenth packet of it") {
    WITH_EVERY_ENGINE;
    const Suite suite = Suite::aes_cm_128_hmac_sha1_80;
    Peer sender(suite, key(suite, 1), false), receiver(suite, key(suite, 1), true);
    std::vector<int> news;
    for (int i = 1; i <= 40; ++i)
        if (receiver.process(sender.process(rtcp_packet(), true).bytes, true).news) news.push_back(i);
    CHECK(news == std::vector<int>{1, 16, 32});
}

TEST_CASE("A context that resumed can be given a new key, and its counters go on") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites)
        for (const bool sending : {true, false}) {
            LongCall call(suite);
            Peer& resumed = sending ? call.sender : call.receiver;  // the other one has never died
            resumed = successor(resumed, resumed.context->use());
            CHECK(call.pass(140'010 & 0xffff) == Status::ok);
            for (const std::uint8_t fill : {2, 3}) {
                call.sender.rekey(key(suite, fill));
                call.receiver.rekey(key(suite, fill));
            }
            CHECK(call.pass(140'011 & 0xffff) == Status::ok);
            CHECK(call.pass(170'000 & 0xffff) == Status::ok);
            CHECK(call.pass(196'700 & 0xffff) == Status::ok);
        }
}

TEST_CASE("New SSRCs and every few thousand packets are news; the packets between are not") {
    WITH_EVERY_ENGINE;
    Peer sender(Suite::aes_cm_128_hmac_sha1_80, key(Suite::aes_cm_128_hmac_sha1_80, 1), false);
    const auto news = [&](std::uint16_t sequence, std::uint32_t ssrc = 1) {
        sender.context->forget_news();
        REQUIRE(sender.process(rtp_packet(sequence, ssrc)).status == Status::ok);
        return sender.context->has_news();
    };
    CHECK(news(60'000));
    CHECK_FALSE(news(60'001));
    CHECK(news(61'440));
    CHECK_FALSE(news(61'439));
    CHECK_FALSE(news(65'535));
    CHECK(news(0));
    CHECK(news(5, 2));
}

TEST_CASE("A packet says that there is news only if it has brought it, told or not") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_128_gcm}) {
        Peer sender(suite, key(suite, 1), false), receiver(suite, key(suite, 1), true);
        for (const auto& [sequence, news] :
             {std::pair{60'000, true}, {60'001, false}, {61'440, true}, {61'441, false}}) {
            const Outcome sent = sender.process(rtp_packet(static_cast<std::uint16_t>(sequence)));
            CHECK(sent.news == news);
            CHECK(receiver.process(sent.bytes).news == news);
            CHECK(sender.context->has_news());
        }
    }
}

TEST_CASE("Behind the last index of a key there is nothing: it is not gone on with, and does not begin again") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_128_gcm}) {
        const KeyUse nearly{{{0xcafebabe, limits::packet_index - 3}}, 0};
        Peer first(suite, key(suite, 1), false), sender(suite, key(suite, 1), false),
            receiver(suite, key(suite, 1), true);
        const Bytes hundredth = first.process(rtp_packet(100)).bytes;
        REQUIRE(sender.engine->resume(*sender.context, nearly));
        REQUIRE(receiver.engine->resume(*receiver.context, nearly));
        CHECK(receiver.process(hundredth).status == Status::failed);
        for (const std::uint16_t sequence : {65'534, 65'535})
            CHECK(receiver.process(sender.process(rtp_packet(sequence)).bytes).status == Status::ok);
        CHECK(sender.process(rtp_packet(0)).status == Status::failed);
        CHECK(receiver.process(hundredth).status == Status::failed);
        CHECK(receiver.context->use() == KeyUse{{{0xcafebabe, limits::packet_index}}, 0});
    }
}

TEST_CASE("More SSRCs than a key may have, one twice, or an index that cannot be, are no use to resume") {
    WITH_EVERY_ENGINE;
    const Suite suite = Suite::aes_cm_128_hmac_sha1_80;
    const auto resumes = [&](const KeyUse& used, bool inbound) {
        Peer peer(suite, key(suite, 1), inbound);
        return peer.engine->resume(*peer.context, used);
    };
    KeyUse many;
    while (many.rtp.size() < limits::outbound_ssrcs)
        many.rtp.push_back({static_cast<std::uint32_t>(many.rtp.size()), 1});
    CHECK(resumes(many, false));
    CHECK_FALSE(resumes(many, true));
    many.rtp.push_back({1000, 1});
    CHECK_FALSE(resumes(many, false));
    CHECK_FALSE(resumes({{{1, 5}, {1, 6}}, 0}, false));
    CHECK_FALSE(resumes({{{1, std::uint64_t{1} << 48}}, 0}, false));
    CHECK_FALSE(resumes({.unlisted_from = limits::packet_index + 2}, false));
    CHECK_FALSE(resumes({.srtcp_received = {{1, 5}, {1, 6}}}, true));
    CHECK_FALSE(resumes({.srtcp_received = {{1, limits::srtcp_index + 1ull}}}, true));
}
