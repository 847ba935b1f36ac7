// The bytes of one connection, without waiting: says what to wait for instead. The session that owns it waits. Knows
// sockets (TCP) or TLS, no SIP.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "control/base/endpoint.h"
#include "signaling/io/statistics.h"
#include "signaling/io/tls_ocsp.h"
#include "signaling/transaction/flow.h"

namespace sallyport::io {

namespace asio = boost::asio;

enum class Wants : std::uint8_t { nothing, read, write };

struct StreamStep {
    std::size_t bytes = 0;         // moved
    Wants wants = Wants::nothing;  // nothing moved: wait for this, then call again
    bool ended = false;            // no more of it; why:
    CloseReason reason = CloseReason::peer;
    std::string detail;
};

class ByteStream {
public:
    explicit ByteStream(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
    virtual ~ByteStream() = default;

    virtual Transport transport() const = 0;
    // After the handshake: what an operator should hear of the peer; empty: nothing.
    virtual std::string remark() const { return {}; }
    // What follows the TCP connection before bytes flow: nothing, or a TLS handshake.
    virtual StreamStep handshake() = 0;
    // The handshake is done, and somebody else has to tell the status of the peer's certificate before bytes may flow.
    virtual std::optional<StatusQuestion> open_question() { return std::nullopt; }
    virtual StreamStep judge(const StatusAnswer& answer) {
        static_cast<void>(answer);
        return {};
    }
    virtual StreamStep read(std::span<char> into) = 0;
    // A step that wanted to wait is repeated with bytes that begin with the same ones.
    virtual StreamStep write(std::string_view bytes) = 0;
    // Nothing more will be written: FIN, and close_notify before it.
    virtual void finish_writing() = 0;
    // The only way to close: TLS must not touch the descriptor after it, its number may be another connection's by
    // then.
    void close() {
        finish_writing();
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

    asio::ip::tcp::socket& socket() { return socket_; }

protected:
    asio::ip::tcp::socket socket_;
};

std::unique_ptr<ByteStream> make_tcp_stream(asio::ip::tcp::socket socket);

}  // namespace sallyport::io
