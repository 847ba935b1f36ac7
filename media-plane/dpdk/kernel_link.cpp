#include "media-plane/dpdk/kernel_link.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace sallyport::media::dpdk {

std::string_view kernel_interface(std::string_view device) {
    if (!device.starts_with("net_af_packet") && !device.starts_with("net_af_xdp")) return {};
    constexpr std::string_view key = ",iface=";
    const auto at = device.find(key);
    if (at == device.npos) return {};
    const auto name = device.substr(at + key.size());
    return name.substr(0, name.find(','));
}

std::optional<bool> kernel_link_up(std::string_view device) {
    const auto name = kernel_interface(device);
    ifreq request{};
    if (name.empty() || name.size() >= sizeof request.ifr_name) return std::nullopt;
    std::copy(name.begin(), name.end(), request.ifr_name);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return std::nullopt;
    const bool asked = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
    close(fd);
    if (!asked) return false;  // an interface that was taken away has no link
    return (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

}  // namespace sallyport::media::dpdk
