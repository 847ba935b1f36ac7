// What the driver is told at start: ports, lcores, memory. Plain values, checked by whoever read them from a file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media-plane/core/barred.h"
#include "media-plane/core/service.h"
#include "media-plane/dpdk/link_address.h"
#include "media-plane/dpdk/neighbour.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media::dpdk {

enum class Hugepages : std::uint8_t { automatic, on, off };
// automatic: the device's verdict where it has one, else in software, taking what the kernel leaves half done on
// virtual devices (see UdpChecksum). always: in software unless the device says "good". never: trusted.
enum class VerifyChecksums : std::uint8_t { automatic, always, never };

struct PortConfig {
    std::string name;    // of the media port: "access"
    std::string device;  // "0000:03:00.0", or a virtual device: "net_af_packet0,iface=med0"
    std::vector<InterfaceAddress> addresses;
    std::optional<IpAddress> gateway_v4, gateway_v6;
    std::uint16_t mtu = 1500;
    std::uint16_t vlan = 0;
    std::optional<LinkAddress> link_address;  // instead of the device's own
    std::uint16_t first_udp_port = 16384, last_udp_port = 32767;
    Marks dscp = all_marked(46);  // EF, RFC 3246
    // 802.1p, 0 to 7, in the tag of what is sent for sessions; nothing: the upper three bits of its DSCP. What the port
    // says for itself (ARP, neighbour discovery) has 0.
    std::optional<std::uint8_t> vlan_priority;
    VerifyChecksums verify_checksums = VerifyChecksums::automatic;
};

enum class LogLevel : std::uint8_t { debug, info, warning, error };

struct DriverConfig {
    std::string node = "media";
    std::vector<PortConfig> ports;
    std::vector<unsigned> cpus;  // one worker lcore on each
    Hugepages hugepages = Hugepages::automatic;
    std::uint32_t memory_mb = 0;  // 0: what the ports and lcores need
    bool poll_always = false;
    std::size_t max_sessions = 20'000, emergency_sessions = 1'000;  // the latter beside the former, for emergencies
    std::uint32_t max_packets_per_second = 500;
    srtp::EngineChoice srtp_engine = srtp::EngineChoice::fastest;
    std::vector<Network> forbidden_networks;              // no media is sent there
    std::function<void(LogLevel, std::string_view)> log;  // any thread
};

namespace limits {
inline constexpr std::size_t media_ports = 16;
inline constexpr std::size_t worker_lcores = 64;
}  // namespace limits

inline std::uint8_t vlan_priority_of(const PortConfig& port, Service service) {
    const auto dscp = port.dscp[static_cast<std::size_t>(service)];
    return port.vlan_priority.value_or(static_cast<std::uint8_t>(dscp >> 3));
}

inline bool is_pci_device(std::string_view device) {  // "0000:03:00.0" or "03:00.0"
    const auto colon = device.find(':');
    return (colon == 2 || colon == 4) && device.find('.') != device.npos && !device.starts_with("net_");
}
// The name by which DPDK knows the device: a virtual device's arguments cut off.
inline std::string_view device_name(std::string_view device) { return device.substr(0, device.find(',')); }

}  // namespace sallyport::media::dpdk
