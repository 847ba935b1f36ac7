#include "media-plane/dpdk/driver.h"

#include <poll.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <thread>

#include "control/base/check.h"
#include "control/base/handover.h"
#include "control/base/system_random.h"
#include "media-plane/dpdk/eal.h"
#include "media-plane/dpdk/lcore_worker.h"
#include "media-plane/dpdk/placement.h"

namespace sallyport::media::dpdk {
namespace {

constexpr unsigned mempool_cache = 256;

unsigned mbufs_needed(const DriverConfig& config) {
    const auto lcores = static_cast<unsigned>(config.cpus.size());
    const auto ports = static_cast<unsigned>(config.ports.size());
    constexpr unsigned per_queue_pair = 2 * 1024;
    constexpr unsigned per_lcore =
        limits::steered_packets + limits::held_packets + 8 * limits::burst + mempool_cache + limits::reports_per_poll;
    return std::bit_ceil(ports * lcores * per_queue_pair + lcores * per_lcore + 1024u) - 1;  // the pool's best size
}

std::uint64_t bytes_of_mbufs(const DriverConfig& config) {
    constexpr std::uint64_t per_object = 192;  // mbuf and pool header
    return std::uint64_t{mbufs_needed(config)} * (mbuf_bytes(config.ports) + per_object);
}

std::uint32_t memory_needed(const DriverConfig& config) {
    constexpr std::uint64_t rest = 32u << 20;     // rings, device state
    constexpr std::uint64_t of_queue = 8u << 20;  // likewise: a device may have buffers of its own for each (net_tap)
    const std::uint64_t queues = config.ports.size() * (config.cpus.size() - 1);
    return static_cast<std::uint32_t>(((bytes_of_mbufs(config) + rest + queues * of_queue) >> 20) + 1);
}

// The error is a sentence.
std::string judge_placement(const DriverConfig& config, std::uint32_t memory_mb) {
    const Placement placement{.cpus = config.cpus,
                              .poll_always = config.poll_always,
                              .memory_mb = memory_mb,
                              .needed_mb = static_cast<std::uint32_t>(bytes_of_mbufs(config) >> 20),
                              .free_hugepages_mb = free_hugepage_megabytes(),
                              .hugepages_demanded = config.hugepages == Hugepages::on};
    std::vector<std::string> devices;
    for (const auto& port : config.ports) devices.push_back(port.device);
    const Objections objections = objections_to(placement, read_machine(config.cpus, devices));
    for (const auto& warning : objections.warnings)
        if (config.log) config.log(LogLevel::warning, warning);
    return objections.refusal;
}

PipelineConfig pipeline_config(const DriverConfig& config, const Steering& steering, std::size_t lcore) {
    PipelineConfig pipeline;
    const std::size_t lcores = config.cpus.size();
    for (std::size_t i = 0; i < config.ports.size(); ++i) {
        const UdpBlock block = steering.block(i, lcore);
        MediaPortConfig port{.name = config.ports[i].name, .first_udp_port = block.first, .last_udp_port = block.last};
        for (const auto& a : config.ports[i].addresses) port.addresses.push_back(a.address);
        pipeline.ports.push_back(std::move(port));
    }
    pipeline.max_sessions = (config.max_sessions + lcores - 1) / lcores;
    pipeline.emergency_sessions = (config.emergency_sessions + lcores - 1) / lcores;
    pipeline.max_packets_per_second = config.max_packets_per_second;
    pipeline.srtp_engine = config.srtp_engine;
    pipeline.forbidden_networks = config.forbidden_networks;
    return pipeline;
}

template <std::size_t N>
void add(HistogramStatus& sum, const Histogram<N>& histogram) {
    sum.bounds.assign(histogram.bounds().begin(), histogram.bounds().end());
    sum.buckets.resize(N + 1);
    for (std::size_t i = 0; i <= N; ++i) sum.buckets[i] += histogram.bucket(i);
    sum.sum += histogram.sum();
}

struct PoolFree {
    void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};

int run_worker(void* worker) {
    static_cast<LcoreWorker*>(worker)->run();
    return 0;
}

}  // namespace

// Destroyed from the bottom up: workers, rings and ports before the pool, the EAL last.
struct Driver::State {
    std::unique_ptr<Eal> eal;
    Clock clock;
    std::unique_ptr<rte_mempool, PoolFree> pool;
    unsigned mbufs_of_devices = 0;  // that the started devices hold, ready for what they receive
    std::vector<std::string_view> srtp_slow_suites;
    Fabric fabric;
    std::vector<std::unique_ptr<SystemRandom>> random;
    std::vector<std::unique_ptr<CommandRing>> commands;
    std::vector<std::unique_ptr<LcoreWorker>> workers;
    std::mutex sink_mutex;  // who has it reads the rings of outcomes and events
    EventSink sink;
    std::atomic<bool> stop_replies{false};
    std::thread replies;

    ~State() {
        stop();
        for (const int event : {fabric.wake, fabric.wake_awaiting})
            if (event >= 0) close(event);
    }
    std::string open(const DriverConfig& config);
    std::string open_lcores(const DriverConfig& config);
    std::string launch();
    unsigned hand_over_outcomes();
    void carry_replies();
    bool collect(Duration at_most);
    void stop();
};

std::string Driver::State::open(const DriverConfig& config) {
    srtp_slow_suites = srtp::slow_suites(*srtp::make_engine(config.srtp_engine));
    const std::uint32_t memory = config.memory_mb != 0 ? config.memory_mb : memory_needed(config);
    if (auto refusal = judge_placement(config, memory); !refusal.empty()) return refusal;
    auto started = Eal::start(config, memory);
    if (!started) return started.error();
    eal = std::move(*started);
    fabric.clock = &clock;
    fabric.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    fabric.wake_awaiting = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fabric.wake < 0 || fabric.wake_awaiting < 0) return "no eventfd could be made";
    pool.reset(rte_pktmbuf_pool_create("mbufs", mbufs_needed(config), mempool_cache, 0, mbuf_bytes(config.ports),
                                       SOCKET_ID_ANY));
    if (!pool)
        return "no memory for " + std::to_string(mbufs_needed(config)) + " packet buffers in " +
               std::to_string(memory) + " MB; raise eal.memory_mb";
    fabric.pool = pool.get();
    fabric.media_port_of.assign(RTE_MAX_ETHPORTS, 0);
    for (const auto& port : config.ports) {
        auto opened = Port::open(port, config.cpus.size(), pool.get());
        if (!opened) return opened.error();
        fabric.media_port_of[(*opened)->id()] = static_cast<MediaPortIndex>(fabric.ports.size());
        fabric.ports.push_back(std::move(*opened));
    }
    mbufs_of_devices = rte_mempool_in_use_count(pool.get());
    return open_lcores(config);
}

std::string Driver::State::open_lcores(const DriverConfig& config) {
    std::vector<UdpBlock> ranges;
    for (const auto& port : config.ports) ranges.push_back({port.first_udp_port, port.last_udp_port});
    fabric.steering = std::make_unique<Steering>(std::move(ranges), config.cpus.size());
    for (std::size_t port = 0; port < fabric.ports.size(); ++port) {
        std::vector<UdpBlock> blocks;
        for (std::size_t lcore = 0; lcore < config.cpus.size(); ++lcore)
            blocks.push_back(fabric.steering->block(port, lcore));
        fabric.ports[port]->steer(port, blocks);
    }
    for (std::size_t i = 0; i < config.cpus.size(); ++i) {
        fabric.steered.push_back(make_ring("steered", i, limits::steered_packets, RING_F_SC_DEQ));
        commands.push_back(std::make_unique<CommandRing>(i));
        if (!fabric.steered.back() || !commands.back()->valid()) return "no memory for rings; raise eal.memory_mb";
    }
    for (std::size_t i = 0; i < config.cpus.size(); ++i) {
        random.push_back(std::make_unique<SystemRandom>());
        workers.push_back(std::make_unique<LcoreWorker>(i, fabric, pipeline_config(config, *fabric.steering, i),
                                                        *random.back(), *commands[i], config.poll_always));
    }
    return {};
}

std::string Driver::State::launch() {
    for (const auto& worker : workers) hand_over(worker.get());
    for (std::size_t i = 0; i < workers.size(); ++i)
        if (rte_eal_remote_launch(run_worker, workers[i].get(), static_cast<unsigned>(i + 1)) != 0)
            return "lcore " + std::to_string(i + 1) + " could not be launched";
    replies = std::thread([this] { carry_replies(); });
    return {};
}

void Driver::State::carry_replies() {
    pollfd waiting{fabric.wake, POLLIN, 0};
    while (!stop_replies.load(std::memory_order_relaxed)) {
        if (::poll(&waiting, 1, 100) > 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] const auto n = read(fabric.wake, &count, sizeof count);
        }
        hand_over_outcomes();
    }
}

unsigned Driver::State::hand_over_outcomes() {
    const std::lock_guard lock(sink_mutex);
    unsigned handed_over = 0;
    for (auto& ring : commands) handed_over += ring->collect(sink);
    return handed_over;
}

bool Driver::State::collect(Duration at_most) {
    fabric.awaited.exchange(1, std::memory_order_acq_rel);
    unsigned handed_over = hand_over_outcomes();
    if (handed_over == 0) {
        pollfd waiting{fabric.wake_awaiting, POLLIN, 0};
        const timespec time{at_most / 1s, (at_most % 1s).count()};
        if (ppoll(&waiting, 1, &time, nullptr) > 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] const auto n = read(fabric.wake_awaiting, &count, sizeof count);
        }
    }
    fabric.awaited.exchange(0, std::memory_order_acq_rel);
    handed_over += hand_over_outcomes();  // and what an lcore has told to nobody else
    return handed_over != 0;
}

void Driver::State::stop() {
    fabric.stop.store(true);
    if (eal) rte_eal_mp_wait_lcore();
    for (const auto& worker : workers) take_over(worker.get());
    if (replies.joinable()) {
        stop_replies.store(true);
        replies.join();
    }
    for (auto& ring : commands)
        if (ring->valid()) ring->fail_rest();
    workers.clear();
    for (auto& ring : fabric.steered) {
        void* mbuf = nullptr;
        while (ring && rte_ring_sc_dequeue(ring.get(), &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    }
    fabric.ports.clear();
}

Driver::Driver(std::unique_ptr<State> state) : state_(std::move(state)) {}
Driver::~Driver() = default;

std::string Driver::launch() { return state_->launch(); }

Result<std::unique_ptr<Driver>, std::string> Driver::open(const DriverConfig& config) {
    SALLYPORT_CHECK(!config.cpus.empty() && config.cpus.size() <= limits::worker_lcores);
    SALLYPORT_CHECK(!config.ports.empty() && config.ports.size() <= limits::media_ports);
    auto state = std::make_unique<State>();
    if (auto error = state->open(config); !error.empty()) return error;
    return std::unique_ptr<Driver>(new Driver(std::move(state)));
}

TimePoint Driver::now() const { return state_->clock.now(); }
std::size_t Driver::lcores() const { return state_->workers.size(); }

bool Driver::submit(std::size_t lcore, Command command, Done done) {
    return state_->commands[lcore]->submit(std::move(command), std::move(done));
}

bool Driver::collect(Duration at_most) { return state_->collect(at_most); }

std::optional<std::size_t> Driver::owner(std::string_view media_port, std::uint16_t udp_port) const {
    const auto& ports = state_->fabric.ports;
    for (std::size_t i = 0; i < ports.size(); ++i)
        if (ports[i]->config().name == media_port) return state_->fabric.steering->owner(i, udp_port);
    return std::nullopt;
}

void Driver::set_event_sink(EventSink sink) {
    const std::lock_guard lock(state_->sink_mutex);
    state_->sink = std::move(sink);
}

namespace {

void note_conflicts(PortStatus& port, const NeighbourStatistics& seen, TimePoint now) {
    port.address_conflicts += seen.conflicts.read();
    const TimePoint at{Duration{static_cast<Duration::rep>(seen.conflict_at.read())}};
    if (seen.conflicts.read() == 0 || now - at > std::chrono::minutes{1}) return;
    LinkAddress link;
    for (std::size_t i = 0; i < link.bytes.size(); ++i)
        link.bytes[i] = static_cast<std::uint8_t>(seen.conflict_link.read() >> (8 * (link.bytes.size() - 1 - i)));
    const bool v6 = seen.conflict_family.read() == static_cast<std::uint64_t>(Family::v6);
    for (const std::string& address : port.addresses)
        if ((address.find(':') != address.npos) == v6)
            port.address_conflict = address.substr(0, address.find('/')) + " is also at " + link.to_string();
}

}  // namespace

PlaneStatus Driver::status() const {
    PlaneStatus status;
    status.hugepages = state_->eal->hugepages();
    const unsigned in_use = rte_mempool_in_use_count(state_->pool.get());
    status.mbufs_in_use = in_use - std::min(in_use, state_->mbufs_of_devices);
    status.mbufs_total = state_->pool->size;
    status.srtp_slow_suites = state_->srtp_slow_suites;
    for (const auto& port : state_->fabric.ports) status.ports.push_back(port->status());
    for (std::size_t i = 0; i < state_->workers.size(); ++i) {
        const LcoreWorker& worker = *state_->workers[i];
        const auto& w = worker.statistics();
        const auto& p = worker.pipeline_statistics();
        status.lcores.push_back({.lcore = static_cast<std::uint32_t>(i + 1),
                                 .sessions = p.sessions.read(),
                                 .packets = p.packets.read(),
                                 .bytes = p.bytes.read(),
                                 .rtcp_packets = p.rtcp_packets.read(),
                                 .own_rtcp_packets = p.own_rtcp_packets.read(),
                                 .auth_failures = p.srtp_auth_failures.read(),
                                 .latches = p.latches.read(),
                                 .polls = w.polls.read(),
                                 .idle_polls = w.idle_polls.read(),
                                 .commands = w.commands.read(),
                                 .steered = w.steered.read(),
                                 .hairpinned = w.hairpinned.read(),
                                 .events_lost = w.events_lost.read(),
                                 .silences = p.silences.read(),
                                 .one_way = p.one_way.read(),
                                 .not_sent = p.not_sent.read(),
                                 .telephone_events = p.telephone_events.read(),
                                 .late_wakeups = w.late_wakeups.read(),
                                 .emergency_sessions = p.emergency_sessions.read()});
        add(status.lcores.back().residence, w.residence);
        add(status.mos, p.mos);
        add(status.loss_ratio, p.loss_ratio);
        add(status.jitter_seconds, p.jitter_seconds);
        add(status.round_trip_seconds, p.round_trip_seconds);
        for (std::size_t d = 0; d < drop_count; ++d) status.drops[d] += w.drops[d].read() + p.drops[d].read();
        for (std::size_t n = 0; n < status.ports.size(); ++n) {
            PortStatus& port = status.ports[n];
            const auto& neighbour = worker.neighbour_statistics(n);
            port.udp_ports_free += static_cast<std::uint32_t>(w.udp_ports_free[n].read());
            port.udp_ports_resting += static_cast<std::uint32_t>(w.udp_ports_resting[n].read());
            port.udp_ports_total += worker.udp_ports_total(n);
            note_conflicts(port, neighbour, state_->fabric.clock->now());
            port.arp_answers += neighbour.arp_answers.read();
            port.advertisements += neighbour.advertisements.read();
            port.echo_replies += neighbour.echo_replies.read();
            port.solicitations += neighbour.solicitations.read();
            port.next_hops = std::max(port.next_hops, neighbour.next_hops.read());
        }
    }
    return status;
}

}  // namespace sallyport::media::dpdk
