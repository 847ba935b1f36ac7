// A pipeline under virtual time, with two media ports and peers that send it packets. No NIC, no clock.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "control/base/random.h"
#include "media-plane/core/pipeline.h"
#include "media-plane/core/rtp.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media {

inline Endpoint at(std::string_view text) { return *Endpoint::parse(text); }
inline IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

struct RtpFields {
    std::uint16_t sequence = 1;
    std::uint8_t payload_type = 8;
    std::uint32_t timestamp = 0;
    std::uint32_t ssrc = 0x11223344;
    std::size_t payload_bytes = 160;
    bool marker = false;
};
inline Bytes rtp_packet(const RtpFields& f = {}) {
    Bytes packet(12 + f.payload_bytes);
    packet[0] = 0x80;
    packet[1] = static_cast<std::uint8_t>(f.payload_type | (f.marker ? 0x80 : 0));
    store_be16(&packet[2], f.sequence);
    store_be32(&packet[4], f.timestamp);
    store_be32(&packet[8], f.ssrc);
    for (std::size_t i = 12; i < packet.size(); ++i) packet[i] = static_cast<std::uint8_t>(i * 7 + f.sequence);
    return packet;
}
inline Bytes rtcp_packet(std::uint32_t ssrc = 0x11223344) {  // a sender report and a CNAME
    Bytes packet{0x80, 200, 0, 6, 0, 0,   0,    0,   1, 2, 3, 4, 5, 6, 7, 8, 0,   0, 0, 160, 0, 0,
                 0,    1,   0, 0, 0, 160, 0x81, 202, 0, 3, 0, 0, 0, 0, 1, 1, 'x', 0, 0, 0,   0, 0};
    store_be32(&packet[4], ssrc);
    store_be32(&packet[32], ssrc);
    return packet;
}

// What is sent under a key has numbers of its own (numbering.h).
inline bool same_but_numbers(std::optional<Bytes> heard, const Bytes& sent) {
    if (!heard || heard->size() != sent.size()) return false;
    std::copy_n(&sent[2], 2, &(*heard)[2]);
    return *heard == sent;
}

// A peer's side of SRTP: its own contexts, as independent of the pipeline's as another host.
class SrtpPeer {
public:
    SrtpPeer(srtp::Suite suite, ByteView sends, ByteView receives) : engine_(srtp::make_libsrtp_engine()) {
        send_ = std::move(*engine_->create(suite, sends, false));
        receive_ = std::move(*engine_->create(suite, receives, true));
    }
    Bytes protect(Bytes packet, bool rtcp = false) { return *run(send_.get(), std::move(packet), rtcp); }
    std::optional<Bytes> unprotect(Bytes packet, bool rtcp = false) {
        return run(receive_.get(), std::move(packet), rtcp);
    }

private:
    std::optional<Bytes> run(srtp::CryptoContext* context, Bytes packet, bool rtcp) {
        srtp::Job job{context, nullptr, static_cast<std::uint16_t>(packet.size()), 0, rtcp, srtp::Status::ok};
        packet.resize(packet.size() + 64);
        job.data = packet.data();
        job.capacity = static_cast<std::uint16_t>(packet.size());
        context->inbound() ? engine_->unprotect({&job, 1}) : engine_->protect({&job, 1});
        if (job.status != srtp::Status::ok) return std::nullopt;
        packet.resize(job.length);
        return packet;
    }
    std::unique_ptr<srtp::Engine> engine_;
    std::unique_ptr<srtp::CryptoContext> send_, receive_;
};

struct Relayed {
    Drop drop = Drop::none;
    Bytes payload;
    MediaPortIndex out_port = 0;
    Endpoint to, source;
};

inline PipelineConfig two_ports() {
    PipelineConfig config;
    config.ports = {{"access", {ip("192.0.2.1"), ip("2001:db8::1")}, 16384, 17383},
                    {"core", {ip("198.51.100.1"), ip("2001:db8:1::1")}, 20000, 20999}};
    return config;
}

class MediaBench {
public:
    explicit MediaBench(PipelineConfig config = two_ports()) : pipeline(std::move(config), random_) {}

    // One packet, at `now`. It arrives on the media port whose local endpoint is given by its index.
    Relayed send(MediaPortIndex port, const Endpoint& from, std::uint16_t local_port, Bytes payload) {
        Packet packet = describe(port, from, local_port, payload);
        pipeline.process({&packet, 1}, now);
        return result(packet);
    }
    Packet describe(MediaPortIndex port, const Endpoint& from, std::uint16_t local_port, Bytes& payload) {
        Packet packet;
        packet.length = static_cast<std::uint16_t>(payload.size());
        payload.resize(payload.size() + 64);
        packet.data = payload.data();
        packet.capacity = static_cast<std::uint16_t>(payload.size());
        packet.port = port;
        packet.from = from;
        packet.local_port = local_port;
        return packet;
    }
    static Relayed result(const Packet& packet) {
        if (packet.drop != Drop::none) return {packet.drop, {}, 0, {}, {}};
        return {Drop::none, Bytes(packet.data, packet.data + packet.length), packet.out_port, packet.to, packet.source};
    }
    std::vector<Event> tick() {
        std::vector<Event> events;
        pipeline.tick(now, events);
        return events;
    }
    void wait(Duration d) { now += d; }
    // RTCP of the plane's own that is due now.
    std::vector<Relayed> reports() {
        std::vector<Relayed> all;
        std::array<std::array<std::uint8_t, Pipeline::own_rtcp_bytes>, 4> buffers;
        while (pipeline.has_reports()) {
            std::array<Packet, buffers.size()> room;
            for (std::size_t i = 0; i < room.size(); ++i) {
                room[i].data = buffers[i].data();
                room[i].capacity = static_cast<std::uint16_t>(buffers[i].size());
            }
            const std::size_t count = pipeline.write_reports(room, now);
            for (std::size_t i = 0; i < count; ++i) all.push_back(result(room[i]));
        }
        return all;
    }
    std::uint64_t drops(Drop reason) const {
        return pipeline.statistics().drops[static_cast<std::size_t>(reason)].read();
    }

    TimePoint now{std::chrono::hours{24 * 365 * 55}};

private:
    SeededRandom random_{42};

public:
    Pipeline pipeline;
};

inline LegChange leg(Side side, std::optional<Endpoint> remote = std::nullopt, std::uint32_t stream = 0) {
    LegChange change;
    change.side = side;
    change.stream = stream;
    change.remote = remote;
    return change;
}

// A call between a peer on the access port (side a) and one on the core port (side b), both signalled.
class Call {
public:
    explicit Call(MediaBench& b, std::vector<LegChange> changes = {}, std::string name = "call") : bench(b) {
        Allocate command;
        command.key = key = {"shard-0", std::move(name)};
        command.port_a = "access";
        command.port_b = "core";
        command.family_a = command.family_b = Family::v4;
        command.inactivity_seconds = 30;
        command.call = "session-id";
        command.trunk = "acme";
        command.legs = std::move(changes);
        const auto mentioned = [&](Side side) {
            return std::any_of(command.legs.begin(), command.legs.end(), [&](auto& l) { return l.side == side; });
        };
        if (!mentioned(Side::a)) command.legs.push_back(leg(Side::a, peer_a));
        if (!mentioned(Side::b)) command.legs.push_back(leg(Side::b, peer_b));
        reply = bench.pipeline.allocate(command, bench.now);
        if (reply.code != Code::ok) return;
        local_a = reply.local.at(0).rtp;
        local_b = reply.local.at(1).rtp;
    }
    Relayed from_a(Bytes payload) { return from_a(std::move(payload), peer_a); }
    Relayed from_a(Bytes payload, const Endpoint& source) {
        return bench.send(0, source, local_a.port, std::move(payload));
    }
    Relayed from_b(Bytes payload) { return from_b(std::move(payload), peer_b); }
    Relayed from_b(Bytes payload, const Endpoint& source) {
        return bench.send(1, source, local_b.port, std::move(payload));
    }
    Relayed rtcp_from_a(Bytes payload, const Endpoint& source) {
        return bench.send(0, source, static_cast<std::uint16_t>(local_a.port + 1), std::move(payload));
    }
    Relayed rtcp_from_b(Bytes payload, const Endpoint& source) {
        return bench.send(1, source, static_cast<std::uint16_t>(local_b.port + 1), std::move(payload));
    }
    Reply modify(std::vector<LegChange> changes) {
        return bench.pipeline.modify({key, std::move(changes), 0}, bench.now);
    }
    Reply release() { return bench.pipeline.release({.key = key, .call_ends = true}, bench.now); }
    LegStatistics statistics(Side side) {
        return bench.pipeline.list({}, 1000, bench.now).at(0).legs.at(static_cast<std::size_t>(side));
    }

    MediaBench& bench;
    SessionKey key;
    Endpoint peer_a = at("203.0.113.5:4000"), peer_b = at("203.0.113.99:6000");
    Endpoint local_a, local_b;
    Reply reply;
};

}  // namespace sallyport::media
