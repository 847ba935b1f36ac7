#include <catch2/catch.hpp>

#include "media-plane/srtp/multi_buffer.h"
#include "peer.h"

using namespace sallyport;
using namespace sallyport::srtp;

namespace {

const Suite suites[] = {Suite::aes_cm_128_hmac_sha1_80, Suite::aes_cm_128_hmac_sha1_32, Suite::aead_aes_128_gcm,
                        Suite::aead_aes_256_gcm, Suite::aes_256_cm_hmac_sha1_80};

Bytes key_of(Suite suite, std::uint8_t seed = 1) {
    Bytes key(key_material_bytes(suite));
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(seed * 31 + i * 7);
    return key;
}

struct Pair {
    explicit Pair(Suite suite = Suite::aes_cm_128_hmac_sha1_80)
        : sender(suite, key_of(suite), false), receiver(suite, key_of(suite), true) {}
    Status pass(std::uint16_t sequence, std::uint32_t ssrc = 0xcafebabe) {
        const Bytes plain = rtp_packet(sequence, ssrc);
        const Outcome sent = sender.process(plain);
        if (sent.status != Status::ok) return sent.status;
        const Outcome received = receiver.process(sent.bytes);
        if (received.status == Status::ok) CHECK(received.bytes == plain);
        return received.status;
    }
    Peer sender, receiver;
};

}  // namespace

TEST_CASE("150,000 packets in a row decrypt: the rollover counter follows twice around") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_128_gcm}) {
        Pair pair(suite);
        std::size_t good = 0;
        for (std::uint32_t i = 0; i < 150'000; ++i) good += pair.pass(static_cast<std::uint16_t>(i)) == Status::ok;
        CHECK(good == 150'000);
    }
}

TEST_CASE("A wrong tag, a wrong key and a changed header are not authentic, and leave the length alone") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        INFO(facts(suite).sdes_name);
        Pair pair(suite);
        const Bytes sent = pair.sender.process(rtp_packet(1)).bytes;
        for (const std::size_t spoilt : {std::size_t{1}, std::size_t{20}, sent.size() - 1}) {
            Bytes forged = sent;
            forged[spoilt] ^= 1;
            const Outcome outcome = pair.receiver.process(forged);
            CHECK(outcome.status == Status::auth_failed);
            CHECK(outcome.bytes.size() == sent.size());
        }
        Peer stranger(suite, key_of(suite, 9), true);
        CHECK(stranger.process(sent).status == Status::auth_failed);
        CHECK(pair.receiver.process(sent).status == Status::ok);
    }
}

TEST_CASE("A wrong SRTCP tag is not authentic") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Pair pair(suite);
        Bytes sent = pair.sender.process(rtcp_packet(), true).bytes;
        const Bytes good = sent;
        sent.back() ^= 1;
        CHECK(pair.receiver.process(sent, true).status != Status::ok);
        CHECK(pair.receiver.process(good, true).status == Status::ok);
    }
}

TEST_CASE("A packet counts once: replays and packets older than the window are refused") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Pair pair(suite);
        const Bytes rtp = pair.sender.process(rtp_packet(100)).bytes;
        const Bytes rtcp = pair.sender.process(rtcp_packet(), true).bytes;
        CHECK(pair.receiver.process(rtp).status == Status::ok);
        CHECK(pair.receiver.process(rtp).status == Status::replayed);
        CHECK(pair.receiver.process(rtcp, true).status == Status::ok);
        CHECK(pair.receiver.process(rtcp, true).status == Status::replayed);
        CHECK(pair.pass(static_cast<std::uint16_t>(100 + limits::replay_window + 10)) == Status::ok);
        CHECK(pair.receiver.process(rtp).status == Status::replayed);
    }
}

TEST_CASE("Packets that arrive out of order decrypt, across the turn of the sequence number too") {
    WITH_EVERY_ENGINE;
    Pair pair;
    REQUIRE(pair.pass(65'000) == Status::ok);
    std::vector<Bytes> late;
    for (std::uint16_t i = 0; i < 100; ++i)
        late.push_back(pair.sender.process(rtp_packet(static_cast<std::uint16_t>(65'486 + i))).bytes);
    std::size_t good = 0;
    for (std::size_t i = late.size(); i-- > 0;) good += pair.receiver.process(late[i]).status == Status::ok;
    CHECK(good == late.size());
}

TEST_CASE("A sequence number is never encrypted twice") {
    WITH_EVERY_ENGINE;
    Pair pair;
    CHECK(pair.sender.process(rtp_packet(7)).status == Status::ok);
    Bytes other = rtp_packet(7);
    other[20] ^= 0xff;
    CHECK(pair.sender.process(other).status == Status::replayed);
}

TEST_CASE("Packets too short for header, index and tag are malformed, whatever their length") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Pair pair(suite);
        const Bytes rtp = pair.sender.process(rtp_packet(1)).bytes,
                    rtcp = pair.sender.process(rtcp_packet(), true).bytes;
        for (std::size_t length = 0; length < 12 + facts(suite).rtp_tag_bytes; ++length)
            CHECK(pair.receiver.process({rtp.begin(), rtp.begin() + static_cast<std::ptrdiff_t>(length)}).status ==
                  Status::malformed);
        for (std::size_t length = 0; length < 8 + 4 + facts(suite).rtcp_tag_bytes; ++length)
            CHECK(pair.receiver.process({rtcp.begin(), rtcp.begin() + static_cast<std::ptrdiff_t>(length)}, true)
                      .status == Status::malformed);
        CHECK(pair.sender.process(Bytes(11, 0x80)).status == Status::malformed);
        CHECK(pair.sender.process(Bytes(7, 0x80), true).status == Status::malformed);
    }
}

TEST_CASE("Header fields that point behind the packet are malformed: CC 15 in 20 bytes, extension of 0xFFFF words") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Pair pair(suite);
        Bytes many_sources(20 + facts(suite).rtp_tag_bytes, 0);
        many_sources[0] = 0x8f;
        CHECK(pair.receiver.process(many_sources).status == Status::malformed);
        Bytes extension(100, 0);
        extension[0] = 0x90;
        extension[14] = extension[15] = 0xff;
        CHECK(pair.receiver.process(extension).status == Status::malformed);
        CHECK(pair.sender.process(extension).status == Status::malformed);
    }
}

TEST_CASE("An extension that ends exactly at the tag is taken, one that reaches into it is not") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Pair pair(suite);
        Bytes packet(12 + 4 + 8, 0);
        packet[0] = 0x90;
        packet[15] = 2;
        const Outcome sent = pair.sender.process(packet);
        REQUIRE(sent.status == Status::ok);
        Bytes reaching = sent.bytes;
        reaching[15] = 3;
        CHECK(pair.receiver.process(reaching).status != Status::ok);
        CHECK(pair.receiver.process(sent.bytes).bytes == packet);
    }
}

TEST_CASE("A forged SRTCP packet of any length and either E bit disturbs no later one") {
    WITH_EVERY_ENGINE;
    for (const Suite suite : suites) {
        Pair pair(suite);
        for (const std::size_t length : {30u, 1500u, 2060u, 2066u, 2070u, 9000u})
            for (const std::uint8_t e_bit : {0x00, 0x80}) {
                Bytes forged(length, 0);
                forged[0] = 0x80;
                forged[1] = 201;
                forged[length - 4 - (facts(suite).rtcp_tag_bytes == 16 ? 0 : 10)] = e_bit;
                CHECK(pair.receiver.process(forged, true).status != Status::ok);
            }
        CHECK(pair.receiver.process(pair.sender.process(rtcp_packet(), true).bytes, true).status == Status::ok);
        CHECK(pair.pass(1) == Status::ok);
    }
}

TEST_CASE("A buffer without room for the tag is not written behind") {
    WITH_EVERY_ENGINE;
    Peer sender(Suite::aes_cm_128_hmac_sha1_80, key_of(Suite::aes_cm_128_hmac_sha1_80), false);
    Bytes packet = rtp_packet(1);
    const Bytes before = packet;
    Job job{sender.context.get(), packet.data(), 172, 181, false, Status::ok};
    sender.engine->protect({&job, 1});
    CHECK(job.status == Status::failed);
    CHECK(packet == before);
}

TEST_CASE("Keys of the wrong length and the suite none are refused") {
    WITH_EVERY_ENGINE;
    const auto engine = engine_under_test();
    CHECK(engine->create(Suite::aes_cm_128_hmac_sha1_80, Bytes(29), true).error() == EngineErrc::bad_key_length);
    CHECK(engine->create(Suite::aead_aes_128_gcm, Bytes(30), true).error() == EngineErrc::bad_key_length);
    CHECK(engine->create(Suite::none, Bytes(), true).error() == EngineErrc::unsupported_suite);
}

TEST_CASE("A burst is worked through in order, and jobs already failed are left alone") {
    WITH_EVERY_ENGINE;
    Pair pair;
    std::vector<Bytes> packets;
    for (std::uint16_t i = 0; i < 32; ++i) packets.push_back(pair.sender.process(rtp_packet(i)).bytes);
    std::vector<Job> jobs;
    for (auto& p : packets) {
        jobs.push_back({pair.receiver.context.get(), p.data(), static_cast<std::uint16_t>(p.size()),
                        static_cast<std::uint16_t>(p.size()), false, Status::ok});
    }
    jobs[5].status = Status::failed;
    pair.receiver.engine->unprotect(jobs);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        CHECK(jobs[i].status == (i == 5 ? Status::failed : Status::ok));
        CHECK(jobs[i].length == (i == 5 ? 182 : 172));
    }
}

TEST_CASE("AES counter mode and HMAC-SHA1 agree with RFC 3711 B.2, RFC 6188 7.1 and RFC 2202") {
    const Bytes key = *from_hex("2b7e151628aed2a6abf7158809cf4f3c");
    AesCounter short_aes(16);
    short_aes.set_key(key.data());
    Bytes stream(32);
    std::array<std::uint8_t, 16> counter{0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6,
                                         0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd};
    short_aes.apply(counter, stream);
    CHECK(to_hex(stream) == "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab");
    const Bytes long_key = *from_hex("57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98");
    AesCounter long_aes(32);
    long_aes.set_key(long_key.data());
    stream.assign(32, 0);
    long_aes.apply(counter, stream);
    CHECK(to_hex(stream) == "92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac");
    HmacSha1 hmac;
    hmac.set_key(as_bytes("Jefe"));
    CHECK(to_hex(hmac.digest(as_bytes("what do ya want for nothing?"))) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}
