// One DPDK port that carries one media port: device set-up, offloads found, queues shared out. Private to the room.
#pragma once

#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include <atomic>
#include <memory>
#include <string>

#include "control/base/result.h"
#include "media-plane/core/plane.h"
#include "media-plane/dpdk/config.h"
#include "media-plane/dpdk/flow_rules.h"
#include "media-plane/dpdk/frame.h"

namespace sallyport::media::dpdk {

// Stands for the way that a packet takes when a port of one lcore is a port of another (net_ring); see handover.h.
inline const char looped_packets = 0;

struct Offloads {
    bool rx_checksum = false;  // the device tells good from bad
    bool tx_ip_checksum = false, tx_udp_checksum = false;
};

class Port {
public:
    // Configures and starts the device. The error is a sentence that names the port.
    static Result<std::unique_ptr<Port>, std::string> open(const PortConfig& config, std::size_t lcores,
                                                           rte_mempool* pool);
    ~Port();
    Port(const Port&) = delete;
    Port& operator=(const Port&) = delete;

    const PortConfig& config() const { return config_; }
    std::uint16_t id() const { return id_; }
    std::uint16_t rx_queues() const { return rx_queues_; }
    const LinkAddress& link() const { return link_; }
    const Offloads& offloads() const { return offloads_; }
    const FrameRules& rules() const { return rules_; }

    // Asks the device to bring each UDP port's packets to the queue of its owner: `blocks` by lcore. What it cannot is
    // handed over by the lcores. Returns what became of it, a few words.
    const std::string& steer(std::size_t media_port, const std::vector<UdpBlock>& blocks);

    // Sends what the device takes and frees the rest; returns how many were sent. Any lcore: with fewer queues than
    // lcores some share one.
    std::uint16_t transmit(std::size_t lcore, rte_mbuf** packets, std::uint16_t count);
    PortStatus status() const;  // any thread; losses of the link are those that were seen by it
    // How often the link has come back after such a loss; any thread.
    std::uint32_t link_returns() const { return link_returns_.load(std::memory_order_relaxed); }

private:
    Port(PortConfig config, std::uint16_t id) : config_(std::move(config)), id_(id) {}
    std::string configure(std::size_t lcores, rte_mempool* pool);
    std::string start_queues(rte_mempool* pool, std::uint16_t rx_descriptors, std::uint16_t tx_descriptors);
    void settle_link_address();
    std::string settle_mtu();

    PortConfig config_;
    std::uint16_t id_;
    std::uint16_t rx_queues_ = 0, tx_queues_ = 0;
    bool started_ = false, share_tx_ = false;
    mutable std::atomic<bool> was_up_{false};
    mutable std::atomic<std::uint64_t> link_losses_{0};
    mutable std::atomic<std::uint32_t> link_returns_{0};
    LinkAddress link_;
    Offloads offloads_;
    FrameRules rules_;
    FlowRules flow_rules_;
    std::string steering_;  // empty: one lcore, nothing to be steered
    std::unique_ptr<rte_spinlock_t[]> tx_locks_;
};

// Bytes an mbuf must hold for this port's frames, headroom and the room SRTP grows into included.
std::uint16_t mbuf_bytes(const std::vector<PortConfig>& ports);

}  // namespace sallyport::media::dpdk
