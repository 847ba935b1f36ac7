// Addresses of gRPC and HTTP services as the node files write them.
#include "control/base/service_address.h"

#include <catch2/catch.hpp>
#include <string>

using namespace sallyport;

TEST_CASE("a host and a port: a name, an IPv4 address, an IPv6 address in brackets") {
    for (const auto* good : {"127.0.0.1:1", "[2001:db8::1]:9102", "media-1.example.net:65535", "localhost:9102"})
        CHECK(is_host_and_port(good));
    for (const auto* bad : {"", ":9102", "localhost", "localhost:", "localhost:0", "localhost:65536", "localhost:9102x",
                            "2001:db8::1:9102", "a host:9102", "-x:9102", "unix:/run/media.sock", "localhost:-1"})
        CHECK_FALSE(is_host_and_port(bad));
    CHECK_FALSE(is_host_and_port(std::string(254, 'a') + ":1"));
}

TEST_CASE("only sockets and loopback addresses stay on the host") {
    for (const auto* here : {"unix:/run/media.sock", "127.0.0.1:9102", "127.9.9.9:1", "[::1]:9102", "localhost:9102"})
        CHECK(stays_on_host(here));
    for (const auto* elsewhere : {"192.0.2.1:9102", "[2001:db8::1]:9102", "0.0.0.0:9102", "localhost.example:9102"})
        CHECK_FALSE(stays_on_host(elsewhere));
}
