#include "signaling/io/gathering.h"

#include <sys/epoll.h>

#include <array>
#include <boost/system/system_error.hpp>
#include <cerrno>

namespace sallyport::io {
namespace {

int checked(int result) {
    if (result < 0) throw boost::system::system_error(errno, boost::system::system_category(), "epoll");
    return result;
}

void control(int epoll, int operation, int descriptor, Gathered& socket, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &socket;
    checked(epoll_ctl(epoll, operation, descriptor, &event));
}

}  // namespace

Gathering::Gathering(boost::asio::io_context& context)
    : epoll_(context, checked(epoll_create1(EPOLL_CLOEXEC))), timer_(context) {
    tell();
}

void Gathering::watch(int descriptor, Gathered& socket) {
    control(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, socket, EPOLLONESHOT);
}

void Gathering::wait(int descriptor, Gathered& socket, std::uint32_t events) {
    control(epoll_.native_handle(), EPOLL_CTL_MOD, descriptor, socket, events | EPOLLONESHOT);
}

void Gathering::tell() {
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code ec) {
        if (ec) return;
        std::array<epoll_event, 16> events;
        const int n = epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
        for (int i = 0; i < n; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            static_cast<Gathered*>(event.data.ptr)->on_ready(event.events);
        }
        tell();
    });
}

void Gathering::add(Gathered& socket) {
    sockets_.push_back(&socket);
    if (sockets_.size() > 1) return;
    timer_.expires_after(span);
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) end();
    });
}

void Gathering::end() {
    due_.swap(sockets_);
    for (Gathered* socket : due_) socket->look_again();
    due_.clear();
}

}  // namespace sallyport::io
