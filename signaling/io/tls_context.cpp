#include "signaling/io/tls_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>
#include <system_error>

#include "signaling/io/tls_identity.h"
#include "signaling/io/tls_ocsp.h"

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
    SSL_CTX_set_max_proto_version(context, options.tls_1_3 ? 0 : TLS1_2_VERSION);  // 0: the highest there is
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

long long end_of_life(const X509& certificate) {
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &end) != 1) return 0;
    return static_cast<long long>(timegm(&end));
}

// Makes it the context's current certificate; a sentence when it cannot.
std::optional<std::string> use(SSL_CTX* context, const TlsCertificate& files) {
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
        return file_error("certificate", files.certificate);
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
        return file_error("key", files.key);
    if (SSL_CTX_check_private_key(context) != 1)
        return "key " + files.key + ": does not belong to certificate " + files.certificate;
    return std::nullopt;
}

using CertificatePtr = std::shared_ptr<X509>;

CertificatePtr share(X509* certificate) {
    X509_up_ref(certificate);
    return {certificate, [](X509* last) { X509_free(last); }};
}

bool names_responder(X509& certificate) {
    STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(&certificate);
    const bool named = sk_OPENSSL_STRING_num(urls) > 0;
    X509_email_free(urls);
    return named;
}

// Of the certificate in use: from its chain, else among the CAs that we trust.
CertificatePtr issuer_of(SSL_CTX& context, X509& certificate) {
    STACK_OF(X509)* chain = nullptr;
    SSL_CTX_get0_chain_certs(&context, &chain);
    for (int i = 0; i < sk_X509_num(chain); ++i) {
        X509* candidate = sk_X509_value(chain, i);
        if (X509_check_issued(candidate, &certificate) == X509_V_OK) return share(candidate);
    }
    const std::unique_ptr<X509_STORE_CTX, void (*)(X509_STORE_CTX*)> search(
        X509_STORE_CTX_new(), [](X509_STORE_CTX* c) { X509_STORE_CTX_free(c); });
    X509* found = nullptr;
    const bool there = X509_STORE_CTX_init(search.get(), SSL_CTX_get_cert_store(&context), nullptr, nullptr) == 1 &&
                       X509_STORE_CTX_get1_issuer(&found, search.get(), &certificate) == 1;
    ERR_clear_error();
    return there ? CertificatePtr(found, [](X509* last) { X509_free(last); }) : nullptr;
}

std::optional<std::string> read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return std::nullopt;
    return std::move(text).str();
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

// To the server of the same names, or as a server of its own; the first one's are our client's too.
std::optional<std::string> TlsContext::add(const TlsCertificate& files, const TlsOptions& options) {
    auto made = make(options, true);
    if (!made) return made.error();
    if (auto wrong = use(made->get(), files)) return wrong;
    X509* certificate = SSL_CTX_get0_certificate(made->get());
    auto names = all_names(*certificate);
    std::sort(names.begin(), names.end());
    const int key = EVP_PKEY_get_base_id(X509_get0_pubkey(certificate));
    auto at = std::find_if(servers_.begin(), servers_.end(), [&](const Server& s) {
        return s.names == names && std::find(s.keys.begin(), s.keys.end(), key) == s.keys.end();
    });
    if (at == servers_.end()) {
        servers_.push_back({std::move(names), {}, std::move(*made)});
        at = std::prev(servers_.end());
        staples_.attach(*at->context);
    } else if (auto wrong = use(at->context.get(), files)) {
        return wrong;
    }
    at->keys.push_back(key);
    if (at == servers_.begin())
        if (auto wrong = use(client_.get(), files)) return wrong;
    certificate = SSL_CTX_get0_certificate(at->context.get());
    certificates_.push_back(
        {files.certificate, end_of_life(*certificate), certificate, !files.ocsp_staple.empty(), {}});
    return files.ocsp_staple.empty() ? std::nullopt : add_staple(*at->context, files);
}

std::optional<std::string> TlsContext::add_staple(ssl_ctx_st& context, const TlsCertificate& files) {
    const std::string role = "ocsp_staple " + files.ocsp_staple + ": ";
    X509* certificate = SSL_CTX_get0_certificate(&context);
    const auto issuer = issuer_of(context, *certificate);
    if (!issuer) return role + "cannot be checked, the issuer's certificate is neither in the chain nor in ca";
    if (files.ocsp_staple == "fetch") {
        if (!names_responder(*certificate))
            return role + "certificate " + files.certificate + " names no OCSP responder";
        certificates_.back().fetch = StatusQuestion{share(certificate), issuer};
        return std::nullopt;
    }
    auto der = read_file(files.ocsp_staple);
    if (!der) return role + std::system_category().message(errno);
    const auto now = static_cast<long long>(std::time(nullptr));
    const auto answer = read_status(*der, *certificate, *issuer, now);
    // A certificate that is revoked is shown as such: hiding it would be the fault of an attacker.
    if (answer.status == CertificateStatus::unknown) return role + answer.why;
    staples_.put(*certificate, {std::move(*der), now, answer.next_update});
    return std::nullopt;
}

std::vector<TlsContext::Life> TlsContext::lives() const {
    std::vector<Life> out;
    for (const auto& c : certificates_) {
        const auto staple = staples_.life(*c.x509);
        out.push_back({c.file, c.not_after, c.staples, staple ? staple->until : 0});
    }
    return out;
}

std::vector<StatusQuestion> TlsContext::due_staples(long long now) const {
    std::vector<StatusQuestion> out;
    for (const auto& c : certificates_) {
        if (!c.fetch) continue;
        const auto life = staples_.life(*c.x509);
        const bool fresh = life && now < life->since + (life->until - life->since) / 2;
        if (!fresh) out.push_back(*c.fetch);
    }
    return out;
}

void TlsContext::staple(const StatusQuestion& question, std::string der, long long now, long long next_update) const {
    staples_.put(*question.certificate, {std::move(der), now, next_update});
}

ssl_ctx_st* TlsContext::server_for(const std::string& name) const {
    for (const bool wildcards : {false, true})
        for (const auto& server : servers_)
            if (names_host(server.names, name, wildcards)) return server.context.get();
    return nullptr;
}

// A name that no certificate has gets the first one: what the peer makes of it is the peer's business (RFC 6066 3).
int TlsContext::on_server_name(ssl_st* connection, int*, void* self) {
    const char* name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
    auto* context = name != nullptr ? static_cast<const TlsContext*>(self)->server_for(name) : nullptr;
    if (context != nullptr && context != SSL_get_SSL_CTX(connection)) SSL_set_SSL_CTX(connection, context);
    return SSL_TLSEXT_ERR_OK;
}

long long TlsContext::not_after() const {
    long long first = 0;
    for (const auto& c : certificates_) first = first == 0 ? c.not_after : std::min(first, c.not_after);
    return first;
}

Result<std::shared_ptr<const TlsContext>, std::string> TlsContext::load(const TlsOptions& options) {
    // OpenSSL writes to sockets by write(2): a peer that has gone must be an error, not a signal.
    static std::once_flag once;
    std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
    auto context = std::make_shared<TlsContext>();
    auto client = make(options, false);
    if (!client) return client.error();
    context->client_ = std::move(*client);
    if (options.certificate.empty()) {  // of a realm that only connects
        auto server = make(options, true);
        if (!server) return server.error();
        context->servers_.push_back({{}, {}, std::move(*server)});
    } else if (auto wrong = context->add(options, options)) {
        return *wrong;
    }
    for (const auto& files : options.more)
        if (auto wrong = context->add(files, options)) return *wrong;
    SSL_CTX_set_tlsext_servername_callback(context->server(), &TlsContext::on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context->server(), context.get());
    context->fingerprint_ = sha256_of(context->server());
    return std::shared_ptr<const TlsContext>(std::move(context));
}

}  // namespace sallyport::io
