// Wakes a shard for its UDP sockets and for what other threads have for it: at once for what comes now and then; for
// what is read again and again every two milliseconds, all at the same moment. To be woken costs more than to take a
// datagram.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <vector>

#include "control/base/time.h"

namespace sallyport::io {

class Gathered {
public:
    virtual void on_ready(std::uint32_t events) = 0;  // EPOLLIN, EPOLLOUT, EPOLLERR
    virtual void look_again() = 0;

protected:
    ~Gathered() = default;
};

class Gathering {
public:
    // What comes more often than this is gathered, and waits as long at most: RFC 3261's least timer is 250 times that.
    static constexpr Duration span = 2ms;

    explicit Gathering(boost::asio::io_context& context);  // throws boost::system::system_error: no descriptor is left
    // `socket` may outlive its file descriptor, not the other way round. Tells nothing until it is asked to wait.
    // Whoever is gathered stays where it is for as long as the context runs.
    void watch(int descriptor, Gathered& socket);
    // on_ready() once, for any of `events` or an error. Asking again replaces what was asked for.
    void wait(int descriptor, Gathered& socket, std::uint32_t events);
    void add(Gathered& socket);  // will look again, once, within `span`

private:
    void tell();
    void end();

    // Of our own, because what is gathered must not wake: whoever waits at Asio's is woken by each datagram of every
    // socket that it knows, asked for or not.
    boost::asio::posix::stream_descriptor epoll_;
    boost::asio::steady_timer timer_;
    std::vector<Gathered*> sockets_, due_;
};

}  // namespace sallyport::io
