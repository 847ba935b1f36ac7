// Which kernel interface a virtual device is on, and whether that has a link.
#include "media-plane/dpdk/kernel_link.h"

#include <catch2/catch.hpp>

using namespace sallyport::media::dpdk;

TEST_CASE("the kernel interface is named in the device's arguments, for drivers that take one") {
    CHECK(kernel_interface("net_af_packet0,iface=eth1") == "eth1");
    CHECK(kernel_interface("net_af_xdp0,iface=eth1,start_queue=0") == "eth1");
    CHECK(kernel_interface("net_tap0,iface=tap0").empty());  // its own
    CHECK(kernel_interface("net_ring0").empty());
    CHECK(kernel_interface("0000:03:00.0").empty());
}

TEST_CASE("an interface that is there may have a link, one that is not has none, and of others nothing is known") {
    CHECK(kernel_link_up("net_af_packet0,iface=lo").has_value());
    CHECK(kernel_link_up("net_af_packet0,iface=sallyport-none") == false);
    CHECK_FALSE(kernel_link_up("net_ring0").has_value());
    CHECK_FALSE(kernel_link_up("net_af_packet0,iface=a-name-that-is-too-long").has_value());
}
