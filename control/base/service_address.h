// Where a daemon serves others over gRPC or HTTP, as the node files write it: "unix:/PATH" or "HOST:PORT".
#pragma once

#include <cstddef>
#include <string_view>

namespace sallyport {

inline constexpr std::size_t socket_path_bytes = 107;  // sizeof sockaddr_un::sun_path, without its end

// An IP address, IPv6 with or without brackets, or a DNS name of at most 253 bytes.
bool is_host(std::string_view text);

// "127.0.0.1:9102", "[::1]:9102" or "host.example:9102", port 1..65535. The host is looked up when it is needed.
bool is_host_and_port(std::string_view text);

// Is what passes there seen by this host only? A name other than localhost may be anybody's.
bool stays_on_host(std::string_view service_address);

}  // namespace sallyport
