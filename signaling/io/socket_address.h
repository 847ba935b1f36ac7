// Endpoint <-> sockaddr, and what a new socket of ours is set to. Knows no SIP.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "control/base/endpoint.h"

namespace sallyport::io {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;

    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Endpoint& endpoint);
std::optional<Endpoint> from_socket_address(const sockaddr_storage& storage);  // nothing for another family

// The local or the remote end of a connected or bound socket; empty when the kernel has none.
Endpoint local_endpoint(int socket);
Endpoint remote_endpoint(int socket);

inline constexpr std::uint8_t default_dscp = 24;  // CS3, RFC 4594 4.2
// Every packet of the socket is marked with it; connections that it accepts begin with it.
void set_dscp(int socket, Family family, std::uint8_t dscp);

void set_option(int socket, int level, int name, int value);  // best effort: every use is an optimisation
// Small writes at once; a peer that is gone is noticed within `keep_alive`, though nobody writes to it. At least 2 s.
void tune_stream(int socket, std::chrono::seconds keep_alive);

}  // namespace sallyport::io
