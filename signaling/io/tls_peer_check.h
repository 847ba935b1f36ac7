// The verdict on a peer's certificate while the handshake goes on, so that a peer which is refused hears why in an
// alert: the chain's outcome (RFC 5280), pins, names (RFC 5922 7.3 and 7.4); and afterwards on its status (RFC 6960),
// which others have to ask for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "signaling/io/tls_ocsp.h"
#include "signaling/io/tls_trust.h"

struct x509_store_ctx_st;

namespace sallyport::io {

class PeerCheck {
public:
    // `wanted`: as a client the name we connect to (empty: any that our CAs vouch for); as a server empty.
    PeerCheck(TrustPtr trust, std::string wanted) : trust_(std::move(trust)), wanted_(std::move(wanted)) {}

    // From now on the connection is judged by this check, which has to outlive its handshake.
    void attach(ssl_st& connection, bool server);

    // Once the handshake is done: a resumed session has shown no certificate to judge. False: refused.
    bool accepts_session(const ssl_st& connection);

    // The status of the certificate (RFC 6960), once the handshake is done: nothing when it is decided already, by a
    // staple or because nobody cares; else whom to ask about.
    std::optional<StatusQuestion> status_question(ssl_st& connection);
    // False: refused.
    bool accepts_status(const StatusAnswer& answer);

    const std::string& refusal() const { return refusal_; }  // a sentence; empty: OpenSSL knows better
    const std::string& remark() const { return remark_; }    // accepted, and yet to be told
    const TrustPtr& trust() const { return trust_; }

private:
    static int on_certificate(int ok, x509_store_ctx_st* context);
    int judge(int ok, x509_store_ctx_st& context);
    bool may_be_trusted(const x509_st& certificate);
    bool accepts(const x509_st& certificate);

    TrustPtr trust_;
    std::string wanted_, refusal_, remark_;
};

}  // namespace sallyport::io
