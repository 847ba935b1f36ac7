// What a packet must not do: take memory or give it back. Every allocation of this process is counted while packets are
// under way; malloc itself is asked, so that no library escapes.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "media-plane/srtp/key_material.h"
#include "media_bench.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define SALLYPORT_OTHER_HEAP
#endif

#ifndef SALLYPORT_OTHER_HEAP
namespace {
std::size_t calls_of_heap = 0;
}

// The sanitizers have a heap of their own, and count nothing here.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
void* malloc(std::size_t size) {
    ++calls_of_heap;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    ++calls_of_heap;
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
    ++calls_of_heap;
    return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++calls_of_heap;
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
    ++calls_of_heap;
    *memory = __libc_memalign(alignment, size);
    return *memory == nullptr ? 12 : 0;  // ENOMEM
}
void free(void* memory) {
    if (memory != nullptr) ++calls_of_heap;
    __libc_free(memory);
}
}

using namespace sallyport;
using namespace sallyport::media;

namespace {

// Bursts of both legs' packets, the n-th of each; made before they are counted, or while nobody counts.
struct Bursts {
    Bursts(Call& c, SrtpPeer* p) : call(c), peer(p) {}
    void next() {
        ++sequence;
        bytes.clear();
        packets.clear();
        const auto add = [&](MediaPortIndex port, const Endpoint& from, std::uint16_t to, Bytes payload) {
            bytes.push_back(std::move(payload));
            packets.push_back(call.bench.describe(port, from, to, bytes.back()));
        };
        RtpFields f;
        f.sequence = sequence;
        f.timestamp = sequence * 160u;
        const auto secured = [&](Bytes packet, bool rtcp) {
            return peer ? peer->protect(std::move(packet), rtcp) : std::move(packet);
        };
        add(0, call.peer_a, call.local_a.port, secured(rtp_packet(f), false));
        f.ssrc = 0x55667788;
        add(1, call.peer_b, call.local_b.port, rtp_packet(f));
        if (sequence % 7 == 0) {
            Endpoint from = call.peer_a;
            ++from.port;
            add(0, from, static_cast<std::uint16_t>(call.local_a.port + 1), secured(rtcp_packet(), true));
        }
        f.payload_type = 77;  // nobody has agreed upon it
        if (sequence % 5 == 0) add(1, call.peer_b, call.local_b.port, rtp_packet(f));
        if (sequence % 11 == 0) add(0, at("203.0.113.66:4000"), call.local_a.port, rtp_packet(f));
        if (sequence % 13 == 0) add(0, call.peer_a, call.local_a.port, Bytes(20, std::uint8_t{0x81}));
        if (sequence % 17 == 0) add(0, call.peer_a, 17'382, rtp_packet(f));
    }
    Call& call;
    SrtpPeer* peer;
    std::uint16_t sequence = 0;
    std::vector<Bytes> bytes;
    std::vector<Packet> packets;
};

std::size_t heap_calls_of(MediaBench& bench, Bursts& bursts, int rounds) {
    std::size_t counted = 0;
    for (int i = 0; i < rounds; ++i) {
        bursts.bytes.reserve(16);
        bursts.next();
        bench.wait(std::chrono::milliseconds{20});
        const std::size_t before = calls_of_heap;
        bench.pipeline.process(bursts.packets, bench.now);
        counted += calls_of_heap - before;
    }
    return counted;
}

std::vector<LegChange> legs(const std::optional<Keys>& keys) {
    LegChange a = leg(Side::a, at("203.0.113.5:4000")), b = leg(Side::b, at("203.0.113.99:6000"));
    b.payload_map = std::vector<PayloadMap>{{8, 0}};
    b.drop_unmapped = true;
    a.keys = keys;
    return {a, b};
}

}  // namespace

TEST_CASE("No packet of RTP or RTCP takes memory, from the first one on, dropped or relayed") {
    MediaBench bench;
    Call call(bench, legs({}));
    Bursts bursts(call, nullptr);
    CHECK(heap_calls_of(bench, bursts, 1000) == 0);
    CHECK(bench.pipeline.statistics().packets.read() > 1900);
    CHECK(bench.drops(Drop::payload_type) > 100);
    CHECK(bench.drops(Drop::wrong_source) > 50);
}

TEST_CASE("No packet of SRTP or SRTCP takes memory once its SSRC is known") {
    for (const auto suite : {srtp::Suite::aes_cm_128_hmac_sha1_80, srtp::Suite::aead_aes_128_gcm}) {
        MediaBench bench;
        const Bytes ours(srtp::key_material_bytes(suite), std::uint8_t{1}),
            theirs(srtp::key_material_bytes(suite), std::uint8_t{2});
        Call call(bench, legs(Keys{suite, theirs, ours, {}}));
        SrtpPeer peer(suite, theirs, ours);
        Bursts bursts(call, &peer);
        heap_calls_of(bench, bursts, 10);
        CHECK(heap_calls_of(bench, bursts, 1000) == 0);
        CHECK(bench.pipeline.statistics().packets.read() > 1900);
    }
}

TEST_CASE("what counts the heap's calls does") {
    const std::size_t before = calls_of_heap;
    std::make_unique<Bytes>(100).reset();
    CHECK(calls_of_heap - before == 4);
}
#endif
