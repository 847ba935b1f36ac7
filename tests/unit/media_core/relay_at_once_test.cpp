// The short way of plain RTP against the stages: two pipelines get the same packets and commands, one of them with its
// calls captured, which sends all of theirs through the stages. Nobody can tell them apart.
#include <catch2/catch.hpp>
#include <sstream>

#include "media_bench.h"

using namespace sallyport;
using namespace sallyport::media;

namespace {

std::string text_of(const LegStatistics& s) {
    std::ostringstream out;
    out << s.packets_received << ' ' << s.bytes_received << ' ' << s.packets_sent << ' ' << s.bytes_sent << ' '
        << s.rtcp_received << ' ' << s.rtcp_sent << " lost " << s.lost << " jitter " << s.jitter_seconds
        << " reordered " << s.reordered << " to " << s.remote.to_string() << (s.latched ? " latched" : "")
        << " silences " << s.silences << " mos " << s.mos << ' ' << s.recent_loss << ' ' << s.packets_per_second << ' '
        << s.codec << " age " << (s.last_packet_age ? s.last_packet_age->count() : -1);
    for (const auto& [why, count] : s.drops) out << ' ' << to_string(why) << '=' << count;
    return out.str();
}

struct Side2 {  // one of the two pipelines, and the calls in it
    explicit Side2(bool captured) {
        PipelineConfig config = two_ports();
        config.max_packets_per_second = 60;
        bench = std::make_unique<MediaBench>(config);
        watched = std::make_unique<Call>(*bench, std::vector<LegChange>{}, "zz-watched");
        for (const char* name : {"one", "two"}) {
            calls.push_back(std::make_unique<Call>(*bench, mapped(), name));
            if (captured)
                REQUIRE(bench->pipeline
                            .start_capture({calls.back()->key, false, 1'000'000'000, std::chrono::hours{1000},
                                            std::make_shared<CaptureRing>(2)},
                                           bench->now)
                            .code == Code::ok);
        }
    }
    static std::vector<LegChange> mapped() {  // as signaling programs it
        LegChange a = leg(Side::a, at("203.0.113.5:4000"));
        a.payload_map = std::vector<PayloadMap>{{8, 8}, {0, 18}, {101, 96}};
        a.drop_unmapped = true;
        return {a, leg(Side::b, at("203.0.113.99:6000"))};
    }
    std::string state() {
        std::string all;
        for (const auto& session : bench->pipeline.list({}, 10, bench->now))
            for (const auto& one : session.legs) all += session.key.session + ": " + text_of(one) + '\n';
        const auto& s = bench->pipeline.statistics();
        all += std::to_string(s.packets.read()) + ' ' + std::to_string(s.bytes.read()) + ' ' +
               std::to_string(s.rtcp_packets.read()) + ' ' + std::to_string(s.latches.read());
        for (const auto& event : bench->tick())
            all += " event " + std::to_string(static_cast<int>(event.kind)) + ' ' + event.key.session;
        for (const auto& report : bench->reports()) all += " report " + report.to.to_string() + to_hex(report.payload);
        return all;
    }
    std::unique_ptr<MediaBench> bench;
    std::unique_ptr<Call> watched;
    std::vector<std::unique_ptr<Call>> calls;
};

struct Arriving {
    std::size_t call = 0;
    bool from_a = true, rtcp = false;
    Endpoint from;
    Bytes payload;
};

// What a peer sends: mostly the next of its stream, now and then anything that the short way must not take for it.
class Sender {
public:
    explicit Sender(SeededRandom& random) : random_(random) {}
    Arriving next(std::size_t call, bool from_a) {
        Arriving p;
        p.call = call;
        p.from_a = from_a;
        Fields& f = fields_[call * 2 + (from_a ? 0 : 1)];
        if (f.ssrc == 0) f.ssrc = 0x1000 + static_cast<std::uint32_t>(call * 2 + (from_a ? 0 : 1));
        f.sequence = static_cast<std::uint16_t>(f.sequence + 1);
        f.timestamp += 160;
        p.from = at(from_a ? "203.0.113.5:4000" : "203.0.113.99:6000");
        RtpFields rtp{f.sequence, f.type, f.timestamp, f.ssrc, 160, random_.below(50) == 0};
        const std::uint32_t what = random_.below(100);
        if (what == 0) f.ssrc += 16;
        if (what == 1) f.sequence = static_cast<std::uint16_t>(f.sequence + random_.below(5000));
        if (what == 2) rtp.sequence = static_cast<std::uint16_t>(f.sequence - random_.below(300));
        if (what == 3) rtp.timestamp -= 160;
        if (what == 4) f.type = static_cast<std::uint8_t>(std::array{8, 0, 18, 13, 72}[random_.below(5)]);
        if (what < 9 && what > 5)
            rtp.payload_type = static_cast<std::uint8_t>(std::array{101, 72, 19}[random_.below(3)]);
        if (what == 9) p.from = at("203.0.113.66:4000");
        p.payload = rtp_packet(rtp);
        if (what == 10) p.payload.resize(random_.below(13));
        if (what == 11) p.payload[0] = static_cast<std::uint8_t>(random_.below(256));
        if (what == 12) p.payload[1] = static_cast<std::uint8_t>(random_.below(256));
        if (what == 13) {  // a CSRC, counted in no octet of the payload
            p.payload[0] = 0x81;
        }
        if (what > 13 && what < 17) {
            p.rtcp = true;
            ++p.from.port;
            p.payload = rtcp_packet(f.ssrc);
            if (what == 14) p.payload[33 - 4] = 203;  // BYE with the SSRC, in place of the CNAME
        }
        return p;
    }

private:
    struct Fields {
        std::uint16_t sequence = 65'000;
        std::uint32_t timestamp = 0, ssrc = 0;
        std::uint8_t type = 8;
    };
    SeededRandom& random_;
    std::array<Fields, 4> fields_;
};

std::vector<LegChange> any_change(SeededRandom& random) {
    LegChange change = leg(random.below(2) == 0 ? Side::a : Side::b);
    switch (random.below(6)) {
        case 0: change.direction = random.below(2) == 0 ? Direction::sendonly : Direction::sendrecv; break;
        case 1: change.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 101}}; break;
        case 2: change.clock_rate = random.below(2) == 0 ? 8000 : 16000; break;
        case 3: change.relearn = true; break;
        case 4: change.disabled = random.below(4) == 0; break;
        default: change.direction = Direction::sendrecv; break;
    }
    return {change};
}

}  // namespace

TEST_CASE("What is relayed at once is what the stages would have made of it, and is counted alike") {
    SeededRandom random(7);
    Sender sender(random);
    std::array<Side2, 2> sides{Side2(false), Side2(true)};
    std::size_t relayed = 0, at_once = 0;
    for (int round = 0; round < 40'000; ++round) {
        std::vector<Arriving> arriving;
        for (std::uint32_t i = 1 + random.below(random.below(10) == 0 ? 12 : 3); i > 0; --i)
            arriving.push_back(sender.next(random.below(2), random.below(2) == 0));
        std::array<std::vector<Packet>, 2> bursts;
        std::array<std::vector<Bytes>, 2> bytes;
        for (std::size_t s = 0; s < sides.size(); ++s) {
            bytes[s].reserve(arriving.size());
            for (const Arriving& a : arriving) {
                const Call& call = *sides[s].calls[a.call];
                const Endpoint& local = a.from_a ? call.local_a : call.local_b;
                bytes[s].push_back(a.payload);
                bursts[s].push_back(sides[s].bench->describe(a.from_a ? 0 : 1, a.from,
                                                             static_cast<std::uint16_t>(local.port + (a.rtcp ? 1 : 0)),
                                                             bytes[s].back()));
                bursts[s].back().payload_sum = 0x1234;
            }
            sides[s].bench->pipeline.process(bursts[s], sides[s].bench->now);
        }
        for (std::size_t i = 0; i < arriving.size(); ++i) {
            const Packet &x = bursts[0][i], &y = bursts[1][i];
            REQUIRE(x.drop == y.drop);
            REQUIRE_FALSE(y.relayed);
            at_once += x.relayed ? 1u : 0u;
            if (x.drop != Drop::none) continue;
            ++relayed;
            const Relayed one = MediaBench::result(x), other = MediaBench::result(y);
            REQUIRE(one.payload == other.payload);
            REQUIRE(one.to == other.to);
            REQUIRE(one.source == other.source);
            REQUIRE(one.out_port == other.out_port);
            REQUIRE(x.payload_sum == y.payload_sum);
            if (random.below(100) != 0) continue;
            for (std::size_t s = 0; s < sides.size(); ++s)
                sides[s].bench->pipeline.not_sent(x.out_port, x.source.port, x.length, Drop::tx_full);
        }
        const auto step = std::chrono::microseconds{random.below(30'000)};
        const bool changes = random.below(200) == 0, looked_at = round % 20 == 0;
        const auto change = changes ? any_change(random) : std::vector<LegChange>{};
        for (Side2& side : sides) {
            side.bench->now += step;
            if (changes) REQUIRE(side.calls[0]->modify(change).code == Code::ok);
        }
        if (looked_at) REQUIRE(sides[0].state() == sides[1].state());
    }
    CHECK(relayed > 20'000);
    CHECK(at_once > relayed / 2);
}
