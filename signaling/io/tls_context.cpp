#include "signaling/io/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <mutex>
#include <system_error>

namespace sallyport::io {
namespace {

// SIPconnect 8.1.1: ECDHE_RSA_AES128_GCM first, then what else is secure, the optional suites, the fallback last. ECDSA
// certificates and 256 bits are more than the profile asks.
std::string suites(const TlsOptions& options) {
    std::string list =
        "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"
        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384";
    if (options.rsa_gcm) list += ":AES128-GCM-SHA256";
    if (options.rsa_cbc) list += ":AES128-SHA";
    if (options.tls_1_0) list += ":@SECLEVEL=0";  // its SHA-1 signatures are below every other level
    return list;
}
constexpr const char* suites_1_3 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

std::string last_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unreadable";
}

// OpenSSL's own words for a file that is not there are no help to an operator.
std::string file_error(const char* role, const std::string& file) {
    const std::ifstream probe(file);
    const std::string why = probe ? last_error() : std::system_category().message(errno);
    ERR_clear_error();
    return std::string(role) + " " + file + ": " + why;
}

void set_profile(SSL_CTX* context, const TlsOptions& options) {
    SSL_CTX_set_min_proto_version(context, options.tls_1_0 ? TLS1_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, 0);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    // An idle connection keeps no record buffers: there are many, and most are idle.
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

int verify_mode(const TlsOptions& options, bool server) {
    if (!server) return SSL_VERIFY_PEER;
    switch (options.client_certificate) {
        case ClientCertificate::none: return SSL_VERIFY_NONE;
        case ClientCertificate::optional: return SSL_VERIFY_PEER;
        case ClientCertificate::required: return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    return SSL_VERIFY_PEER;
}

long long end_of_life(SSL_CTX* context) {
    const X509* certificate = SSL_CTX_get0_certificate(context);
    std::tm end{};
    if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return 0;
    return static_cast<long long>(timegm(&end));
}

std::string sha256_of(SSL_CTX* context) {
    const X509* certificate = SSL_CTX_get0_certificate(context);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        if (i > 0) out += ':';
        out += digits[digest[i] >> 4];
        out += digits[digest[i] & 15];
    }
    return out;
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsContext::Handle, std::string> TlsContext::make(const TlsOptions& options, bool server) {
    ERR_clear_error();
    Handle handle(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
    if (!handle) return "TLS: " + last_error();
    SSL_CTX* context = handle.get();
    set_profile(context, options);
    if (SSL_CTX_set_cipher_list(context, suites(options).c_str()) != 1 ||
        SSL_CTX_set_ciphersuites(context, suites_1_3) != 1)
        return "TLS: cipher suites: " + last_error();
    if (!options.certificate.empty()) {
        if (SSL_CTX_use_certificate_chain_file(context, options.certificate.c_str()) != 1)
            return file_error("certificate", options.certificate);
        if (SSL_CTX_use_PrivateKey_file(context, options.key.c_str(), SSL_FILETYPE_PEM) != 1)
            return file_error("key", options.key);
        if (SSL_CTX_check_private_key(context) != 1)
            return "key " + options.key + ": does not belong to certificate " + options.certificate;
    }
    if (options.ca.empty()) {
        SSL_CTX_set_default_verify_paths(context);
    } else {
        if (SSL_CTX_load_verify_locations(context, options.ca.c_str(), nullptr) != 1)
            return file_error("ca", options.ca);
        if (server && options.client_certificate != ClientCertificate::none)
            SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.ca.c_str()));
    }
    SSL_CTX_set_verify(context, verify_mode(options, server), nullptr);
    if (server) {  // resumption needs it as soon as client certificates are verified
        constexpr unsigned char id[] = "sallyport";
        SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
    }
    return handle;
}

Result<std::shared_ptr<const TlsContext>, std::string> TlsContext::load(const TlsOptions& options) {
    // OpenSSL writes to sockets by write(2): a peer that has gone must be an error, not a signal.
    static std::once_flag once;
    std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
    auto context = std::make_shared<TlsContext>();
    auto server = make(options, true);
    if (!server) return server.error();
    auto client = make(options, false);
    if (!client) return client.error();
    context->server_ = std::move(*server);
    context->client_ = std::move(*client);
    context->not_after_ = end_of_life(context->server_.get());
    context->fingerprint_ = sha256_of(context->server_.get());
    return std::shared_ptr<const TlsContext>(std::move(context));
}

}  // namespace sallyport::io
