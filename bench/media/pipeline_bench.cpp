// What one packet costs in the media plane's core, over memory: no NIC, no Ethernet, IP or UDP headers, no checksum.
// Bursts of 32, 172-byte RTP packets (G.711, 20 ms), spread over 1 or 5,000 sessions.
#include <benchmark/benchmark.h>

#include <cstring>

#include "control/base/random.h"
#include "media-plane/core/pipeline.h"
#include "media-plane/core/rtp.h"
#include "media-plane/srtp/engine.h"

namespace {

using namespace sallyport;
using namespace sallyport::media;

constexpr std::size_t burst_size = 32;
constexpr std::size_t packet_bytes = 172;
constexpr std::size_t buffer_bytes = 256;
constexpr auto suite_of_choice = srtp::Suite::aes_cm_128_hmac_sha1_80;

struct Call {
    Endpoint peer_a, peer_b, local_a, local_b;
    std::unique_ptr<srtp::CryptoContext> sender;  // the peer on side a, if that is SRTP
    std::uint16_t sequence = 0;
};

class Bench {
public:
    Bench(std::size_t calls, bool secure_a, bool secure_b)
        : pipeline_(config(), random_), engine_(srtp::make_fastest_engine()), buffers_(burst_size * buffer_bytes) {
        for (std::size_t i = 0; i < calls; ++i) add_call(i, secure_a, secure_b);
    }

    void fill() {  // the burst's 32 packets come from 32 calls in turn, as they do on a wire
        now_ += std::chrono::milliseconds{1};
        for (std::size_t i = 0; i < burst_size; ++i) {
            Call& call = calls_[next_];
            next_ = (next_ + 1) % calls_.size();
            std::uint8_t* data = buffers_.data() + i * buffer_bytes;
            std::memset(data, 0xd5, packet_bytes);
            data[0] = 0x80;
            data[1] = 8;
            store_be16(data + 2, call.sequence++);
            store_be32(data + 4, call.sequence * 160u);
            store_be32(data + 8, 0x1234);
            Packet& p = burst_[i];
            p = Packet{};
            p.data = data;
            p.length = packet_bytes;
            p.capacity = buffer_bytes;
            p.from = call.peer_a;
            p.local_port = call.local_a.port;
            if (!call.sender) continue;
            srtp::Job job{call.sender.get(), data, p.length, p.capacity, false, srtp::Status::ok};
            engine_->protect({&job, 1});
            p.length = job.length;
        }
    }
    void process() { pipeline_.process(burst_, now_); }
    bool all_relayed() const { return pipeline_.statistics().packets.read() == processed_ * burst_size; }
    void count() { ++processed_; }

private:
    static PipelineConfig config() {
        PipelineConfig c;
        c.ports = {{"access", {IpAddress::v4(192, 0, 2, 1)}, 16384, 49151},
                   {"core", {IpAddress::v4(198, 51, 100, 1)}, 16384, 49151}};
        c.max_packets_per_second = 0;  // one call may have to carry the whole load here
        return c;
    }
    void add_call(std::size_t number, bool secure_a, bool secure_b) {
        Call call;
        const auto high = static_cast<std::uint8_t>(number >> 8), low = static_cast<std::uint8_t>(number);
        call.peer_a = {IpAddress::v4(10, 1, high, low), 40000};
        call.peer_b = {IpAddress::v4(10, 2, high, low), 40000};
        Allocate command;
        command.key = {"bench", std::to_string(number)};
        command.port_a = "access";
        command.port_b = "core";
        LegChange a, b;
        b.side = Side::b;
        a.remote = call.peer_a;
        b.remote = call.peer_b;
        Bytes key(30);
        random_.fill(key);
        if (secure_a) {
            a.keys = Keys{suite_of_choice, key, key};
            call.sender = std::move(*engine_->create(suite_of_choice, key, false));
        }
        if (secure_b) b.keys = Keys{suite_of_choice, key, key};
        command.legs = {a, b};
        const Reply reply = pipeline_.allocate(command, now_);
        call.local_a = reply.local.at(0).rtp;
        call.local_b = reply.local.at(1).rtp;
        calls_.push_back(std::move(call));
    }

    SeededRandom random_{1};
    Pipeline pipeline_;
    std::unique_ptr<srtp::Engine> engine_;
    TimePoint now_{std::chrono::hours{24 * 365}};
    std::vector<Call> calls_;
    std::size_t next_ = 0, processed_ = 0;
    Bytes buffers_;
    std::array<Packet, burst_size> burst_;
};

// The generator is not what is measured: its time is taken off by hand, burst by burst.
void run(benchmark::State& state, bool secure_a, bool secure_b) {
    Bench bench(static_cast<std::size_t>(state.range(0)), secure_a, secure_b);
    for (auto _ : state) {
        bench.fill();
        const auto start = std::chrono::steady_clock::now();
        bench.process();
        const auto end = std::chrono::steady_clock::now();
        state.SetIterationTime(std::chrono::duration<double>(end - start).count());
        bench.count();
    }
    if (!bench.all_relayed()) state.SkipWithError("packets were dropped");
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(burst_size));
    state.counters["per_packet"] = benchmark::Counter(static_cast<double>(state.iterations() * burst_size),
                                                      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void rtp_to_rtp(benchmark::State& state) { run(state, false, false); }
void srtp_to_rtp(benchmark::State& state) { run(state, true, false); }
void rtp_to_srtp(benchmark::State& state) { run(state, false, true); }
void srtp_to_srtp(benchmark::State& state) { run(state, true, true); }

BENCHMARK(rtp_to_rtp)->Arg(1)->Arg(5000)->UseManualTime();
BENCHMARK(srtp_to_rtp)->Arg(1)->Arg(5000)->UseManualTime();
BENCHMARK(rtp_to_srtp)->Arg(1)->Arg(5000)->UseManualTime();
BENCHMARK(srtp_to_srtp)->Arg(1)->Arg(5000)->UseManualTime();

// What a call costs the lcore in between its bursts: both legs SRTP, allocated and released.
void allocate_and_release(benchmark::State& state) {
    SeededRandom random(2);
    PipelineConfig config;
    config.ports = {{"access", {IpAddress::v4(192, 0, 2, 1)}, 16384, 49151}};
    Pipeline pipeline(config, random);
    Allocate command;
    command.key = {"bench", "call"};
    command.port_a = command.port_b = "access";
    command.legs.resize(2);
    command.legs[1].side = Side::b;
    if (state.range(0))
        for (LegChange& leg : command.legs) leg.keys = Keys{suite_of_choice, Bytes(30, 1), Bytes(30, 2)};
    const TimePoint now{};
    for (auto _ : state) {
        benchmark::DoNotOptimize(pipeline.allocate(command, now));
        benchmark::DoNotOptimize(pipeline.release({command.key}, now));
    }
}
BENCHMARK(allocate_and_release)->ArgName("srtp")->Arg(0)->Arg(1);

}  // namespace

BENCHMARK_MAIN();
