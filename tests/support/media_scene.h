// Bytes as commands and packets for a media pipeline in time: whatever comes, each packet ends relayed to a place that
// signaling named or latched, or dropped with one reason; and after the last release nothing is taken any more.
#pragma once

#include <array>
#include <cstdint>

#include "control/base/check.h"
#include "control/base/random.h"
#include "media-plane/core/pipeline.h"
#include "media-plane/srtp/key_material.h"

namespace sallyport::media::test {

// Reads the input as choices; zeros when it is used up.
class MediaChoices {
public:
    MediaChoices(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}
    bool empty() const { return rest_.empty(); }
    std::uint8_t byte() {
        if (rest_.empty()) return 0;
        const std::uint8_t b = rest_.front();
        rest_ = rest_.subspan(1);
        return b;
    }
    std::uint32_t below(std::uint32_t bound) { return byte() % bound; }
    bool maybe() { return byte() & 1; }
    Bytes bytes(std::size_t most) {
        const std::size_t n = std::min<std::size_t>({byte(), most, rest_.size()});
        Bytes taken(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(n));
        rest_ = rest_.subspan(n);
        return taken;
    }
    // Few values, so that packets and commands meet; now and then one that must be refused.
    Endpoint endpoint() {
        static constexpr std::array<std::array<std::uint8_t, 4>, 6> addresses{
            {{203, 0, 113, 5}, {203, 0, 113, 6}, {0, 0, 0, 0}, {224, 0, 0, 1}, {127, 0, 0, 1}, {198, 18, 0, 7}}};
        const auto& a = addresses[below(addresses.size())];
        IpAddress address = IpAddress::v4(a[0], a[1], a[2], a[3]);
        if (below(16) == 0) address.family = Family::v6;
        return {address, static_cast<std::uint16_t>(4000 + below(8))};
    }

private:
    ByteView rest_;
};

class MediaScene {
public:
    explicit MediaScene(MediaChoices choices) : choices_(choices), pipeline_(config(), random_) {}

    bool over() const { return choices_.empty(); }
    void go_on(MediaChoices choices) { choices_ = choices; }
    std::uint64_t packets_relayed() const {
        return pipeline_.statistics().packets.read() + pipeline_.statistics().rtcp_packets.read();
    }
    void step() {
        now_ += std::chrono::milliseconds{choices_.byte()};
        switch (choices_.below(8)) {
            case 0: return allocate();
            case 1: return modify();
            case 2: return release(key());
            case 3: return tick();
            default: return packets();
        }
    }
    void finish() {
        for (std::uint8_t i = 0; i < session_names; ++i) release({"fuzz", std::string(1, static_cast<char>('a' + i))});
        tick();
        SALLYPORT_CHECK(!pipeline_.has_reports());
        SALLYPORT_CHECK(pipeline_.sessions() == 0 && pipeline_.statistics().sessions.read() == 0);
        SALLYPORT_CHECK(pipeline_.statistics().emergency_sessions.read() == 0);
        for (MediaPortIndex port = 0; port < 2; ++port)
            SALLYPORT_CHECK(pipeline_.free_udp_ports(port) == pipeline_.total_udp_ports(port));
        std::uint64_t dropped = 0;
        for (const Counter& reason : pipeline_.statistics().drops) dropped += reason.read();
        SALLYPORT_CHECK(dropped + packets_relayed() == packets_);
    }

private:
    static constexpr std::uint8_t session_names = 4;
    static constexpr std::uint16_t first_udp_port = 16384, last_udp_port = 16399;  // eight pairs: they run out

    static PipelineConfig config() {
        PipelineConfig c;
        c.ports = {{"access", {IpAddress::v4(192, 0, 2, 1)}, first_udp_port, last_udp_port},
                   {"core", {IpAddress::v4(198, 51, 100, 1)}, first_udp_port, last_udp_port}};
        c.max_sessions = 3;
        c.emergency_sessions = 1;
        c.max_packets_per_second = 50;
        return c;
    }
    SessionKey key() { return {"fuzz", std::string(1, static_cast<char>('a' + choices_.below(session_names)))}; }
    Keys keys() {
        Keys k;
        k.suite = static_cast<srtp::Suite>(choices_.below(srtp::suite_facts.size()));
        const auto material = [&] {
            const std::size_t size = choices_.below(16) == 0 ? choices_.byte() : srtp::key_material_bytes(k.suite);
            return choices_.below(8) == 0 ? Bytes{} : Bytes(size, static_cast<std::uint8_t>(choices_.below(3)));
        };
        if (k.suite != srtp::Suite::none || choices_.below(8) == 0) {
            k.receive = material();
            k.send = material();
        }
        return k;
    }
    LegChange leg() {
        LegChange change;
        change.stream = choices_.below(3);
        change.side = choices_.maybe() ? Side::a : Side::b;
        if (choices_.maybe()) change.remote = choices_.endpoint();
        if (choices_.below(4) == 0) change.remote_rtcp = choices_.endpoint();
        if (choices_.below(4) == 0) change.keys = keys();
        if (choices_.below(4) == 0) change.direction = static_cast<Direction>(choices_.below(4));
        if (choices_.below(4) == 0) change.latching = static_cast<Latching>(choices_.below(3));
        if (choices_.below(8) == 0) change.payload_map = std::vector<PayloadMap>{{choices_.byte(), choices_.byte()}};
        if (choices_.below(8) == 0) change.udptl = choices_.maybe();
        if (choices_.below(8) == 0) change.clock_rate = choices_.byte() * 1000u;
        change.relearn = choices_.below(8) == 0;
        change.disabled = choices_.below(8) == 0;
        return change;
    }
    static Endpoint usual(Side side) {
        return {side == Side::a ? IpAddress::v4(203, 0, 113, 5) : IpAddress::v4(198, 18, 0, 7), 4000};
    }
    // Mostly what signaling says: each leg of each stream once, with a place; else any changes at all.
    std::vector<LegChange> legs(std::uint32_t streams) {
        if (choices_.below(4) != 0) {
            std::vector<LegChange> all(std::size_t{2} * streams);
            for (std::size_t i = 0; i < all.size(); ++i) {
                all[i].stream = static_cast<std::uint32_t>(i / 2);
                all[i].side = i % 2 == 0 ? Side::a : Side::b;
                all[i].remote = usual(all[i].side);
                if (choices_.below(8) == 0) all[i].keys = keys();
            }
            return all;
        }
        std::vector<LegChange> all(choices_.below(5));
        for (LegChange& change : all) change = leg();
        return all;
    }
    void allocate() {
        Allocate command;
        command.key = key();
        command.port_a = choices_.below(8) ? "access" : "nowhere";
        command.port_b = choices_.maybe() ? "core" : "access";
        command.streams = choices_.below(4);
        command.legs = legs(command.streams);
        command.inactivity_seconds = choices_.below(3);
        command.emergency = choices_.below(4) == 0;
        const std::size_t sessions = pipeline_.sessions();
        const Reply reply = pipeline_.allocate(command, now_);
        SALLYPORT_CHECK(reply.code == Code::ok || (pipeline_.sessions() == sessions && !reply.text.empty()));
        SALLYPORT_CHECK(pipeline_.statistics().emergency_sessions.read() <= pipeline_.sessions());
        if (reply.code == Code::ok)
            SALLYPORT_CHECK(pipeline_.allocate(command, now_).local.size() == reply.local.size());
    }
    void modify() {
        const Modify command{key(), legs(choices_.below(4)), choices_.below(4)};
        const std::size_t free = pipeline_.free_udp_ports(0) + pipeline_.free_udp_ports(1);
        const Reply reply = pipeline_.modify(command, now_);
        SALLYPORT_CHECK(reply.code == Code::ok || free == pipeline_.free_udp_ports(0) + pipeline_.free_udp_ports(1));
    }
    void release(const SessionKey& name) {
        const bool by_lease = choices_.maybe();
        SALLYPORT_CHECK(pipeline_.release({name, by_lease}, now_).code == Code::ok ||
                        pipeline_.modify({name, {}, 0}, now_).code == Code::no_session);
    }
    void tick() {
        std::vector<Event> events;
        pipeline_.tick(now_, events);
        for (const SessionStatistics& s : pipeline_.list({}, 10, now_)) SALLYPORT_CHECK(!s.legs.empty());
        reports();
    }
    void reports() {
        while (pipeline_.has_reports()) {
            std::array<Bytes, 2> buffers;
            std::array<Packet, buffers.size()> room;
            for (std::size_t i = 0; i < room.size(); ++i) {
                buffers[i].resize(Pipeline::own_rtcp_bytes);
                room[i].data = buffers[i].data();
                room[i].capacity = Pipeline::own_rtcp_bytes;
            }
            const std::size_t count = pipeline_.write_reports(room, now_);
            SALLYPORT_CHECK(count <= room.size());
            for (const Packet& p : std::span(room).first(count)) {
                SALLYPORT_CHECK(p.length > 0 && p.length <= Pipeline::own_rtcp_bytes && p.out_port < 2);
                SALLYPORT_CHECK(!p.to.empty() && !p.to.address.is_multicast() && !p.to.address.is_unspecified());
                SALLYPORT_CHECK(p.source.port % 2 != 0 && p.source.port > first_udp_port &&
                                p.source.port <= last_udp_port);
            }
        }
    }
    void packets() {
        std::array<Bytes, 4> buffers;
        std::array<Packet, 4> burst;
        const std::size_t count = 1 + choices_.below(burst.size());
        for (std::size_t i = 0; i < count; ++i) {
            buffers[i] = choices_.maybe() ? plausible() : choices_.bytes(200);
            Packet& p = burst[i];
            p.length = static_cast<std::uint16_t>(buffers[i].size());
            buffers[i].resize(buffers[i].size() + 32);
            p.data = buffers[i].data();
            p.capacity = static_cast<std::uint16_t>(buffers[i].size());
            p.port = static_cast<MediaPortIndex>(choices_.below(3));
            p.from = choices_.maybe() ? usual(p.port == 0 ? Side::a : Side::b) : choices_.endpoint();
            p.local_port = static_cast<std::uint16_t>(first_udp_port + choices_.below(18));
        }
        pipeline_.process(std::span(burst).first(count), now_);
        packets_ += count;
        for (std::size_t i = 0; i < count; ++i) {
            const Packet& p = burst[i];
            if (p.drop != Drop::none) continue;
            SALLYPORT_CHECK(p.length <= p.capacity && p.out_port < 2 && p.leg && p.out);
            SALLYPORT_CHECK(!p.to.empty() && !p.to.address.is_multicast() && !p.to.address.is_unspecified());
            SALLYPORT_CHECK(p.source.port >= first_udp_port && p.source.port <= last_udp_port);
        }
    }
    Bytes plausible() {
        Bytes packet = choices_.bytes(60);
        if (packet.size() < 12) packet.resize(12);
        packet[0] = static_cast<std::uint8_t>(0x80 | (packet[0] & 0x3f));
        return packet;
    }

    MediaChoices choices_;
    SeededRandom random_{1};
    Pipeline pipeline_;
    TimePoint now_{std::chrono::hours{24 * 365 * 55}};
    std::uint64_t packets_ = 0;
};

}  // namespace sallyport::media::test
