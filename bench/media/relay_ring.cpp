// Packets per second of one lcore over net_ring: the real loop (commands, receive, parse, pipeline, headers, transmit),
// fed and drained by this program on another CPU. No NIC and no kernel: what is measured is our own code.
// With --delay the second half of the packets comes at half the rate of the first, one by one as they are due, and how
// long each is under way is measured: what our loop adds to the way of a packet where nothing else does.
// Prints one JSON object. Usage: relay_ring [--srtp] [--delay] [--sessions N] [--packets N]
#include <pthread.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "control/base/check.h"
#include "control/base/random.h"
#include "media-plane/dpdk/eal.h"
#include "media-plane/dpdk/frame.h"
#include "media-plane/dpdk/lcore_worker.h"
#include "media-plane/srtp/engine.h"

namespace {

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;

constexpr unsigned ring_entries = 4096;
constexpr unsigned buffers = 32'767;
constexpr std::uint16_t rtp_bytes = 172;  // G.711, 20 ms
constexpr auto suite = srtp::Suite::aes_cm_128_hmac_sha1_80;
const LinkAddress peer_link = LinkAddress::from(std::array<std::uint8_t, 6>{2, 0, 0, 0, 9, 9}.data());

struct Options {
    bool srtp = false, delay = false;
    std::size_t sessions = 500, packets = 1'000'000;
};

// One media port's wire: what the lcore receives and what it has sent.
struct Wire {
    rte_ring* in;
    rte_ring* out;
    std::string device;

    explicit Wire(const std::string& name)
        : in(rte_ring_create((name + "_in").c_str(), ring_entries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)),
          out(rte_ring_create((name + "_out").c_str(), ring_entries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)),
          device("net_ring_" + name) {
        SALLYPORT_CHECK(in != nullptr && out != nullptr);
        SALLYPORT_CHECK(rte_eth_from_rings(name.c_str(), &in, 1, &out, 1, 0) >= 0);
    }
};

struct Call {
    Endpoint peer, local;
    std::unique_ptr<srtp::CryptoContext> sender;
};

class Bench {
public:
    explicit Bench(const Options& options) : options_(options), engine_(srtp::make_libsrtp_engine()) {
        DriverConfig eal_config;
        eal_config.cpus = {allowed_cpus().front()};
        auto eal = Eal::start(eal_config, 256);
        if (!eal) {
            std::fprintf(stderr, "relay_ring: %s\n", eal.error().c_str());
            std::exit(1);
        }
        eal_ = std::move(*eal);
        pool_ = rte_pktmbuf_pool_create("mbufs", buffers, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
        SALLYPORT_CHECK(pool_ != nullptr);
        access_ = std::make_unique<Wire>("access");
        core_ = std::make_unique<Wire>("core");
        build_fabric();
        add_calls();
        build_frames();
    }

    ~Bench() {
        fabric_.stop.store(true);
        rte_eal_mp_wait_lcore();
        commands_->fail_rest();
        worker_.reset();
        fabric_.steered.clear();
        fabric_.ports.clear();
        commands_.reset();
        close(fabric_.wake);
        rte_mempool_free(pool_);
    }

    void run();

private:
    void build_fabric();
    void add_calls();
    void build_frames();
    Outcome ask(Command command);
    void feed(std::size_t& sent, std::size_t limit);
    double run_flat_out(std::size_t packets);  // packets per second
    void run_paced(double packets_per_second);
    void drain(const Wire& wire, std::size_t& relayed);
    void answer_arp(const rte_mbuf& question, const Wire& wire);
    std::uint64_t dropped() const;

    Options options_;
    std::unique_ptr<srtp::Engine> engine_;
    std::unique_ptr<Eal> eal_;
    rte_mempool* pool_ = nullptr;
    std::unique_ptr<Wire> access_, core_;
    Clock clock_;
    Fabric fabric_;
    SeededRandom random_{1};
    std::unique_ptr<CommandRing> commands_;
    std::unique_ptr<LcoreWorker> worker_;
    std::vector<Call> calls_;
    std::vector<std::uint8_t> frames_;  // every frame that will be sent, made before the clock starts
    std::size_t frame_bytes_ = 0;
    std::size_t sent_before_ = 0;  // in an earlier run
};

PortConfig port_config(const char* name, const Wire& wire, std::uint8_t subnet) {
    PortConfig port;
    port.name = name;
    port.device = wire.device;
    port.addresses = {{IpAddress::v4(10, subnet, 0, 1), 16}};
    port.first_udp_port = 1024;
    port.last_udp_port = 65535;
    port.verify_checksums = VerifyChecksums::never;  // the generator writes right ones; a NIC would verify them
    return port;
}

void Bench::build_fabric() {
    const std::vector<PortConfig> ports{port_config("access", *access_, 1), port_config("core", *core_, 2)};
    PipelineConfig pipeline;
    pipeline.max_packets_per_second = 0;
    fabric_.clock = &clock_;
    fabric_.pool = pool_;
    fabric_.wake = eventfd(0, EFD_NONBLOCK);
    fabric_.media_port_of.assign(RTE_MAX_ETHPORTS, 0);
    std::vector<UdpBlock> ranges;
    for (const auto& port : ports) {
        auto opened = Port::open(port, 1, pool_);
        if (!opened) std::fprintf(stderr, "relay_ring: %s\n", opened.error().c_str());
        SALLYPORT_CHECK(opened.has_value());
        fabric_.media_port_of[(*opened)->id()] = static_cast<MediaPortIndex>(fabric_.ports.size());
        fabric_.ports.push_back(std::move(*opened));
        pipeline.ports.push_back({port.name, {port.addresses[0].address}, port.first_udp_port, port.last_udp_port});
        ranges.push_back({port.first_udp_port, port.last_udp_port});
    }
    fabric_.steering = std::make_unique<Steering>(std::move(ranges), 1);
    fabric_.steered.push_back(make_ring("steered", 0, dpdk::limits::steered_packets, RING_F_SC_DEQ));
    commands_ = std::make_unique<CommandRing>(0);
    worker_ = std::make_unique<LcoreWorker>(0, fabric_, std::move(pipeline), random_, *commands_, true);
    rte_eal_remote_launch(
        [](void* worker) {
            static_cast<LcoreWorker*>(worker)->run();
            return 0;
        },
        worker_.get(), 1);
}

Outcome Bench::ask(Command command) {
    std::optional<Outcome> outcome;
    SALLYPORT_CHECK(commands_->submit(std::move(command), [&](Outcome o) { outcome = std::move(o); }));
    while (!outcome) {
        commands_->collect({});
        std::size_t ignored = 0;
        drain(*access_, ignored);
        drain(*core_, ignored);
    }
    return std::move(*outcome);
}

void Bench::add_calls() {
    for (std::size_t i = 0; i < options_.sessions; ++i) {
        Call call;
        const auto high = static_cast<std::uint8_t>(i >> 8), low = static_cast<std::uint8_t>(i);
        call.peer = {IpAddress::v4(10, 1, 128 | (high & 127), low), 40000};
        Allocate command;
        command.key = {"bench", std::to_string(i)};
        command.port_a = "access";
        command.port_b = "core";
        command.legs.resize(2);
        command.legs[0].remote = call.peer;
        command.legs[1].side = Side::b;
        command.legs[1].remote = Endpoint{IpAddress::v4(10, 2, 0, 9), 40000};
        for (LegChange& leg : command.legs) leg.reports = false;  // what comes out is what was put in
        if (options_.srtp) {
            Bytes key(30);
            random_.fill(key);
            command.legs[0].keys = Keys{suite, key, key};
            call.sender = std::move(*engine_->create(suite, key, false));
        }
        const auto reply = std::get<Reply>(ask(std::move(command)));
        SALLYPORT_CHECK(reply.code == Code::ok);
        call.local = reply.local.at(0).rtp;
        calls_.push_back(std::move(call));
    }
}

void Bench::build_frames() {
    const std::size_t headers = udp_headers_length(Family::v4, 0);
    const std::uint16_t payload = rtp_bytes + (options_.srtp ? srtp::facts(suite).rtp_tag_bytes : 0);
    frame_bytes_ = headers + payload;
    frames_.resize(frame_bytes_ * options_.packets);
    std::array<std::uint8_t, 256> buffer;
    for (std::size_t i = 0; i < options_.packets; ++i) {
        Call& call = calls_[i % calls_.size()];
        const auto sequence = static_cast<std::uint16_t>(i / calls_.size());
        buffer.fill(0xd5);
        buffer[0] = 0x80;
        buffer[1] = 8;
        store_be16(&buffer[2], sequence);
        store_be32(&buffer[4], sequence * 160u);
        store_be32(&buffer[8], 0x1234);
        if (call.sender) {
            srtp::Job job{call.sender.get(), buffer.data(), rtp_bytes, buffer.size(), false, srtp::Status::ok};
            engine_->protect({&job, 1});
            SALLYPORT_CHECK(job.length == payload);
        }
        std::uint8_t* at = &frames_[i * frame_bytes_] + headers;
        std::memcpy(at, buffer.data(), payload);
        UdpHeaders udp;
        udp.link_from = peer_link;
        udp.link_to = fabric_.ports[0]->link();
        udp.from = call.peer;
        udp.to = call.local;
        write_udp_headers(udp, at, payload);
    }
}

void Bench::feed(std::size_t& sent, std::size_t limit) {
    rte_mbuf* burst[dpdk::limits::burst];
    if (rte_ring_free_count(access_->in) < 4 * dpdk::limits::burst) return;  // room is left for answers to ARP
    const auto count = static_cast<unsigned>(std::min<std::size_t>(dpdk::limits::burst, limit - sent));
    if (count == 0 || rte_pktmbuf_alloc_bulk(pool_, burst, count) != 0) return;
    for (unsigned i = 0; i < count; ++i) {
        std::memcpy(rte_pktmbuf_mtod(burst[i], void*), &frames_[(sent_before_ + sent + i) * frame_bytes_],
                    frame_bytes_);
        burst[i]->data_len = static_cast<std::uint16_t>(frame_bytes_);
        burst[i]->pkt_len = burst[i]->data_len;
    }
    sent += rte_ring_sp_enqueue_bulk(access_->in, reinterpret_cast<void**>(burst), count, nullptr);
}

void Bench::drain(const Wire& wire, std::size_t& relayed) {
    rte_mbuf* burst[dpdk::limits::burst];
    const unsigned count =
        rte_ring_sc_dequeue_burst(wire.out, reinterpret_cast<void**>(burst), dpdk::limits::burst, nullptr);
    for (unsigned i = 0; i < count; ++i) {
        const auto* bytes = rte_pktmbuf_mtod(burst[i], const std::uint8_t*);
        if (load_be16(bytes + 12) == ethertype_arp)
            answer_arp(*burst[i], wire);
        else
            ++relayed;
    }
    if (count > 0) rte_pktmbuf_free_bulk(burst, count);
}

// The far end of a wire is every address but the port's own.
void Bench::answer_arp(const rte_mbuf& question, const Wire& wire) {
    const auto* asked = rte_pktmbuf_mtod(&question, const std::uint8_t*);
    const std::uint8_t* arp = asked + ethernet_header;
    if (load_be16(arp + 6) != 1 || std::memcmp(arp + 14, arp + 24, 4) == 0) return;  // gratuitous: an announcement
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
    SALLYPORT_CHECK(mbuf != nullptr);
    auto* answer = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, ethernet_header + 28));
    std::memcpy(answer, asked, ethernet_header + 28);
    std::memcpy(answer, asked + 6, 6);
    std::memcpy(answer + 6, peer_link.bytes.data(), 6);
    std::uint8_t* reply = answer + ethernet_header;
    store_be16(reply + 6, 2);
    std::memcpy(reply + 8, peer_link.bytes.data(), 6);
    std::memcpy(reply + 14, arp + 24, 4);
    std::memcpy(reply + 18, arp + 8, 10);
    SALLYPORT_CHECK(rte_ring_sp_enqueue(wire.in, mbuf) == 0);
}

std::uint64_t Bench::dropped() const {
    std::uint64_t total = 0;
    for (std::size_t d = 0; d < drop_count; ++d)
        total += worker_->statistics().drops[d].read() + worker_->pipeline_statistics().drops[d].read();
    return total;
}

double Bench::run_flat_out(std::size_t packets) {
    std::size_t sent = 0, relayed = 0, ignored = 0;
    const std::uint64_t dropped_before = dropped();
    const auto start = std::chrono::steady_clock::now();
    while (relayed + dropped() - dropped_before < packets) {
        feed(sent, packets);
        drain(*core_, relayed);
        drain(*access_, ignored);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    sent_before_ += packets;
    return static_cast<double>(relayed) / seconds.count();
}

// What was sent first comes out first: one lcore, one ring in, one ring out.
void Bench::run_paced(double packets_per_second) {
    const std::size_t packets = options_.packets - sent_before_;
    std::vector<double> due(packets), delays;
    delays.reserve(packets);
    const auto now = [start = std::chrono::steady_clock::now()] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    std::size_t sent = 0, relayed = 0, ignored = 0;
    const std::uint64_t dropped_before = dropped();
    while (relayed + dropped() - dropped_before < packets) {
        const double at = now();
        const auto owed = std::min(packets, static_cast<std::size_t>(at * packets_per_second));
        const std::size_t before = sent;
        if (owed > sent) feed(sent, owed);
        for (std::size_t i = before; i < sent; ++i) due[i] = at;
        drain(*core_, relayed);
        drain(*access_, ignored);
        for (const double arrived = now(); delays.size() < relayed;) delays.push_back(arrived - due[delays.size()]);
    }
    std::sort(delays.begin(), delays.end());
    const auto microseconds = [&](double share) {
        return delays[static_cast<std::size_t>(share * static_cast<double>(delays.size() - 1))] * 1e6;
    };
    std::printf(
        "{\"mode\": \"%s\", \"sessions\": %zu, \"packets\": %zu, \"dropped\": %llu, \"packets_per_second\": "
        "%.0f, \"microseconds\": {\"p50\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"most\": %.1f}}\n",
        options_.srtp ? "srtp-to-rtp" : "rtp-to-rtp", options_.sessions, relayed,
        static_cast<unsigned long long>(dropped()), packets_per_second, microseconds(0.5), microseconds(0.99),
        microseconds(0.999), microseconds(1));
}

void Bench::run() {
    if (options_.delay) return run_paced(run_flat_out(options_.packets / 2) / 2);
    const double rate = run_flat_out(options_.packets);
    std::printf(
        "{\"mode\": \"%s\", \"sessions\": %zu, \"packets\": %zu, \"dropped\": %llu, \"packets_per_second\": %.0f, "
        "\"nanoseconds_per_packet\": %.1f}\n",
        options_.srtp ? "srtp-to-rtp" : "rtp-to-rtp", options_.sessions, options_.packets,
        static_cast<unsigned long long>(dropped()), rate, 1e9 / rate);
}

std::size_t number(const char* text) { return text == nullptr ? 0 : std::strtoull(text, nullptr, 10); }

}  // namespace

int main(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--srtp")
            options.srtp = true;
        else if (option == "--delay")
            options.delay = true;
        else if (option == "--sessions")
            options.sessions = number(argv[++i]);
        else if (option == "--packets")
            options.packets = number(argv[++i]);
        else
            options.packets = 0;
    }
    if (options.packets == 0 || options.sessions == 0 || options.sessions > 30'000) {
        std::fprintf(stderr, "usage: relay_ring [--srtp] [--delay] [--sessions 1..30000] [--packets N]\n");
        return 2;
    }
    Bench bench(options);
    const auto cpus = allowed_cpus();  // the lcore has the first; the generator takes another
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpus.back(), &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    bench.run();
    return 0;
}
