// A peer of the engine under test: one context, used a packet at a time, bytes in and bytes out.
#pragma once

#include <catch2/catch.hpp>

#include <memory>

#include "media-plane/srtp/engine.h"

namespace sallyport::srtp {

// Which engine the peers of a test are made with; the first line of a test has it run with each.
inline std::unique_ptr<Engine> (*engine_under_test)() = make_libsrtp_engine;
#define WITH_EVERY_ENGINE engine_under_test = GENERATE(&make_libsrtp_engine, &make_burst_engine)

struct Outcome {
    Status status = Status::ok;
    Bytes bytes;
    bool news = false;
};

inline Bytes rtp_packet(std::uint16_t sequence, std::uint32_t ssrc = 0xcafebabe, std::uint32_t timestamp = 0) {
    Bytes packet(12 + 160, 0xd5);
    packet[0] = 0x80;
    packet[1] = 8;
    store_be16(&packet[2], sequence);
    store_be32(&packet[4], timestamp);
    store_be32(&packet[8], ssrc);
    return packet;
}
inline Bytes rtcp_packet(std::uint32_t ssrc = 0xcafebabe) {  // an empty receiver report
    Bytes packet{0x80, 201, 0, 1, 0, 0, 0, 0};
    store_be32(&packet[4], ssrc);
    return packet;
}

class Peer {
public:
    Peer(Suite suite, const Bytes& key, bool inbound) : context(std::move(*engine->create(suite, key, inbound))) {}

    Outcome process(Bytes packet, bool rtcp = false) {
        Job job{context.get(), nullptr, static_cast<std::uint16_t>(packet.size()), 0, rtcp, Status::ok};
        packet.resize(packet.size() + 64);
        job.data = packet.data();
        job.capacity = static_cast<std::uint16_t>(packet.size());
        if (context->inbound())
            engine->unprotect({&job, 1});
        else
            engine->protect({&job, 1});
        packet.resize(job.length);
        return {job.status, std::move(packet), job.news};
    }
    void rekey(const Bytes& key) {
        auto fresh = std::move(*engine->create(context->key().suite(), key, context->inbound()));
        engine->continue_from(*fresh, std::move(context));
        context = std::move(fresh);
    }
    void start_over(const Bytes& key) {  // as peers do that know nothing of RFC 3711 3.3.1
        context = std::move(*engine->create(context->key().suite(), key, context->inbound()));
    }

    std::unique_ptr<Engine> engine = engine_under_test();
    std::unique_ptr<CryptoContext> context;
};

}  // namespace sallyport::srtp
