// What the socket tests share: an event loop that runs until a condition holds, plain blocking sockets to talk to the
// listeners from outside.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "control/base/endpoint.h"
#include "signaling/io/socket_address.h"

namespace loopback {

using namespace std::chrono_literals;
using sallyport::Endpoint;

inline Endpoint any_port() { return *Endpoint::parse("127.0.0.1:0"); }

// True as soon as `done` holds; false after five seconds, which is a failure and never a pause.
template <class Condition>
bool run_until(boost::asio::io_context& context, Condition&& done) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        context.restart();
        context.run_one_for(10ms);
    }
    return true;
}

class Socket {
public:
    explicit Socket(int fd) : fd_(fd) {}
    Socket(int type, const Endpoint& local) : fd_(::socket(family_of(local), type, 0)) {
        const auto address = sallyport::io::to_socket_address(local);
        ok_ = ::bind(fd_, address.get(), address.length) == 0;
    }
    ~Socket() { close(); }
    Socket(Socket&& other) noexcept : fd_(other.fd_), ok_(other.ok_) { other.fd_ = -1; }
    Socket& operator=(Socket&&) = delete;

    static Socket connected(const Endpoint& remote) {
        Socket s(::socket(family_of(remote), SOCK_STREAM, 0));
        const auto address = sallyport::io::to_socket_address(remote);
        s.ok_ = ::connect(s.fd_, address.get(), address.length) == 0;
        return s;
    }
    bool ok() const { return ok_; }
    int fd() const { return fd_; }
    Endpoint local() const { return sallyport::io::local_endpoint(fd_); }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void reset() {  // RST instead of FIN
        const linger now{1, 0};
        setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }
    void send(std::string_view bytes) const {
        ok_ = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
    }
    void send_to(std::string_view bytes, const Endpoint& to) const {
        const auto address = sallyport::io::to_socket_address(to);
        ok_ = ::sendto(fd_, bytes.data(), bytes.size(), 0, address.get(), address.length) ==
              static_cast<ssize_t>(bytes.size());
    }
    // What is there now; sets ended() at the end of the stream.
    std::string receive() const {
        std::string text(65'536, '\0');
        const ssize_t n = ::recv(fd_, text.data(), text.size(), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN)) ended_ = true;
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }
    bool ended() const { return ended_; }

private:
    static int family_of(const Endpoint& e) { return e.address.family == sallyport::Family::v6 ? AF_INET6 : AF_INET; }
    int fd_;
    mutable bool ok_ = true, ended_ = false;
};

// Collects what arrives on the socket while the loop runs, until it is `wanted` bytes long or the peer has closed.
inline std::string receive(boost::asio::io_context& context, const Socket& socket, std::size_t wanted) {
    std::string text;
    run_until(context, [&] {
        text += socket.receive();
        return text.size() >= wanted || socket.ended();
    });
    return text;
}

inline std::string options(std::string_view call_id, std::string_view extra = {}) {
    return "OPTIONS sip:sbc.example.net SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK" +
           std::string(call_id) + "\r\nMax-Forwards: 70\r\nFrom: <sip:a@example.net>;tag=1\r\n" +
           "To: <sip:b@example.net>\r\nCall-ID: " + std::string(call_id) + "\r\nCSeq: 1 OPTIONS\r\n" +
           std::string(extra) + "Content-Length: 0\r\n\r\n";
}

}  // namespace loopback
