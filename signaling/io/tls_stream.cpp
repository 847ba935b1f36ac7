#include "signaling/io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <system_error>

#include "control/base/check.h"
#include "control/base/endpoint.h"
#include "signaling/io/tls_identity.h"

namespace sallyport::io {
namespace {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslHandle = std::unique_ptr<SSL, FreeSsl>;

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "nobody" : text;
}

class TlsStream final : public ByteStream {
public:
    TlsStream(asio::ip::tcp::socket socket, std::shared_ptr<const TlsContext> context, SslHandle ssl, std::string name)
        : ByteStream(std::move(socket)), context_(std::move(context)), ssl_(std::move(ssl)), name_(std::move(name)) {}

    Transport transport() const override { return Transport::tls; }
    StreamStep handshake() override;
    StreamStep read(std::span<char> into) override {
        ERR_clear_error();
        std::size_t n = 0;
        const int ok = SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
        return ok == 1 ? StreamStep{.bytes = n} : step_of(ok, CloseReason::reset);
    }
    StreamStep write(std::string_view bytes) override {
        ERR_clear_error();
        std::size_t n = 0;
        const int ok = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
        return ok == 1 ? StreamStep{.bytes = n} : step_of(ok, CloseReason::reset);
    }
    void finish_writing() override {
        ERR_clear_error();
        if (established_) SSL_shutdown(ssl_.get());  // close_notify if it fits in the socket's buffer
        established_ = false;
        ::shutdown(socket_.native_handle(), SHUT_WR);
    }

private:
    StreamStep step_of(int outcome, CloseReason failure);
    StreamStep check_peer();

    std::shared_ptr<const TlsContext> context_;
    SslHandle ssl_;
    std::string name_;
    bool established_ = false;
};

StreamStep TlsStream::step_of(int outcome, CloseReason failure) {
    const int saved = errno;
    switch (SSL_get_error(ssl_.get(), outcome)) {
        case SSL_ERROR_WANT_READ: return {.wants = Wants::read};
        case SSL_ERROR_WANT_WRITE: return {.wants = Wants::write};
        case SSL_ERROR_ZERO_RETURN: return {.ended = true};
        case SSL_ERROR_SYSCALL:
            established_ = false;  // after a fatal error SSL_shutdown must not be called
            return {.ended = true,
                    .reason = failure,
                    .detail = saved != 0 ? std::system_category().message(saved) : "connection closed"};
        default: break;
    }
    established_ = false;
    const long verdict = SSL_get_verify_result(ssl_.get());
    const char* reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    if (failure == CloseReason::handshake_failed && verdict != X509_V_OK)
        return {.ended = true, .reason = CloseReason::certificate, .detail = X509_verify_cert_error_string(verdict)};
    return {.ended = true, .reason = failure, .detail = reason != nullptr ? reason : "protocol error"};
}

StreamStep TlsStream::handshake() {
    ERR_clear_error();
    errno = 0;
    const int outcome = SSL_do_handshake(ssl_.get());
    if (outcome != 1) {
        auto step = step_of(outcome, CloseReason::handshake_failed);
        if (step.ended && step.reason == CloseReason::peer) step.reason = CloseReason::handshake_failed;
        return step;
    }
    established_ = true;
    return check_peer();
}

StreamStep TlsStream::check_peer() {
    if (name_.empty()) return {};
    const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl_.get()),
                                                             [](X509* c) { X509_free(c); });
    const auto identities = certificate ? sip_identities(*certificate) : std::vector<std::string>{};
    if (names_host(identities, name_)) return {};
    return {.ended = true,
            .reason = CloseReason::certificate,
            .detail = "certificate names " + joined(identities) + ", not " + name_};
}

std::unique_ptr<ByteStream> make(asio::ip::tcp::socket socket, std::shared_ptr<const TlsContext> context, bool server,
                                 const std::string& name) {
    SslHandle ssl(SSL_new(server ? context->server() : context->client()));
    SALLYPORT_CHECK(ssl != nullptr);
    boost::system::error_code ec;
    socket.native_non_blocking(true, ec);  // OpenSSL reads and writes by itself, and must never wait
    SALLYPORT_CHECK(!ec);
    SALLYPORT_CHECK(SSL_set_fd(ssl.get(), socket.native_handle()) == 1);
    if (server) {
        SSL_set_accept_state(ssl.get());
    } else {
        SSL_set_connect_state(ssl.get());
        if (!name.empty() && !IpAddress::parse(name))  // RFC 6066 3: literals are no server names
            SSL_set_tlsext_host_name(ssl.get(), name.c_str());
    }
    return std::make_unique<TlsStream>(std::move(socket), std::move(context), std::move(ssl), server ? "" : name);
}

}  // namespace

std::unique_ptr<ByteStream> make_tls_server_stream(asio::ip::tcp::socket socket,
                                                   std::shared_ptr<const TlsContext> context) {
    return make(std::move(socket), std::move(context), true, {});
}

std::unique_ptr<ByteStream> make_tls_client_stream(asio::ip::tcp::socket socket,
                                                   std::shared_ptr<const TlsContext> context, const std::string& name) {
    return make(std::move(socket), std::move(context), false, name);
}

}  // namespace sallyport::io
