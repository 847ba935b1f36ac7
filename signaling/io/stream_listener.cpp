#include "signaling/io/stream_listener.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>

#include "signaling/io/socket_address.h"

namespace sallyport::io {
namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr int backlog = 1'024;
constexpr int accepts_per_wake = 64;
constexpr Duration pause_after_error = 100ms;  // out of descriptors: those that close give them back

}  // namespace

Result<std::unique_ptr<StreamListener>, std::string> StreamListener::open(asio::io_context& context, const Place& place,
                                                                          const Clock& clock, ConnectionLimits& limits,
                                                                          AcceptSink& sink,
                                                                          AcceptStatistics& statistics) {
    const bool v6 = place.bind.address.family == Family::v6;
    const auto refused = [&](const char* what, int error) {
        return std::string(place.transport == Transport::tls ? "tls " : "tcp ") + place.bind.to_string() + ": cannot " +
               what + ": " + std::system_category().message(error);
    };
    asio::ip::tcp::acceptor acceptor(context);
    boost::system::error_code ec;
    acceptor.open(v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), ec);
    if (ec) return refused("open a socket", ec.value());
    const int fd = acceptor.native_handle();
    if (v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);          // connections of an earlier process may linger in TIME_WAIT
    set_dscp(fd, place.bind.address.family, place.dscp);  // before listen(): the SYN-ACK is a packet of ours too
    const auto address = to_socket_address(place.bind);
    if (::bind(fd, address.get(), address.length) != 0) return refused("bind", errno);
    acceptor.native_non_blocking(true, ec);
    if (!ec) acceptor.listen(backlog, ec);
    if (ec) return refused("listen", ec.value());
    return std::make_unique<StreamListener>(std::move(acceptor), place, clock, limits, sink, statistics);
}

StreamListener::StreamListener(asio::ip::tcp::acceptor acceptor, const Place& place, const Clock& clock,
                               ConnectionLimits& limits, AcceptSink& sink, AcceptStatistics& statistics)
    : acceptor_(std::move(acceptor)),
      pause_(acceptor_.get_executor()),
      place_(place),
      local_(local_endpoint(acceptor_.native_handle())),
      clock_(clock),
      limits_(limits),
      sink_(sink),
      statistics_(statistics) {}

void StreamListener::start() { asio::co_spawn(acceptor_.get_executor(), run(), asio::detached); }

void StreamListener::stop() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

asio::awaitable<void> StreamListener::run() {
    while (acceptor_.is_open()) {
        const auto [ec] = co_await acceptor_.async_wait(asio::ip::tcp::acceptor::wait_read, token);
        if (ec || !acceptor_.is_open()) co_return;
        if (accept_some()) continue;
        statistics_.errors.add();
        pause_.expires_after(pause_after_error);
        co_await pause_.async_wait(token);
    }
}

bool StreamListener::accept_some() {
    for (int i = 0; i < accepts_per_wake; ++i) {
        SocketAddress from;
        from.length = sizeof from.storage;
        Descriptor socket(::accept4(acceptor_.native_handle(), from.get(), &from.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket.get() >= 0) {
            admit(std::move(socket), from_socket_address(from.storage).value_or(Endpoint{}));
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return false;
        if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
        statistics_.errors.add();  // that one is gone already, others may wait
    }
    return true;
}

void StreamListener::admit(Descriptor socket, const Endpoint& remote) {
    const auto admission = limits_.admit(place_.realm, remote.address, clock_.now());
    switch (admission) {
        case Admission::granted: break;
        case Admission::on_trial: statistics_.on_trial.add(); break;
        case Admission::too_many: return statistics_.refused_too_many.add();
        case Admission::too_many_of_source: return statistics_.refused_of_source.add();
        case Admission::too_fast: return statistics_.refused_too_fast.add();
    }
    statistics_.accepted.add();
    sink_.on_accept({std::move(socket), place_.transport, place_.realm, remote, admission == Admission::on_trial});
}

}  // namespace sallyport::io
