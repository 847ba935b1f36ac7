#include "signaling/io/udp_listener.h"

#include <linux/errqueue.h>
#include <netinet/ip_icmp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "signaling/io/socket_address.h"
#include "signaling/sip/limits.h"

namespace sallyport::io {
namespace {

constexpr std::size_t max_pending = 4'096;    // datagrams that wait for the kernel's buffer
constexpr int socket_buffer_bytes = 4 << 20;  // bursts while the shard is busy; the kernel may grant less
constexpr int batches_per_wake = 4;           // then other sockets have their turn

bool is_stun(std::string_view bytes) {  // RFC 8489 5: two zero bits, magic cookie
    constexpr std::string_view cookie{"\x21\x12\xa4\x42", 4};
    return bytes.size() >= 20 && static_cast<unsigned char>(bytes[0]) < 4 && bytes.substr(4, 4) == cookie;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// SIP begins with a method or "SIP/": a token, and every known one begins with a letter.
bool may_be_sip(std::string_view bytes) {
    const auto first = bytes.find_first_not_of("\r\n");
    return first != bytes.npos && is_letter(bytes[first]);
}

bool is_keep_alive(std::string_view bytes) {
    constexpr std::string_view idle{"\r\n \0", 4};
    return bytes.find_first_not_of(idle) == bytes.npos;
}

std::string_view bytes_of(const mmsghdr& header) {
    return {static_cast<const char*>(header.msg_hdr.msg_iov->iov_base), header.msg_len};
}

bool may_pass(int error) { return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH; }

}  // namespace

bool is_udp_address_taken(const Endpoint& bind) {
    if (bind.port == 0) return false;
    const auto address = to_socket_address(bind);
    const int probe = ::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    if (bind.address.family == Family::v6) set_option(probe, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    const bool taken = ::bind(probe, address.get(), address.length) != 0 && errno == EADDRINUSE;
    ::close(probe);
    return taken;
}

ReceiveArena::ReceiveArena() {
    for (std::size_t i = 0; i < datagrams; ++i) {
        slices[i] = {bytes.get() + i * datagram_bytes, datagram_bytes};
        headers[i].msg_hdr.msg_iov = &slices[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_name = &from[i];
        headers[i].msg_hdr.msg_namelen = sizeof from[i];
    }
}

Result<std::unique_ptr<UdpListener>, std::string> UdpListener::open(const Place& place, DatagramSink& sink,
                                                                    ReceiveArena& arena, Gathering& gathering,
                                                                    IoStatistics& statistics) {
    const bool v6 = place.bind.address.family == Family::v6;
    const auto refused = [&](const char* what, int error) {
        return "udp " + place.bind.to_string() + ": cannot " + what + ": " + std::system_category().message(error);
    };
    Descriptor socket(::socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int fd = socket.get();
    if (fd < 0) return refused("open a socket", errno);
    if (v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (place.share_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, socket_buffer_bytes);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, socket_buffer_bytes);
    set_option(fd, v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP}, v6 ? IPV6_RECVERR : IP_RECVERR, 1);
    set_dscp(fd, place.bind.address.family, place.dscp);
    const auto address = to_socket_address(place.bind);
    if (::bind(fd, address.get(), address.length) != 0) return refused("bind", errno);
    return std::make_unique<UdpListener>(std::move(socket), place.realm, local_endpoint(fd), sink, arena, gathering,
                                         statistics);
}

UdpListener::UdpListener(Descriptor socket, RealmIndex realm, const Endpoint& local, DatagramSink& sink,
                         ReceiveArena& arena, Gathering& gathering, IoStatistics& statistics)
    : socket_(std::move(socket)),
      realm_(realm),
      local_(local),
      sink_(sink),
      arena_(arena),
      gathering_(gathering),
      statistics_(statistics) {}

void UdpListener::start() {
    gathering_.watch(socket_.get(), *this);
    wait();
}

// For what there is no other way to learn.
void UdpListener::wait() {
    std::uint32_t events = 0;
    if (!gathered_) events |= EPOLLIN;
    if (waiting_to_send_) events |= EPOLLOUT;
    if (events != 0) gathering_.wait(socket_.get(), *this, events);
}

// What can be received is told apart from errors, so that a datagram does not cost a look into the error queue.
void UdpListener::on_ready(std::uint32_t events) {
    if ((events & EPOLLERR) != 0 && read_errors()) sink_.on_batch_end();
    if ((events & EPOLLOUT) != 0) {
        waiting_to_send_ = false;
        flush();
    }
    if (!gathered_) receive();
    wait();
}

void UdpListener::look_again() {
    if (read_errors()) sink_.on_batch_end();
    receive();
    wait();
}

void UdpListener::receive() {
    Batch last{0, false};
    std::size_t datagrams = 0;
    for (int i = 0; i < batches_per_wake && !last.drained; ++i) datagrams += (last = receive_batch()).datagrams;
    sink_.on_batch_end();
    const auto now = std::chrono::steady_clock::now();
    const bool soon = now - std::exchange(received_at_, now) < Gathering::span;
    const bool often = datagrams > 1 || (datagrams == 1 && soon && !gathered_);
    gathered_ = often && last.drained;  // or hardly anything comes, or more than can be taken: no time to lose
    if (!gathered_) return;
    statistics_.gatherings.add();
    gathering_.add(*this);
}

UdpListener::Batch UdpListener::receive_batch() {
    auto& headers = arena_.headers;
    const int n = recvmmsg(socket_.get(), headers.data(), headers.size(), MSG_DONTWAIT, nullptr);
    if (n < 0) return {0, !may_pass(errno) && errno != EINTR};  // an ICMP error is reported once and then forgotten
    const auto count = static_cast<std::size_t>(n);
    std::array<bool, ReceiveArena::datagrams> first{};
    bool any_first = false;
    for (std::size_t i = 0; count > 1 && i < count; ++i)
        any_first |= first[i] = sink_.comes_first(bytes_of(headers[i]));
    for (std::size_t i = 0; any_first && i < count; ++i)
        if (first[i]) take_one(i);
    for (std::size_t i = 0; i < count; ++i)
        if (!first[i]) take_one(i);
    return {count, count < headers.size()};
}

void UdpListener::take_one(std::size_t i) {
    auto& header = arena_.headers[i];
    header.msg_hdr.msg_namelen = sizeof arena_.from[i];  // the kernel has written how much of it is used
    const auto source = from_socket_address(arena_.from[i]);
    if (source) take(*source, bytes_of(header));
}

void UdpListener::take(const Endpoint& from, std::string_view bytes) {
    statistics_.datagrams_received.add();
    statistics_.datagram_bytes_received.add(bytes.size());
    if (is_keep_alive(bytes)) return statistics_.drops[IoDrop::keep_alive].add();
    if (is_stun(bytes)) return statistics_.drops[IoDrop::stun].add();
    if (!may_be_sip(bytes)) return statistics_.drops[IoDrop::not_sip].add();
    sink_.on_datagram({Transport::udp, realm_, local_, from, 0}, bytes);
}

// RFC 3261 18.4: an ICMP error means that the peer cannot be reached. Each waits in the error queue with the address
// that the datagram went to. False: there was none.
bool UdpListener::read_errors() {
    bool any = false;
    for (std::size_t i = 0; i < ReceiveArena::datagrams; ++i) {
        sockaddr_storage to{};
        alignas(cmsghdr) std::array<char, 512> control;
        char byte = 0;
        iovec slice{&byte, 1};
        msghdr header{};
        header.msg_name = &to;
        header.msg_namelen = sizeof to;
        header.msg_iov = &slice;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        if (recvmsg(socket_.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
        any = true;
        for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
            const bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
            const bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
            if (!v4 && !v6) continue;
            sock_extended_err error;
            std::memcpy(&error, CMSG_DATA(c), sizeof error);
            const auto remote = from_socket_address(to);
            if (!remote || !may_pass(static_cast<int>(error.ee_errno))) continue;
            statistics_.unreachable.add();
            sink_.on_unreachable({Transport::udp, realm_, local_, *remote, 0},
                                 std::system_category().message(static_cast<int>(error.ee_errno)));
        }
    }
    return any;
}

void UdpListener::send(transaction::SharedText bytes, const Endpoint& to) {
    if (bytes->size() > sip::limits::datagram_bytes) return statistics_.drops[IoDrop::too_large].add();
    if (pending_.size() >= max_pending) return statistics_.drops[IoDrop::send_queue_full].add();
    pending_.push_back({std::move(bytes), to_socket_address(to)});
}

void UdpListener::flush() {
    if (waiting_to_send_) return;
    std::size_t sent = 0;
    while (sent < pending_.size()) {
        const std::size_t n = send_batch(sent);
        if (n == 0) break;
        sent += n;
    }
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(sent));
    if (pending_.empty()) return;
    waiting_to_send_ = true;
    wait();
}

// How many of the pending ones are settled, sent or refused; 0: the kernel's buffer is full.
std::size_t UdpListener::send_batch(std::size_t begin) {
    constexpr std::size_t at_once = 64;
    std::array<mmsghdr, at_once> headers;  // only what is used is written: most batches are of one
    std::array<iovec, at_once> slices;
    const std::size_t n = std::min(at_once, pending_.size() - begin);
    for (std::size_t i = 0; i < n; ++i) {
        auto& p = pending_[begin + i];
        slices[i] = {const_cast<char*>(p.bytes->data()), p.bytes->size()};  // sendmmsg only reads it
        headers[i] = {};
        headers[i].msg_hdr.msg_name = p.to.get();
        headers[i].msg_hdr.msg_namelen = p.to.length;
        headers[i].msg_hdr.msg_iov = &slices[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    const auto send_all = [&] {
        if (n > 1) return sendmmsg(socket_.get(), headers.data(), static_cast<unsigned>(n), MSG_DONTWAIT);
        const auto size = sendmsg(socket_.get(), &headers[0].msg_hdr, MSG_DONTWAIT);  // cheaper for one
        headers[0].msg_len = static_cast<unsigned>(std::max<ssize_t>(size, 0));
        return size < 0 ? -1 : 1;
    };
    // An ICMP error of an earlier datagram is reported by the next call, which then has sent nothing: ask twice.
    int sent = send_all();
    if (sent < 0 && may_pass(errno)) sent = send_all();
    if (sent < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
        statistics_.drops[IoDrop::send_error].add();
        return 1;
    }
    for (int i = 0; i < sent; ++i) statistics_.datagram_bytes_sent.add(headers[static_cast<std::size_t>(i)].msg_len);
    statistics_.datagrams_sent.add(static_cast<std::uint64_t>(sent));
    return static_cast<std::size_t>(sent);
}

}  // namespace sallyport::io
