// Whom a trunk or carrier may show us over TLS, in either role: SIPconnect 2.0 section 17.2 (CA, pinned certificate,
// fingerprint) and RFC 5922 7 (whom it must name). Chains are OpenSSL's business (RFC 5280); opens no connection.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/result.h"
#include "signaling/transaction/flow.h"

struct x509_st;
struct x509_store_st;
struct ssl_st;

namespace sallyport::io {

// What the peer's status (OCSP) means: nothing; told; refused when revoked; refused unless good.
enum class StatusRule : std::uint8_t { off, alarm, soft, hard };

struct TrustOptions {
    std::string party;                      // "trunks/acme-hq", for sentences
    std::vector<std::string> authorities;   // CA certificates, PEM; empty without pins: the realm's
    std::vector<std::string> pinned;        // certificates, PEM: taken whoever signed them
    std::vector<std::string> fingerprints;  // of such certificates: SHA-256, 64 lower-case hex digits
    std::vector<std::string> names;         // whom a certificate that a CA vouches for must name
    bool names_given = false;  // by the operator: else a host name that we connect to is the only one that counts
    bool wildcards = false;
    bool client_certificate = false;      // demanded of the peer when it connects
    bool never_dial = false;              // it opens every connection
    StatusRule status = StatusRule::off;  // of a certificate that a CA vouches for: what is pinned is not asked about
    friend bool operator==(const TrustOptions&, const TrustOptions&) = default;
};

class TlsTrust {
public:
    // The error is a sentence that names the party and the field.
    static Result<std::shared_ptr<const TlsTrust>, std::string> make(TrustOptions options);

    const TrustOptions& options() const { return options_; }
    // Makes OpenSSL verify against our CAs, and ask for a certificate as a server.
    void apply(ssl_st& connection, bool server) const;
    bool pins() const { return !pins_.empty(); }
    bool is_pinned(const x509_st& certificate) const;
    bool has_authorities() const { return !options_.authorities.empty(); }
    // Does a certificate with these identities (tls_identity.h) belong to the party? `wanted`: the name that we connect
    // to; empty when the peer has connected.
    bool names(const std::vector<std::string>& identities, std::string_view wanted) const;

private:
    struct Free {
        void operator()(x509_store_st* store) const;
        void operator()(x509_st* certificate) const;
    };
    TrustOptions options_;
    std::unique_ptr<x509_store_st, Free> store_;  // nothing: the realm's
    std::vector<std::unique_ptr<x509_st, Free>> authorities_;
    std::vector<std::string> pins_;
    std::string session_id_;  // sessions of other peers, or of another trust, are not resumed
};

using TrustPtr = std::shared_ptr<const TlsTrust>;

// The trust of every peer, as of one revision of the configuration.
class TlsTrusts {
public:
    // Whose address this is in the realm: the trust of a static trunk or a carrier; nothing: nobody's, or nothing said.
    std::function<TrustPtr(RealmIndex realm, const IpAddress& source)> by_source;

    // A peer is reached under this name. Several may share it, as long as they are trusted alike.
    void add_target(RealmIndex realm, const std::string& host, const TrustPtr& trust, const std::string& party = {});

    struct Found {
        TrustPtr trust;          // nothing: the realm's rules
        bool ambiguous = false;  // peers of this name are trusted differently: nobody knows which one is meant
        std::string party;       // "trunks/acme-hq"; empty: nobody's, or several share the name
    };
    Found of_target(RealmIndex realm, const std::string& tls_name, const IpAddress& remote) const;

private:
    std::map<std::pair<RealmIndex, std::string>, Found, std::less<>> targets_;
};

// Lower-case hex SHA-256 of the certificate's DER.
std::string fingerprint_of(const x509_st& certificate);

}  // namespace sallyport::io
