// A media plane that is gone and another one in its place, told what the first one reported.
#include <catch2/catch.hpp>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using srtp::Suite;

namespace {

constexpr Suite suites[] = {Suite::aes_cm_128_hmac_sha1_80, Suite::aead_aes_128_gcm};
const Endpoint rtcp_b = at("203.0.113.99:6001");

Bytes key(Suite suite, std::uint8_t fill) { return Bytes(srtp::key_material_bytes(suite), fill); }

// One process: a pipeline with one call, SRTP on side a.
struct Process {
    Process(Suite suite, std::optional<KeyUse> used) : call(bench, {secure(suite, std::move(used))}) {
        REQUIRE(call.reply.code == Code::ok);
    }
    static LegChange secure(Suite suite, std::optional<KeyUse> used) {
        LegChange change = leg(Side::a, at("203.0.113.5:4000"));
        change.keys = Keys{suite, key(suite, 1), key(suite, 2), std::move(used)};
        return change;
    }
    MediaBench bench;
    Call call;
};

struct RestartedCall {
    explicit RestartedCall(Suite s) : suite(s), peer(s, key(s, 1), key(s, 2)) {
        process = std::make_unique<Process>(suite, std::nullopt);
    }
    void restart() { process = std::make_unique<Process>(suite, reported); }
    // A packet each way; false unless both arrive.
    bool pass(std::uint32_t index) {
        const Bytes plain = rtp_packet({.sequence = static_cast<std::uint16_t>(index)});
        const Relayed in = process->call.from_a(peer.protect(plain));
        const Relayed out = process->call.from_b(plain);
        const bool both = in.drop == Drop::none && in.payload == plain && out.drop == Drop::none &&
                          same_but_numbers(peer.unprotect(out.payload), plain);
        tick();
        return both;
    }
    bool pass_rtcp() {
        const Relayed out = process->call.rtcp_from_b(rtcp_packet(), rtcp_b);
        return out.drop == Drop::none && peer.unprotect(out.payload, true) == rtcp_packet();
    }
    void tick(Duration after = 1s) {
        process->bench.wait(after);
        for (const Event& event : process->bench.tick())
            if (event.kind == EventKind::key_use && event.side == Side::a) {
                reported = event.used;
                ++reports;
            }
    }
    Suite suite;
    SrtpPeer peer;
    std::unique_ptr<Process> process;
    KeyUse reported;
    int reports = 0;
};

}  // namespace

TEST_CASE("After a restart a long call is heard both ways, RTCP too, with no help from its peer") {
    for (const Suite suite : suites) {
        RestartedCall call(suite);
        for (const std::uint32_t index : {40'000u, 65'000u, 90'000u, 120'000u, 131'071u}) REQUIRE(call.pass(index));
        REQUIRE(call.pass_rtcp());
        call.restart();
        CHECK(call.pass(131'080));  // the turn was never reported
        CHECK(call.pass_rtcp());
        call.restart();
        CHECK(call.pass(131'180));
        CHECK(call.pass_rtcp());
        CHECK(call.reported.received.rtp.at(0).index == 131'180);
        CHECK(call.reported.sent.rtp.at(0).index > 2 * srtp::limits::resume_margin);
    }
}

TEST_CASE("A restarted media plane that is told nothing is not understood in a long call") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    for (std::uint32_t index = 40'000; index <= 240'000; index += 2'500) REQUIRE(call.pass(index));
    call.process = std::make_unique<Process>(call.suite, std::nullopt);
    CHECK_FALSE(call.pass(240'100));
}

TEST_CASE("A sender that repeats what it sent before the restart gets no second packet from the same index") {
    // Nor does anybody else: ours go on behind all that may have been used.
    for (const Suite suite : suites) {
        RestartedCall call(suite);
        REQUIRE(call.pass(4'095));
        REQUIRE(call.pass(4'096));
        call.restart();
        for (const std::uint16_t sequence : {4'095, 4'096, 4'095}) {
            const Relayed out = call.process->call.from_b(rtp_packet({.sequence = sequence}));
            CHECK((out.drop == Drop::replayed || load_be16(&out.payload[2]) > 4'096 + 4 * srtp::limits::news_every));
        }
        CHECK(call.pass(4'097));
    }
}

TEST_CASE("The use of keys is reported of a new SSRC and every 4,096 packets, and of each SSRC without delay") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    for (std::uint32_t index = 1; index < 4'096; index += 63) REQUIRE(call.pass(index));
    CHECK(call.reports == 1);
    REQUIRE(call.pass(4'096));
    CHECK(call.reports == 2);
    CHECK(call.reported.received.rtp == std::vector<srtp::SsrcIndex>{{0x11223344, 4'096}});
    CHECK(call.reported.sent.rtp == std::vector<srtp::SsrcIndex>{{0x11223344, 4'096}});
    call.process->call.from_b(rtp_packet({.ssrc = 1}));
    call.tick(100ms);
    CHECK(call.reports == 3);
    CHECK(call.process->call.from_a(call.peer.protect(rtp_packet({.ssrc = 2}))).drop == Drop::none);
    call.tick(100ms);
    CHECK(call.reports == 4);
    CHECK(call.reported.received.rtp.size() == 2);
}

TEST_CASE("What could not be passed on is told again, and all that has come since with it") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    auto& bench = call.process->bench;
    REQUIRE(call.process->call.from_a(call.peer.protect(rtp_packet({.sequence = 7}))).drop == Drop::none);
    std::vector<Event> events = bench.tick();
    REQUIRE(std::count_if(events.begin(), events.end(), [](auto& e) { return e.kind == EventKind::key_use; }) == 1);
    CHECK(bench.tick().empty());
    std::size_t again = 0;
    for (Event& event : events) again += bench.pipeline.tell_again(std::move(event));
    CHECK(again == 2);  // the latch too; a first packet is told once or never
    REQUIRE(call.process->call.from_a(call.peer.protect(rtp_packet({.sequence = 8}))).drop == Drop::none);
    bench.wait(1s);
    events = bench.tick();
    const auto use = std::find_if(events.begin(), events.end(), [](auto& e) { return e.kind == EventKind::key_use; });
    REQUIRE(use != events.end());
    CHECK(use->used.received.rtp == std::vector<srtp::SsrcIndex>{{0x11223344, 8}});
    CHECK(std::any_of(events.begin(), events.end(), [](auto& e) { return e.kind == EventKind::latched; }));
    CHECK_FALSE(bench.pipeline.tell_again({.kind = EventKind::key_use, .key = {"shard-0", "gone"}}));
}

TEST_CASE("SRTCP that was recorded before a restart is not accepted once more after it") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    const Endpoint rtcp_a = at("203.0.113.5:4001");
    std::vector<Bytes> recorded;
    for (int i = 0; i < 16; ++i) {
        recorded.push_back(call.peer.protect(rtcp_packet(), true));
        REQUIRE(call.process->call.rtcp_from_a(recorded.back(), rtcp_a).drop == Drop::none);
        call.tick();
    }
    CHECK(call.reported.received.srtcp_received == std::vector<srtp::SsrcIndex>{{0x11223344, 16}});
    call.restart();
    for (const Bytes& packet : recorded) CHECK(call.process->call.rtcp_from_a(packet, rtcp_a).drop == Drop::replayed);
    CHECK(call.process->call.rtcp_from_a(call.peer.protect(rtcp_packet(), true), rtcp_a).drop == Drop::none);
}

TEST_CASE("A sender with ever new SSRCs does not make the media plane report without end, but all of them in the end") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    for (std::uint32_t ssrc = 1; ssrc <= 50; ++ssrc) {
        CHECK(call.process->call.from_b(rtp_packet({.ssrc = ssrc})).drop == Drop::none);
        call.tick(100ms);
    }
    CHECK(call.reports <= 15);  // ten, and one for each of the five seconds
    CHECK(call.reports >= 13);
    call.tick();
    CHECK(call.reported.sent.rtp.size() == 50);
}

TEST_CASE("Whoever allocates a session that exists learns how far its keys have been used") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    REQUIRE(call.pass(70));
    Allocate again;
    again.key = call.process->call.key;
    const Reply reply = call.process->bench.pipeline.allocate(again, call.process->bench.now);
    REQUIRE(reply.used.size() == 1);
    CHECK(reply.used[0].side == Side::a);
    CHECK(reply.used[0].used.sent.rtp == std::vector<srtp::SsrcIndex>{{0x11223344, 70}});
}

TEST_CASE("What is said of keys that a leg already has changes nothing") {
    RestartedCall call(Suite::aes_cm_128_hmac_sha1_80);
    REQUIRE(call.pass(70));
    KeyUse wrong;
    wrong.sent.rtp = wrong.received.rtp = {{0x11223344, 1'000'000}};
    CHECK(call.process->call.modify({Process::secure(call.suite, wrong)}).code == Code::ok);
    CHECK(call.pass(71));
}

TEST_CASE("A use of keys that cannot be gone on with is refused, and nothing is allocated") {
    MediaBench bench;
    KeyUse impossible;
    impossible.sent.rtp = {{1, std::uint64_t{1} << 48}};
    Call call(bench, {Process::secure(Suite::aes_cm_128_hmac_sha1_80, impossible)});
    CHECK(call.reply.code == Code::invalid);
    CHECK(bench.pipeline.sessions() == 0);
}
