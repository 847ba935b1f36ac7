// What TLS of one realm is made of: certificate, key, trusted CAs and the profile of SIPconnect 2.0 section 8.1. Opens
// no connection.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/base/result.h"
#include "signaling/io/tls_ocsp.h"
#include "signaling/io/tls_staples.h"
#include "signaling/io/tls_trust.h"

struct ssl_ctx_st;

namespace sallyport::io {

enum class ClientCertificate : std::uint8_t { none, optional, required };

struct TlsCertificate {
    std::string certificate, key;  // PEM files; the certificate is followed by its chain
    std::string ocsp_staple;  // file with an OCSP response (DER) about it; "fetch": from its responder; empty: none
    friend bool operator==(const TlsCertificate&, const TlsCertificate&) = default;
};

struct TlsOptions : TlsCertificate {   // the realm's first, for peers that name nobody we know
    std::vector<TlsCertificate> more;  // for other names (SNI), or of another kind of key for the same
    std::string ca;                    // PEM bundle; empty: the system's trusted CAs
    ClientCertificate client_certificate = ClientCertificate::none;
    bool rsa_gcm = false;  // offer TLS_RSA_WITH_AES_128_GCM_SHA256: no forward secrecy, RFC 9325
    bool rsa_cbc = false;  // offer TLS_RSA_WITH_AES_128_CBC_SHA
    bool tls_1_0 = false;  // for PBXs that have nothing better, RFC 8996; needs rsa_cbc
    bool tls_1_3 = true;   // false: TLS 1.2 at most, on connections of peers and on our own
    friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

class TlsContext {
public:
    // Reads the files. The error is a sentence that names the file.
    static Result<std::shared_ptr<const TlsContext>, std::string> load(const TlsOptions& options);

    ssl_ctx_st* server() const { return servers_.front().context.get(); }  // for connections that peers open
    ssl_ctx_st* client() const { return client_.get(); }
    struct Life {
        std::string certificate;     // its file
        long long not_after = 0;     // seconds since 1970 when it ends
        bool staples = false;        // an OCSP response is to be stapled to it
        long long staple_until = 0;  // when that ends; 0: there is none, or none that ends
    };
    std::vector<Life> lives() const;
    long long not_after() const;  // of the one that ends first
    // Certificates whose staple is to be fetched now: none is there, or half of its life is over.
    std::vector<StatusQuestion> due_staples(long long now) const;
    // What came of it. Any thread: the contexts are shared, and this is what changes in them.
    void staple(const StatusQuestion& question, std::string der, long long now, long long next_update) const;
    // SHA-256 over the certificate, "AB:CD:...", as administrators compare it.
    const std::string& fingerprint() const { return fingerprint_; }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const;
    };
    using Handle = std::unique_ptr<ssl_ctx_st, Free>;
    struct Server {
        std::vector<std::string> names;  // sorted
        std::vector<int> keys;           // their kinds (EVP_PKEY ids)
        Handle context;
    };
    static Result<Handle, std::string> make(const TlsOptions& options, bool server);
    std::optional<std::string> add(const TlsCertificate& files, const TlsOptions& options);
    std::optional<std::string> add_staple(ssl_ctx_st& context, const TlsCertificate& files);
    static int on_server_name(ssl_st* connection, int* alert, void* self);
    ssl_ctx_st* server_for(const std::string& name) const;

    struct Certificate {
        std::string file;
        long long not_after = 0;
        const x509_st* x509 = nullptr;  // of its context
        bool staples = false;
        std::optional<StatusQuestion> fetch;
    };
    mutable Staples staples_;  // before the contexts that point to it; locks by itself
    std::vector<Server> servers_;
    Handle client_;
    std::vector<Certificate> certificates_;
    std::string fingerprint_;
};

// The contexts of all realms and the trust of all peers, exchanged while connections live: each keeps what it began
// with.
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
    std::shared_ptr<const TlsTrusts> trusts() const {  // never nullptr
        const std::lock_guard lock(mutex_);
        return trusts_;
    }
    void exchange_trusts(std::shared_ptr<const TlsTrusts> trusts) {
        const std::lock_guard lock(mutex_);
        trusts_ = std::move(trusts);
    }

private:
    mutable std::mutex mutex_;  // taken once per connection
    std::vector<std::shared_ptr<const TlsContext>> contexts_;
    std::shared_ptr<const TlsTrusts> trusts_ = std::make_shared<const TlsTrusts>();
};

}  // namespace sallyport::io
