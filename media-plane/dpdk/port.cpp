#include "media-plane/dpdk/port.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

#include "control/base/handover.h"
#include "media-plane/dpdk/kernel_link.h"
#include "media-plane/dpdk/steering_rules.h"

namespace sallyport::media::dpdk {
namespace {

constexpr std::uint16_t descriptors = 1024;

std::string failed(const PortConfig& config, const char* what, int error) {
    return "port " + config.name + " (" + config.device + "): " + what + ": " + rte_strerror(std::abs(error));
}

// Devices made of packet sockets or pipes: what reaches them from this host's kernel has unfinished checksums.
bool fed_by_kernel(const char* driver) {
    for (const char* name : {"net_af_packet", "net_af_xdp", "net_tap", "net_virtio_user"})
        if (std::strcmp(driver, name) == 0) return true;
    return false;
}

}  // namespace

std::uint16_t mbuf_bytes(const std::vector<PortConfig>& ports) {
    constexpr std::size_t growth = 64;  // SRTCP: index, tag and MKI, and a little air
    std::size_t frame = 0;
    for (const auto& port : ports) frame = std::max<std::size_t>(frame, port.mtu + ethernet_header + vlan_tag);
    const std::size_t room = RTE_PKTMBUF_HEADROOM + frame + growth;
    return static_cast<std::uint16_t>(std::max<std::size_t>(RTE_MBUF_DEFAULT_BUF_SIZE, (room + 63) / 64 * 64));
}

Result<std::unique_ptr<Port>, std::string> Port::open(const PortConfig& config, std::size_t lcores, rte_mempool* pool) {
    const std::string name(device_name(config.device));
    std::uint16_t id = 0;
    if (const int error = rte_eth_dev_get_port_by_name(name.c_str(), &id); error != 0)
        return failed(config, "DPDK made no such device (see the lines of its log above)", error);
    std::unique_ptr<Port> port(new Port(config, id));
    if (auto error = port->configure(lcores, pool); !error.empty()) return error;
    return port;
}

std::string Port::configure(std::size_t lcores, rte_mempool* pool) {
    rte_eth_dev_info info{};
    if (const int error = rte_eth_dev_info_get(id_, &info); error != 0)
        return failed(config_, "its capabilities cannot be read", error);
    rte_eth_conf conf{};
    conf.rxmode.mtu = config_.mtu;
    if (info.max_mtu != 0 && config_.mtu > info.max_mtu)
        return failed(config_, ("mtu is more than the device's " + std::to_string(info.max_mtu)).c_str(), EINVAL);
    constexpr std::uint64_t rx_checksum = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    offloads_.rx_checksum = (info.rx_offload_capa & rx_checksum) == rx_checksum;
    offloads_.tx_ip_checksum = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
    offloads_.tx_udp_checksum = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
    if (offloads_.rx_checksum) conf.rxmode.offloads |= rx_checksum;
    if (offloads_.tx_ip_checksum) conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
    if (offloads_.tx_udp_checksum) conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;

    rx_queues_ =
        static_cast<std::uint16_t>(std::clamp<std::size_t>(lcores, 1, std::max<std::uint16_t>(1, info.max_rx_queues)));
    tx_queues_ =
        static_cast<std::uint16_t>(std::clamp<std::size_t>(lcores, 1, std::max<std::uint16_t>(1, info.max_tx_queues)));
    share_tx_ = tx_queues_ < lcores;
    if (rx_queues_ > 1) {
        conf.rx_adv_conf.rss_conf.rss_hf =
            info.flow_type_rss_offloads &
            (RTE_ETH_RSS_IP | RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP);
        if (conf.rx_adv_conf.rss_conf.rss_hf != 0)
            conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        else if (!fed_by_kernel(info.driver_name))
            rx_queues_ = 1;  // nothing would spread the packets; steering does
    }
    if (const int error = rte_eth_dev_configure(id_, rx_queues_, tx_queues_, &conf); error != 0)
        return failed(config_, "cannot be configured", error);
    tx_locks_ = std::make_unique<rte_spinlock_t[]>(tx_queues_);
    for (std::uint16_t q = 0; q < tx_queues_; ++q) rte_spinlock_init(&tx_locks_[q]);

    std::uint16_t rx_descriptors = descriptors, tx_descriptors = descriptors;
    rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors, &tx_descriptors);
    if (auto error = start_queues(pool, rx_descriptors, tx_descriptors); !error.empty()) return error;
    if (auto error = settle_mtu(); !error.empty()) return error;
    settle_link_address();
    rte_eth_allmulticast_enable(id_);  // solicited-node groups; devices without filters refuse, and need it not

    rules_.link = link_;
    rules_.vlan = config_.vlan;
    rules_.mtu = config_.mtu;
    const bool verify = config_.verify_checksums != VerifyChecksums::never;
    rules_.verify_ip_checksum = verify;
    rules_.udp_checksum = !verify ? UdpChecksum::ignore
                          : config_.verify_checksums == VerifyChecksums::automatic && fed_by_kernel(info.driver_name)
                              ? UdpChecksum::accept_partial
                              : UdpChecksum::verify;
    return {};
}

std::string Port::start_queues(rte_mempool* pool, std::uint16_t rx_descriptors, std::uint16_t tx_descriptors) {
    const int socket = rte_eth_dev_socket_id(id_);
    const auto socket_id = socket < 0 ? static_cast<unsigned>(SOCKET_ID_ANY) : static_cast<unsigned>(socket);
    for (std::uint16_t q = 0; q < rx_queues_; ++q)
        if (const int error = rte_eth_rx_queue_setup(id_, q, rx_descriptors, socket_id, nullptr, pool); error != 0)
            return failed(config_, "receive queue", error);
    for (std::uint16_t q = 0; q < tx_queues_; ++q)
        if (const int error = rte_eth_tx_queue_setup(id_, q, tx_descriptors, socket_id, nullptr); error != 0)
            return failed(config_, "transmit queue", error);
    if (const int error = rte_eth_dev_start(id_); error != 0) return failed(config_, "cannot be started", error);
    started_ = true;
    return {};
}

std::string Port::settle_mtu() {
    std::uint16_t mtu = 0;
    if (rte_eth_dev_get_mtu(id_, &mtu) != 0 || mtu == config_.mtu) return {};
    const int error = rte_eth_dev_set_mtu(id_, config_.mtu);
    if (error == 0 || error == -ENOTSUP) return {};  // a device without the notion sends what it is given
    return failed(config_, "mtu", error);
}

// A configured address is set on the device; where it cannot be, everything is received and we compare ourselves.
void Port::settle_link_address() {
    rte_ether_addr own{};
    rte_eth_macaddr_get(id_, &own);
    link_ = LinkAddress::from(own.addr_bytes);
    if (!config_.link_address || *config_.link_address == link_) return;
    link_ = *config_.link_address;
    std::copy(link_.bytes.begin(), link_.bytes.end(), own.addr_bytes);
    if (rte_eth_dev_default_mac_addr_set(id_, &own) != 0) rte_eth_promiscuous_enable(id_);
}

const std::string& Port::steer(std::size_t media_port, const std::vector<UdpBlock>& blocks) {
    if (blocks.size() < 2) return steering_;
    std::string why;
    if (rx_queues_ < blocks.size()) {
        why = "the device has " + std::to_string(rx_queues_) + " receive queues for " + std::to_string(blocks.size()) +
              " lcores";
    } else {
        std::vector<FlowRules::Target> targets;
        for (std::size_t lcore = 0; lcore < blocks.size(); ++lcore)
            targets.push_back(
                {blocks[lcore], static_cast<std::uint16_t>(queue_of_lcore(media_port, lcore, blocks.size()))});
        why = flow_rules_.install(id_, config_, targets);
    }
    steering_ = why.empty() ? std::to_string(flow_rules_.count()) + " flow rules" : "hand-over: " + why;
    return steering_;
}

Port::~Port() {
    flow_rules_.remove();
    if (started_) rte_eth_dev_stop(id_);
    rte_eth_dev_close(id_);
}

std::uint16_t Port::transmit(std::size_t lcore, rte_mbuf** packets, std::uint16_t count) {
    const auto queue = static_cast<std::uint16_t>(lcore % tx_queues_);
    if (share_tx_) rte_spinlock_lock(&tx_locks_[queue]);
    hand_over(&looped_packets);
    std::uint16_t sent = rte_eth_tx_burst(id_, queue, packets, count);
    if (sent < count)
        sent = static_cast<std::uint16_t>(sent + rte_eth_tx_burst(id_, queue, packets + sent, count - sent));
    if (share_tx_) rte_spinlock_unlock(&tx_locks_[queue]);
    if (sent < count) rte_pktmbuf_free_bulk(packets + sent, count - sent);
    return sent;
}

PortStatus Port::status() const {
    PortStatus status;
    status.name = config_.name;
    status.device = config_.device;
    status.link_address = link_.to_string();
    for (const auto& a : config_.addresses)
        status.addresses.push_back(a.address.to_string() + '/' + std::to_string(a.prefix_length));
    status.steering = steering_;
    status.flow_rules = flow_rules_.count();
    rte_eth_link link{};
    status.link_up = rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP &&
                     kernel_link_up(config_.device).value_or(true);
    const bool was_up = was_up_.exchange(status.link_up);
    if (was_up && !status.link_up) link_losses_.fetch_add(1);
    if (!was_up && status.link_up && link_losses_.load() > 0) link_returns_.fetch_add(1);
    status.link_losses = link_losses_.load();
    rte_eth_stats stats{};
    if (rte_eth_stats_get(id_, &stats) == 0) {
        status.rx_packets = stats.ipackets;
        status.tx_packets = stats.opackets;
        status.rx_bytes = stats.ibytes;
        status.tx_bytes = stats.obytes;
        status.rx_missed = stats.imissed + stats.rx_nombuf;
        status.tx_dropped = stats.oerrors;
    }
    return status;
}

}  // namespace sallyport::media::dpdk
