// The link of a kernel interface that a virtual device works on: DPDK's drivers for those say that it is always up.
#pragma once

#include <optional>
#include <string_view>

namespace sallyport::media::dpdk {

// The value of "iface=" in "net_af_packet0,iface=eth1,qpairs=2"; empty: there is none.
std::string_view kernel_interface(std::string_view device);
// Nothing: the device is not on an interface of this host. False too where the interface is gone.
std::optional<bool> kernel_link_up(std::string_view device);

}  // namespace sallyport::media::dpdk
