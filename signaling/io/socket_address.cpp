#include "signaling/io/socket_address.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

namespace sallyport::io {
namespace {

template <int (*Get)(int, sockaddr*, socklen_t*)>
Endpoint ask(int socket) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (Get(socket, address.get(), &address.length) != 0) return {};
    return from_socket_address(address.storage).value_or(Endpoint{});
}

int socket_name(int socket, sockaddr* address, socklen_t* length) { return getsockname(socket, address, length); }
int peer_name(int socket, sockaddr* address, socklen_t* length) { return getpeername(socket, address, length); }

}  // namespace

SocketAddress to_socket_address(const Endpoint& endpoint) {
    SocketAddress result;
    if (endpoint.address.family == Family::v6) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::copy_n(endpoint.address.bytes.begin(), 16, v6.sin6_addr.s6_addr);
        std::memcpy(&result.storage, &v6, sizeof v6);
        result.length = sizeof v6;
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, endpoint.address.bytes.data(), 4);
        std::memcpy(&result.storage, &v4, sizeof v4);
        result.length = sizeof v4;
    }
    return result;
}

std::optional<Endpoint> from_socket_address(const sockaddr_storage& storage) {
    Endpoint endpoint;
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &storage, sizeof v4);
        endpoint.address.family = Family::v4;
        std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, 4);
        endpoint.port = ntohs(v4.sin_port);
        return endpoint;
    }
    if (storage.ss_family == AF_INET6) {
        sockaddr_in6 v6;
        std::memcpy(&v6, &storage, sizeof v6);
        endpoint.address.family = Family::v6;
        std::copy_n(v6.sin6_addr.s6_addr, 16, endpoint.address.bytes.begin());
        endpoint.port = ntohs(v6.sin6_port);
        return endpoint;
    }
    return std::nullopt;
}

Endpoint local_endpoint(int socket) { return ask<socket_name>(socket); }
Endpoint remote_endpoint(int socket) { return ask<peer_name>(socket); }

// RFC 2474 3: the code point is the upper six bits, ECN has the others.
void set_dscp(int socket, Family family, std::uint8_t dscp) {
    const int field = dscp << 2;
    if (family == Family::v6) return set_option(socket, IPPROTO_IPV6, IPV6_TCLASS, field);
    set_option(socket, IPPROTO_IP, IP_TOS, field);
}

void set_option(int socket, int level, int name, int value) {
    static_cast<void>(setsockopt(socket, level, name, &value, sizeof value));
}

// The kernel asks an idle peer whether it is there, and gives up on one that acknowledges nothing, within `keep_alive`:
// a PBX that vanished without a word is known to be gone by then, and calls to it go another way (SIPconnect 16.5).
void tune_stream(int socket, std::chrono::seconds keep_alive) {
    const auto seconds = static_cast<int>(keep_alive.count());
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, std::max(1, seconds / 2));
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / 8));
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 4);
    set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1'000);
}

}  // namespace sallyport::io
