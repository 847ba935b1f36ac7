#include "signaling/io/tls_peer_check.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>
#include <string_view>

#include "control/base/check.h"
#include "signaling/io/tls_identity.h"

namespace sallyport::io {
namespace {

int check_index() {  // where an SSL keeps its check
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
    return text.empty() ? "nobody" : text;
}

// What a pinned certificate need not have: someone who vouches for it. Its dates count.
bool is_about_issuers(int error) {
    switch (error) {
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_UNTRUSTED: return true;
        default: return false;
    }
}

}  // namespace

void PeerCheck::attach(ssl_st& connection, bool server) {
    SALLYPORT_CHECK(SSL_set_ex_data(&connection, check_index(), this) == 1);
    SSL_set_verify(&connection, SSL_get_verify_mode(&connection), &PeerCheck::on_certificate);
    if (trust_) trust_->apply(connection, server);
}

int PeerCheck::on_certificate(int ok, x509_store_ctx_st* context) {
    const auto* connection =
        static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* check = static_cast<PeerCheck*>(SSL_get_ex_data(connection, check_index()));
    SALLYPORT_CHECK(check != nullptr);
    return check->judge(ok, *context);
}

// Called for every error of the chain, and for every certificate of it from the anchor down, the peer's own last.
int PeerCheck::judge(int ok, x509_store_ctx_st& context) {
    const X509* certificate = X509_STORE_CTX_get0_cert(&context);
    const int error = X509_STORE_CTX_get_error(&context);
    if (ok == 0) {
        const bool pinned = trust_ && certificate != nullptr && trust_->is_pinned(*certificate);
        if (!is_about_issuers(error)) return 0;
        if (!pinned && certificate != nullptr) may_be_trusted(*certificate);  // for its sentence
        if (!pinned) return 0;
        X509_STORE_CTX_set_error(&context, X509_V_OK);
        return 1;
    }
    if (X509_STORE_CTX_get_error_depth(&context) > 0 || certificate == nullptr || accepts(*certificate)) return 1;
    X509_STORE_CTX_set_error(&context, X509_V_ERR_HOSTNAME_MISMATCH);  // bad_certificate to the peer
    return 0;
}

// False: nothing else than a pinned one is trusted, and this is none.
bool PeerCheck::may_be_trusted(const x509_st& certificate) {
    const bool only_pins = trust_ && trust_->pins() && !trust_->has_authorities();
    if (!only_pins || trust_->is_pinned(certificate)) return true;
    refusal_ = "the certificate is none that is pinned for " + trust_->options().party + ": its SHA-256 is " +
               fingerprint_of(certificate);
    return false;
}

bool PeerCheck::accepts(const x509_st& certificate) {
    if (trust_ && trust_->is_pinned(certificate)) return true;
    if (!may_be_trusted(certificate)) return false;
    if (!trust_ && wanted_.empty()) return true;
    const auto identities = sip_identities(certificate);
    const bool named = trust_ ? trust_->names(identities, wanted_) : names_host(identities, wanted_);
    if (!named) {
        const bool exact = !trust_ || (!trust_->options().names_given && !wanted_.empty());
        refusal_ =
            "certificate names " + joined(identities) + ", not " + (exact ? wanted_ : joined(trust_->options().names));
        return false;
    }
    if (is_named_by_common_name(certificate))
        remark_ = "certificate names " + joined(identities) + " by its common name alone: legacy, SIPconnect 8.1";
    return true;
}

std::optional<StatusQuestion> PeerCheck::status_question(ssl_st& connection) {
    if (!trust_ || trust_->options().status == StatusRule::off) return std::nullopt;
    X509* certificate = SSL_get0_peer_certificate(&connection);
    if (certificate == nullptr || trust_->is_pinned(*certificate)) return std::nullopt;
    STACK_OF(X509)* chain = SSL_get0_verified_chain(&connection);
    if (sk_X509_num(chain) < 2) {  // an anchor itself
        accepts_status({CertificateStatus::unknown, "the certificate has no issuer to tell its status", 0});
        return std::nullopt;
    }
    const auto shared = [](X509* x) {
        X509_up_ref(x);
        return std::shared_ptr<X509>(x, [](X509* last) { X509_free(last); });
    };
    StatusQuestion question{shared(certificate), shared(sk_X509_value(chain, 1))};
    const unsigned char* staple = nullptr;
    const long size = SSL_is_server(&connection) != 0 ? 0 : SSL_get_tlsext_status_ocsp_resp(&connection, &staple);
    if (staple == nullptr || size <= 0) return question;
    const std::string_view der(reinterpret_cast<const char*>(staple), static_cast<std::size_t>(size));
    const auto answer =
        read_status(der, *question.certificate, *question.issuer, static_cast<long long>(std::time(nullptr)));
    if (answer.status == CertificateStatus::unknown) return question;  // a bad staple is none
    accepts_status(answer);
    return std::nullopt;
}

bool PeerCheck::accepts_status(const StatusAnswer& answer) {
    if (answer.status == CertificateStatus::good) return true;
    const auto rule = trust_->options().status;
    const bool revoked = answer.status == CertificateStatus::revoked;
    if (rule == StatusRule::hard || (rule == StatusRule::soft && revoked)) {
        refusal_ = (revoked ? "" : "status unknown: ") + answer.why;
        return false;
    }
    remark_ = (revoked ? "taken although " : "status unknown: ") + answer.why;
    return true;
}

bool PeerCheck::accepts_session(const ssl_st& connection) {
    if (SSL_session_reused(&connection) == 0) return true;
    const X509* certificate = SSL_get0_peer_certificate(&connection);
    const bool demanded = SSL_is_server(&connection) == 0 || (trust_ && trust_->options().client_certificate);
    if (certificate == nullptr) {
        if (!demanded) return true;
        refusal_ = "a resumed session without a certificate";
        return false;
    }
    return accepts(*certificate);
}

}  // namespace sallyport::io
