// What TLS of one realm is made of: certificate, key, trusted CAs and the profile of SIPconnect 2.0 section 8.1. Opens
// no connection.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "control/base/result.h"

struct ssl_ctx_st;

namespace sallyport::io {

enum class ClientCertificate : std::uint8_t { none, optional, required };

struct TlsOptions {
    std::string certificate, key;  // PEM; the certificate is followed by its chain
    std::string ca;                // PEM bundle; empty: the system's trusted CAs
    ClientCertificate client_certificate = ClientCertificate::none;
    bool rsa_gcm = false;  // offer TLS_RSA_WITH_AES_128_GCM_SHA256: no forward secrecy, RFC 9325
    bool rsa_cbc = false;  // offer TLS_RSA_WITH_AES_128_CBC_SHA
    bool tls_1_0 = false;  // for PBXs that have nothing better, RFC 8996; needs rsa_cbc
    friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

class TlsContext {
public:
    // Reads the files. The error is a sentence that names the file.
    static Result<std::shared_ptr<const TlsContext>, std::string> load(const TlsOptions& options);

    ssl_ctx_st* server() const { return server_.get(); }  // for connections that peers open
    ssl_ctx_st* client() const { return client_.get(); }
    // Seconds since 1970 when the certificate ends.
    long long not_after() const { return not_after_; }
    // SHA-256 over the certificate, "AB:CD:...", as administrators compare it.
    const std::string& fingerprint() const { return fingerprint_; }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const;
    };
    using Handle = std::unique_ptr<ssl_ctx_st, Free>;
    static Result<Handle, std::string> make(const TlsOptions& options, bool server);

    Handle server_, client_;
    long long not_after_ = 0;
    std::string fingerprint_;
};

// The contexts of all realms, exchanged while connections live: each keeps the one it began with.
class TlsRealms {
public:
    std::shared_ptr<const TlsContext> of(std::size_t realm) const {
        const std::lock_guard lock(mutex_);
        return realm < contexts_.size() ? contexts_[realm] : nullptr;  // nullptr: a realm without TLS
    }
    void exchange(std::vector<std::shared_ptr<const TlsContext>> contexts) {
        const std::lock_guard lock(mutex_);
        contexts_ = std::move(contexts);
    }

private:
    mutable std::mutex mutex_;  // taken once per connection
    std::vector<std::shared_ptr<const TlsContext>> contexts_;
};

}  // namespace sallyport::io
