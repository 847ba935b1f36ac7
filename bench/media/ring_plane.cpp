#include "bench/media/ring_plane.h"

#include <pthread.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "control/base/check.h"
#include "media-plane/dpdk/frame.h"

namespace sallyport::bench {
namespace {

PortConfig port_config(const std::string& name, std::size_t index) {
    PortConfig port;
    port.name = name;
    port.device = "net_ring_" + name;
    port.addresses = {{RingPlane::address(index), 8}};  // they find each other without a gateway
    port.first_udp_port = 1024;
    port.last_udp_port = 65535;
    // net_ring has no link address, and who has none cannot be asked for.
    port.link_address = LinkAddress{{2, 0, 0, 0, 1, static_cast<std::uint8_t>(index)}};
    return port;
}

// What a NIC writes beside each packet that it has verified.
std::uint16_t say_good(std::uint16_t, std::uint16_t, rte_mbuf** packets, std::uint16_t count, std::uint16_t, void*) {
    for (std::uint16_t i = 0; i < count; ++i)
        packets[i]->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
    return count;
}

}  // namespace

Cable::Cable(const std::string& name, bool shared, unsigned entries)
    : ring_(rte_ring_create(name.c_str(), entries, SOCKET_ID_ANY, shared ? 0 : RING_F_SP_ENQ | RING_F_SC_DEQ)) {
    SALLYPORT_CHECK(ring_ != nullptr);
}

std::unique_ptr<Eal> RingPlane::start_dpdk(unsigned lcores, std::uint32_t memory_mb) {
    const auto cpus = allowed_cpus();
    DriverConfig config;
    for (unsigned i = 0; i < lcores; ++i) config.cpus.push_back(cpus[i % cpus.size()]);
    auto eal = Eal::start(config, memory_mb);
    if (!eal) {
        std::fprintf(stderr, "%s\n", eal.error().c_str());
        std::exit(1);
    }
    return std::move(*eal);
}

RingPlane::RingPlane(const PlaneOptions& options, const std::function<Ends(std::size_t)>& ends_of)
    : threads_(options.lcores) {
    pool_ = rte_pktmbuf_pool_create("mbufs", options.buffers, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    SALLYPORT_CHECK(pool_ != nullptr);
    fabric_.clock = &clock_;
    fabric_.pool = pool_;
    fabric_.wake = eventfd(0, EFD_NONBLOCK);
    fabric_.media_port_of.assign(RTE_MAX_ETHPORTS, 0);
    open_ports(options, ends_of);
    for (std::size_t i = 0; i < options.lcores; ++i) {
        fabric_.steered.push_back(make_ring("steered", i, dpdk::limits::steered_packets, RING_F_SC_DEQ));
        commands_.push_back(std::make_unique<CommandRing>(i));
    }
    for (std::size_t i = 0; i < options.lcores; ++i) {
        PipelineConfig config;
        config.max_packets_per_second = 0;  // a call has to carry far more than its own here
        config.max_sessions = options.sessions + 1;
        config.bars_own_ports = false;  // its ports are joined
        for (std::size_t p = 0; p < options.ports.size(); ++p) {
            const UdpBlock block = fabric_.steering->block(p, i);
            config.ports.push_back({options.ports[p], {address(p)}, block.first, block.last});
        }
        random_.push_back(std::make_unique<SeededRandom>(i + 1));
        workers_.push_back(
            std::make_unique<LcoreWorker>(i, fabric_, std::move(config), *random_[i], *commands_[i], true));
    }
    struct Launched {
        LcoreWorker* worker;
        std::atomic<long>* thread;
    };
    for (std::size_t i = 0; i < options.lcores; ++i) {
        auto* launched = new Launched{workers_[i].get(), &threads_[i]};
        const auto run = [](void* argument) {
            const std::unique_ptr<Launched> own(static_cast<Launched*>(argument));
            own->thread->store(syscall(SYS_gettid));
            own->worker->run();
            return 0;
        };
        SALLYPORT_CHECK(rte_eal_remote_launch(run, launched, static_cast<unsigned>(i + 1)) == 0);
    }
}

void RingPlane::open_ports(const PlaneOptions& options, const std::function<Ends(std::size_t)>& ends_of) {
    std::vector<UdpBlock> ranges;
    for (std::size_t i = 0; i < options.ports.size(); ++i) {
        Ends ends = ends_of(i);
        const PortConfig config = port_config(options.ports[i], i);
        std::vector<rte_ring*> outs(options.lcores, ends.out);  // a queue for each lcore, as NICs have
        SALLYPORT_CHECK(rte_eth_from_rings(config.name.c_str(), &ends.in, 1, outs.data(), options.lcores, 0) >= 0);
        auto opened = Port::open(config, options.lcores, pool_);
        if (!opened) std::fprintf(stderr, "%s\n", opened.error().c_str());
        SALLYPORT_CHECK(opened.has_value());
        if (options.nic_verifies)
            for (std::uint16_t q = 0; q < (*opened)->rx_queues(); ++q)
                SALLYPORT_CHECK(rte_eth_add_rx_callback((*opened)->id(), q, say_good, nullptr) != nullptr);
        fabric_.media_port_of[(*opened)->id()] = static_cast<MediaPortIndex>(i);
        fabric_.ports.push_back(std::move(*opened));
        ranges.push_back({config.first_udp_port, config.last_udp_port});
    }
    fabric_.steering = std::make_unique<Steering>(std::move(ranges), options.lcores);
}

RingPlane::~RingPlane() {
    fabric_.stop.store(true);
    rte_eal_mp_wait_lcore();
    for (auto& ring : commands_) ring->fail_rest();
    workers_.clear();
    fabric_.steered.clear();
    fabric_.ports.clear();
    commands_.clear();
    close(fabric_.wake);
    rte_mempool_free(pool_);
}

Reply RingPlane::ask(std::size_t lcore, Command command) {
    std::optional<Outcome> outcome;
    SALLYPORT_CHECK(commands_[lcore]->submit(std::move(command), [&](Outcome o) { outcome = std::move(o); }));
    while (!outcome) {
        collect();
        meanwhile();
    }
    Reply reply = std::move(std::get<Reply>(*outcome));
    if (reply.code != Code::ok) std::fprintf(stderr, "refused: %s\n", reply.text.c_str());
    SALLYPORT_CHECK(reply.code == Code::ok);
    return reply;
}

void RingPlane::collect() {
    for (auto& ring : commands_) ring->collect({});
}

std::uint64_t RingPlane::relayed(std::size_t lcore) const {
    return workers_[lcore]->pipeline_statistics().packets.read();
}

double RingPlane::cpu_seconds(std::size_t lcore) const {
    std::ifstream file("/proc/self/task/" + std::to_string(threads_[lcore]) + "/schedstat");
    double nanoseconds = 0;
    SALLYPORT_CHECK(static_cast<bool>(file >> nanoseconds));
    return nanoseconds / 1e9;
}

std::uint64_t RingPlane::steered() const {
    std::uint64_t total = 0;
    for (const auto& worker : workers_) total += worker->statistics().steered.read();
    return total;
}

std::uint64_t RingPlane::dropped() const {
    std::uint64_t total = 0;
    for (const auto& worker : workers_)
        for (std::size_t d = 0; d < drop_count; ++d)
            total += worker->statistics().drops[d].read() + worker->pipeline_statistics().drops[d].read();
    return total;
}

std::string RingPlane::drops() const {
    std::string text;
    for (std::size_t d = 0; d < drop_count; ++d) {
        std::uint64_t count = 0;
        for (const auto& worker : workers_)
            count += worker->statistics().drops[d].read() + worker->pipeline_statistics().drops[d].read();
        if (count > 0) text += std::string(to_string(static_cast<Drop>(d))) + " " + std::to_string(count) + " ";
    }
    return text;
}

void write_rtp(std::uint8_t* rtp, std::uint16_t sequence, std::uint32_t ssrc) {
    std::memset(rtp, 0xd5, rtp_bytes);
    rtp[0] = 0x80;
    rtp[1] = 8;
    store_be16(rtp + 2, sequence);
    store_be32(rtp + 4, sequence * 160u);
    store_be32(rtp + 8, ssrc);
}

rte_mbuf* answer_to_arp(const rte_mbuf& question, rte_mempool* pool) {
    const auto* asked = rte_pktmbuf_mtod(&question, const std::uint8_t*);
    if (load_be16(asked + 12) != ethertype_arp) return nullptr;
    const std::uint8_t* arp = asked + ethernet_header;
    if (load_be16(arp + 6) != 1 || std::memcmp(arp + 14, arp + 24, 4) == 0) return nullptr;  // an announcement
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    SALLYPORT_CHECK(mbuf != nullptr);
    auto* answer = reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, ethernet_header + 28));
    std::memcpy(answer, asked, ethernet_header + 28);
    std::memcpy(answer, asked + 6, 6);
    std::memcpy(answer + 6, far_link.bytes.data(), 6);
    std::uint8_t* reply = answer + ethernet_header;
    store_be16(reply + 6, 2);
    std::memcpy(reply + 8, far_link.bytes.data(), 6);
    std::memcpy(reply + 14, arp + 24, 4);
    std::memcpy(reply + 18, arp + 8, 10);
    return mbuf;
}

void move_to_last_cpu() {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(allowed_cpus().back(), &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace sallyport::bench
