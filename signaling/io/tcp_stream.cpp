// Plain TCP as a ByteStream.
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "signaling/io/byte_stream.h"

namespace sallyport::io {
namespace {

StreamStep failed(int error, Wants direction) {
    if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) return {.wants = direction};
    return {.ended = true, .reason = CloseReason::reset, .detail = std::system_category().message(error)};
}

class TcpStream final : public ByteStream {
public:
    using ByteStream::ByteStream;

    Transport transport() const override { return Transport::tcp; }
    StreamStep handshake() override { return {}; }
    StreamStep read(std::span<char> into) override {
        const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
        if (n < 0) return failed(errno, Wants::read);
        if (n == 0) return {.ended = true};
        return {.bytes = static_cast<std::size_t>(n)};
    }
    StreamStep write(std::string_view bytes) override {
        const ssize_t n = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) return failed(errno, Wants::write);
        return {.bytes = static_cast<std::size_t>(n)};
    }
    void finish_writing() override { ::shutdown(socket_.native_handle(), SHUT_WR); }
};

}  // namespace

std::unique_ptr<ByteStream> make_tcp_stream(asio::ip::tcp::socket socket) {
    return std::make_unique<TcpStream>(std::move(socket));
}

}  // namespace sallyport::io
