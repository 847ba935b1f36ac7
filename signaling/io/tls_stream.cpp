#include "signaling/io/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>
#include <system_error>

#include "control/base/check.h"
#include "control/base/endpoint.h"
#include "signaling/io/tls_peer_check.h"

namespace sallyport::io {
namespace {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslHandle = std::unique_ptr<SSL, FreeSsl>;

class TlsStream final : public ByteStream {
public:
    TlsStream(asio::ip::tcp::socket socket, std::shared_ptr<const TlsContext> context, SslHandle ssl, TrustPtr trust,
              std::string name, bool server)
        : ByteStream(std::move(socket)),
          context_(std::move(context)),
          check_(std::move(trust), std::move(name)),
          ssl_(std::move(ssl)) {
        check_.attach(*ssl_, server);
    }

    Transport transport() const override { return Transport::tls; }
    std::string remark() const override { return check_.remark(); }
    StreamStep handshake() override;
    std::optional<StatusQuestion> open_question() override { return question_; }
    StreamStep judge(const StatusAnswer& answer) override;
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
    StreamStep outcome_of_check() const;

    std::shared_ptr<const TlsContext> context_;
    PeerCheck check_;  // before the SSL that points to it
    SslHandle ssl_;
    std::optional<StatusQuestion> question_;
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
        return {.ended = true,
                .reason = CloseReason::certificate,
                .detail = check_.refusal().empty() ? X509_verify_cert_error_string(verdict) : check_.refusal()};
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
    if (check_.accepts_session(*ssl_)) question_ = check_.status_question(*ssl_);
    return outcome_of_check();
}

StreamStep TlsStream::judge(const StatusAnswer& answer) {
    question_.reset();
    check_.accepts_status(answer);
    return outcome_of_check();
}

StreamStep TlsStream::outcome_of_check() const {
    if (check_.refusal().empty()) return {};
    return {.ended = true, .reason = CloseReason::certificate, .detail = check_.refusal()};
}

std::unique_ptr<ByteStream> make(asio::ip::tcp::socket socket, std::shared_ptr<const TlsContext> context, bool server,
                                 TrustPtr trust, const std::string& name) {
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
    return std::make_unique<TlsStream>(std::move(socket), std::move(context), std::move(ssl), std::move(trust),
                                       server ? std::string() : name, server);
}

}  // namespace

std::unique_ptr<ByteStream> make_tls_server_stream(asio::ip::tcp::socket socket,
                                                   std::shared_ptr<const TlsContext> context, TrustPtr trust) {
    return make(std::move(socket), std::move(context), true, std::move(trust), {});
}

std::unique_ptr<ByteStream> make_tls_client_stream(asio::ip::tcp::socket socket,
                                                   std::shared_ptr<const TlsContext> context, const std::string& name,
                                                   TrustPtr trust) {
    return make(std::move(socket), std::move(context), false, std::move(trust), name);
}

}  // namespace sallyport::io
