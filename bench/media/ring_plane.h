// The plane's own lcore loops over net_ring in one process, without the daemon around them: no NIC and no kernel, so
// that what is measured is our own code. Shared by the programs of this directory.
#pragma once

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/base/random.h"
#include "media-plane/dpdk/eal.h"
#include "media-plane/dpdk/lcore_worker.h"

namespace sallyport::bench {

using namespace sallyport::media;
using namespace sallyport::media::dpdk;

inline constexpr std::uint16_t rtp_bytes = 172;    // G.711, 20 ms
inline constexpr std::uint16_t telephone = 40000;  // UDP port of whoever this program plays
inline const LinkAddress far_link = LinkAddress::from(std::array<std::uint8_t, 6>{2, 0, 0, 0, 9, 9}.data());

// What an lcore receives from and what it sends to; with several lcores both may be anybody's.
class Cable {
public:
    // `entries`: a power of two, more than ever are under way; net_ring makes 1024 by itself.
    Cable(const std::string& name, bool shared, unsigned entries = 1024);
    ~Cable() { rte_ring_free(ring_); }
    Cable(const Cable&) = delete;
    Cable& operator=(const Cable&) = delete;
    rte_ring* ring() const { return ring_; }

private:
    rte_ring* ring_;
};

struct PlaneOptions {
    unsigned lcores = 1;
    std::size_t sessions = 10'000;
    unsigned buffers = 8191;
    bool nic_verifies = true;  // each packet comes with a NIC's verdict on its checksums; else they are summed here
    std::vector<std::string> ports;  // names, by MediaPortIndex; port i is lcore i % lcores'
};

class RingPlane {
public:
    // `cable_of`: what port i receives from and what it sends to; called once EAL is there.
    struct Ends {
        rte_ring* in;
        rte_ring* out;
    };
    RingPlane(const PlaneOptions& options, const std::function<Ends(std::size_t)>& ends_of);
    ~RingPlane();
    RingPlane(const RingPlane&) = delete;
    RingPlane& operator=(const RingPlane&) = delete;

    // Before the plane is made: rings need DPDK.
    static std::unique_ptr<Eal> start_dpdk(unsigned lcores, std::uint32_t memory_mb);

    Reply ask(std::size_t lcore, Command command);
    void collect();  // answers and events that nobody waits for
    // Called while ask() waits: somebody has to answer what the plane asks of its cables.
    std::function<void()> meanwhile = [] {};

    rte_mempool* pool() { return pool_; }
    const Port& port(std::size_t index) const { return *fabric_.ports[index]; }
    static IpAddress address(std::size_t port) { return IpAddress::v4(10, static_cast<std::uint8_t>(port + 1), 0, 1); }
    // Of the far end of a port's cable.
    static IpAddress far_address(std::size_t port) {
        return IpAddress::v4(10, static_cast<std::uint8_t>(port + 1), 0, 9);
    }
    std::uint64_t relayed(std::size_t lcore) const;
    std::uint64_t dropped() const;
    std::string drops() const;  // names and counts
    std::uint64_t steered() const;
    long thread_of(std::size_t lcore) const { return threads_[lcore]; }
    double cpu_seconds(std::size_t lcore) const;  // that its thread has used

private:
    void open_ports(const PlaneOptions& options, const std::function<Ends(std::size_t)>& ends_of);

    rte_mempool* pool_ = nullptr;
    Clock clock_;
    Fabric fabric_;
    std::vector<std::unique_ptr<SeededRandom>> random_;
    std::vector<std::unique_ptr<CommandRing>> commands_;
    std::vector<std::unique_ptr<LcoreWorker>> workers_;
    std::vector<std::atomic<long>> threads_;
};

// An RTP packet of that size with Ethernet, IP and UDP in front, as it comes from a telephone; `payload` bytes are
// there.
void write_rtp(std::uint8_t* rtp, std::uint16_t sequence, std::uint32_t ssrc);
// Whoever plays the far end of a port answers ARP for every address but the port's own; nothing if it is no question.
rte_mbuf* answer_to_arp(const rte_mbuf& question, rte_mempool* pool);
// This thread goes to the last processor that the process may use; lcores have the first ones.
void move_to_last_cpu();

}  // namespace sallyport::bench
