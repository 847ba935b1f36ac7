// What a peer says of its SRTP key beside the key: how packets name it, and how many of them there may be.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using srtp::Suite;

namespace {

constexpr Suite suites[] = {Suite::aes_cm_128_hmac_sha1_80, Suite::aes_cm_128_hmac_sha1_32, Suite::aead_aes_128_gcm,
                            Suite::aead_aes_256_gcm, Suite::aes_256_cm_hmac_sha1_80};
constexpr srtp::EngineChoice engines[] = {srtp::EngineChoice::fastest, srtp::EngineChoice::libsrtp};
const Endpoint rtcp_a = at("203.0.113.5:4001");

Bytes key(Suite suite, std::uint8_t fill) { return Bytes(srtp::key_material_bytes(suite), fill); }

// As RFC 3711 has it in front of the tag, and RFC 7714 behind the ciphertext.
Bytes named(Bytes packet, const Bytes& mki, Suite suite, bool rtcp = false) {
    const bool aead = suite == Suite::aead_aes_128_gcm || suite == Suite::aead_aes_256_gcm;
    const std::size_t tag = aead ? 0 : rtcp ? 10 : srtp::facts(suite).rtp_tag_bytes;
    packet.insert(packet.end() - static_cast<std::ptrdiff_t>(tag), mki.begin(), mki.end());
    return packet;
}

// Side a has SRTP under a key that its peer has said something of.
struct TermedCall {
    TermedCall(Suite s, srtp::EngineChoice engine, Bytes named_by, std::uint64_t lifetime,
               std::optional<KeyUse> used = std::nullopt)
        : bench(with(engine)),
          suite(s),
          mki(std::move(named_by)),
          call(bench, {changed(1, lifetime, std::move(used))}),
          peer(s, key(s, 1), key(s, 2)) {
        REQUIRE(call.reply.code == Code::ok);
    }
    static PipelineConfig with(srtp::EngineChoice engine) {
        PipelineConfig config = two_ports();
        config.srtp_engine = engine;
        return config;
    }
    LegChange changed(std::uint8_t fill, std::uint64_t lifetime, std::optional<KeyUse> used = std::nullopt) const {
        LegChange change = leg(Side::a, at("203.0.113.5:4000"));
        change.keys = Keys{.suite = suite,
                           .receive = key(suite, fill),
                           .send = key(suite, static_cast<std::uint8_t>(fill + 1)),
                           .used = std::move(used),
                           .receive_mki = mki,
                           .receive_lifetime = lifetime};
        return change;
    }
    Drop hear(SrtpPeer& from, const Bytes& by) {
        const Bytes plain = rtp_packet({.sequence = ++sequence});
        const Relayed relayed = call.from_a(named(from.protect(plain), by, suite));
        if (relayed.drop == Drop::none) CHECK(relayed.payload == plain);
        bench.wait(2ms);
        return relayed.drop;
    }
    Drop hear() { return hear(peer, mki); }
    Drop hear_rtcp() {
        bench.wait(200ms);
        return call.rtcp_from_a(named(peer.protect(rtcp_packet(), true), mki, suite, true), rtcp_a).drop;
    }
    std::vector<std::uint64_t> told() {  // of how many packets are left
        std::vector<std::uint64_t> all;
        for (const Event& event : bench.tick())
            if (event.kind == EventKind::key_ends) {
                CHECK(event.side == Side::a);
                all.push_back(event.count);
            }
        return all;
    }
    MediaBench bench;
    Suite suite;
    Bytes mki;
    Call call;
    SrtpPeer peer;
    std::uint16_t sequence = 100;
};
using Told = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("A peer whose packets name their key is heard, with every suite and by every engine [E-20]") {
    for (const auto engine : engines)
        for (const Suite suite : suites) {
            INFO(srtp::facts(suite).sdes_name);
            TermedCall c(suite, engine, {0, 0, 4, 42}, 0);
            CHECK(c.hear() == Drop::none);
            CHECK(c.hear_rtcp() == Drop::none);
            CHECK(c.hear(c.peer, {0, 0, 4, 43}) == Drop::auth_failed);  // another key, which nobody has told
            CHECK(c.hear() == Drop::none);
            CHECK(c.call.statistics(Side::a).srtp_auth_failures == 1);
        }
}

TEST_CASE("A peer that states an MKI and sends none is heard: what looks like one is looked for no more [E-20]") {
    for (const auto engine : engines)
        for (const Suite suite : suites) {
            INFO(srtp::facts(suite).sdes_name);
            TermedCall c(suite, engine, {0x5a}, 0);
            int lost = 0;
            for (int i = 0; i < 2'000; ++i) lost += c.hear(c.peer, {}) != Drop::none;
            CHECK(lost <= 1);  // of a first packet one in 256 looks so
            CHECK(c.call.rtcp_from_a(c.peer.protect(rtcp_packet(), true), rtcp_a).drop == Drop::none);
        }
}

TEST_CASE("Whoever takes the name off one packet does not silence its sender: the next ones are read with it again") {
    for (const auto engine : engines)
        for (const Suite suite : suites) {
            INFO(srtp::facts(suite).sdes_name);
            TermedCall c(suite, engine, {0, 0, 4, 42}, 0);
            CHECK(c.hear() == Drop::none);
            CHECK(c.hear(c.peer, {}) == Drop::none);  // as if it were one that names nothing
            int lost = 0;
            for (int i = 0; i < 10; ++i) lost += c.hear() != Drop::none;
            CHECK(lost <= 1);
        }
}

TEST_CASE("A burst of packets that name their keys goes through together, each leg's by its own") {
    MediaBench bench;
    LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
    const Suite suite = Suite::aes_cm_128_hmac_sha1_80;
    a.keys = Keys{.suite = suite, .receive = key(suite, 1), .send = key(suite, 2), .receive_mki = {9}};
    b.keys = Keys{.suite = suite, .receive = key(suite, 3), .send = key(suite, 4), .receive_mki = {0, 8}};
    Call call(bench, {a, b});
    SrtpPeer peer_a(suite, key(suite, 1), key(suite, 2)), peer_b(suite, key(suite, 3), key(suite, 4));
    std::vector<Bytes> octets;
    for (std::uint16_t i = 0; i < 8; ++i) {
        octets.push_back(named(peer_a.protect(rtp_packet({.sequence = i})), {9}, suite));
        octets.push_back(named(peer_b.protect(rtp_packet({.sequence = i})), {0, 8}, suite));
    }
    std::vector<Packet> burst;
    for (std::size_t i = 0; i < octets.size(); ++i)
        burst.push_back(bench.describe(i % 2 == 0 ? 0 : 1, i % 2 == 0 ? call.peer_a : call.peer_b,
                                       i % 2 == 0 ? call.local_a.port : call.local_b.port, octets[i]));
    bench.pipeline.process(burst, bench.now);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        const Relayed relayed = MediaBench::result(burst[i]);
        REQUIRE(relayed.drop == Drop::none);
        CHECK((i % 2 == 0 ? peer_b : peer_a).unprotect(relayed.payload) ==
              rtp_packet({.sequence = static_cast<std::uint16_t>(i / 2)}));
    }
}

TEST_CASE("In a changeover each key is known by its own name, of another length too [E-20] [SC-14.4-06]") {
    for (const Bytes& before : {Bytes{}, Bytes{1}, Bytes{0, 0, 0, 1}})
        for (const Bytes& after : {Bytes{}, Bytes{2}, Bytes{0, 2}}) {
            TermedCall c(Suite::aes_cm_128_hmac_sha1_80, {}, before, 0);
            REQUIRE(c.hear() == Drop::none);
            c.mki = after;
            REQUIRE(c.call.modify({c.changed(5, 0)}).code == Code::ok);
            SrtpPeer fresh(c.suite, key(c.suite, 5), key(c.suite, 6));
            for (int i = 0; i < 3; ++i) {
                CHECK(c.hear(c.peer, before) == Drop::none);
                CHECK(c.hear(fresh, after) == Drop::none);
            }
            c.bench.wait(3100ms);
            c.bench.tick();
            CHECK(c.hear(c.peer, before) == Drop::auth_failed);
            CHECK(c.hear(fresh, after) == Drop::none);
        }
}

TEST_CASE("A key is good for less packets than its lifetime; signaling hears in time, and when it is over [E-20]") {
    for (const auto engine : engines)
        for (const Suite suite : suites) {
            INFO(srtp::facts(suite).sdes_name);
            TermedCall c(suite, engine, {}, 64);
            Told told;
            for (int i = 0; i < 63; ++i) {
                REQUIRE(c.hear() == Drop::none);
                for (const auto left : c.told()) told.push_back(left);
            }
            CHECK(told == Told{8, 4, 2, 0});
            for (int i = 0; i < 40; ++i) REQUIRE(c.hear() == Drop::key_over);
            CHECK(c.told().empty());
            CHECK(c.bench.drops(Drop::key_over) == 40);
            CHECK(c.hear_rtcp() == Drop::none);  // counted for itself
            // The same key again is the same key: "previously stored and used keys MUST NOT be used again".
            REQUIRE(c.call.modify({c.changed(1, 64)}).code == Code::ok);
            CHECK(c.hear() == Drop::key_over);
            CHECK(c.told().empty());  // nor is it told once more, to be asked for once more
            REQUIRE(c.call.modify({c.changed(7, 64)}).code == Code::ok);
            SrtpPeer fresh(suite, key(suite, 7), key(suite, 8));
            CHECK(c.hear(fresh, {}) == Drop::none);
        }
}

TEST_CASE("A peer that answers with the key it has is not asked for another one at once [E-20]") {
    TermedCall c(Suite::aes_cm_128_hmac_sha1_80, {}, {}, 64);
    for (int i = 0; i < 55; ++i) REQUIRE(c.hear() == Drop::none);
    CHECK(c.told() == Told{8});
    REQUIRE(c.call.modify({c.changed(1, 64)}).code == Code::ok);
    CHECK(c.hear() == Drop::none);
    CHECK(c.told().empty());
    REQUIRE(c.call.modify({c.changed(1, 80)}).code == Code::ok);  // it takes back what it has said
    for (int i = 0; i < 13; ++i) REQUIRE(c.hear() == Drop::none);
    CHECK(c.told() == Told{10});
}

TEST_CASE("What is not authentic is not counted, and SRTCP for itself [E-20]") {
    TermedCall c(Suite::aes_cm_128_hmac_sha1_80, {}, {}, 16);
    SrtpPeer forger(c.suite, key(c.suite, 9), key(c.suite, 9));
    for (int i = 0; i < 30; ++i) REQUIRE(c.hear(forger, {}) == Drop::auth_failed);
    for (int i = 0; i < 15; ++i) REQUIRE(c.hear_rtcp() == Drop::none);
    CHECK(c.hear_rtcp() == Drop::key_over);
    CHECK(c.hear() == Drop::none);
    CHECK(c.told() == Told{0});
}

TEST_CASE("A key without a lifetime, or one of 2^48, is good for any call") {
    TermedCall c(Suite::aes_cm_128_hmac_sha1_80, {}, {}, std::uint64_t{1} << 48);
    for (int i = 0; i < 2'000; ++i) REQUIRE(c.hear() == Drop::none);
    CHECK(c.told().empty());
}

TEST_CASE("After a restart the count goes on where it was reported [E-20]") {
    TermedCall first(Suite::aes_cm_128_hmac_sha1_80, {}, {}, 64);
    REQUIRE(first.hear() == Drop::none);
    KeyUse used;
    for (const Event& event : first.bench.tick())
        if (event.kind == EventKind::key_use && event.side == Side::a) used = event.used;
    CHECK(used.received_packets == 1);
    CHECK(used.received_srtcp == 0);
    used.received_packets = 62;
    TermedCall second(Suite::aes_cm_128_hmac_sha1_80, {}, {}, 64, used);
    second.sequence = 200;
    CHECK(second.hear() == Drop::none);
    CHECK(second.told() == Told{0});
    CHECK(second.hear() == Drop::key_over);
}
