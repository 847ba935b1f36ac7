#include "signaling/io/tls_ocsp.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <climits>
#include <ctime>
#include <memory>

#include "control/base/check.h"

namespace sallyport::io {
namespace {

constexpr long long clock_skew = 300;  // seconds
// Without nextUpdate newer word is to be had at any time (RFC 6960 4.2.2.1): what somebody recorded must not count
// forever.
constexpr long long without_next_update = 86'400;  // seconds

template <class T, void (*free_it)(T*)>
struct Free {
    void operator()(T* object) const { free_it(object); }
};
using Response = std::unique_ptr<OCSP_RESPONSE, Free<OCSP_RESPONSE, OCSP_RESPONSE_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, Free<OCSP_BASICRESP, OCSP_BASICRESP_free>>;
using Id = std::unique_ptr<OCSP_CERTID, Free<OCSP_CERTID, OCSP_CERTID_free>>;
using Store = std::unique_ptr<X509_STORE, Free<X509_STORE, X509_STORE_free>>;

StatusAnswer unknown(std::string why) { return {CertificateStatus::unknown, std::move(why), 0}; }

// Only the issuer's word counts, or that of a responder it has certified for this.
bool is_signed(OCSP_BASICRESP& basic, const X509& issuer, long long now) {
    const Store store(X509_STORE_new());
    SALLYPORT_CHECK(store != nullptr);
    auto* anchor = const_cast<X509*>(&issuer);  // OpenSSL counts references in it
    SALLYPORT_CHECK(X509_STORE_add_cert(store.get(), anchor) == 1);
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store.get()), static_cast<std::time_t>(now));
    STACK_OF(X509)* certificates = sk_X509_new_null();
    SALLYPORT_CHECK(certificates != nullptr);
    sk_X509_push(certificates, anchor);
    const bool verified = OCSP_basic_verify(&basic, certificates, store.get(), 0) == 1;
    sk_X509_free(certificates);
    return verified;
}

// Responders may hash the issuer as they like (RFC 6960 4.1.1): the answer is compared in its own way.
bool is_about(const OCSP_SINGLERESP& single, const X509& certificate, const X509& issuer) {
    const OCSP_CERTID* id = OCSP_SINGLERESP_get0_id(&single);
    ASN1_OBJECT* algorithm = nullptr;
    if (OCSP_id_get0_info(nullptr, &algorithm, nullptr, nullptr, const_cast<OCSP_CERTID*>(id)) != 1) return false;
    const EVP_MD* hash = EVP_get_digestbyobj(algorithm);
    if (hash == nullptr) return false;
    const Id ours(OCSP_cert_to_id(hash, &certificate, &issuer));
    return ours && OCSP_id_cmp(ours.get(), id) == 0;
}

long long seconds_of(const ASN1_GENERALIZEDTIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return static_cast<long long>(timegm(&parts));
}

StatusAnswer judge(OCSP_SINGLERESP& single, long long now) {
    int reason = 0;
    ASN1_GENERALIZEDTIME *revoked_at = nullptr, *this_update = nullptr, *next_update = nullptr;
    const int status = OCSP_single_get0_status(&single, &reason, &revoked_at, &this_update, &next_update);
    const long long from = seconds_of(this_update);
    const long long until = next_update == nullptr ? from + without_next_update : seconds_of(next_update);
    if (from == 0 || from > now + clock_skew) return unknown("the OCSP response is of the future, or of no time");
    if (until < now - clock_skew) return unknown("the OCSP response is out of date");
    if (status == V_OCSP_CERTSTATUS_GOOD) return {CertificateStatus::good, {}, until};
    if (status != V_OCSP_CERTSTATUS_REVOKED) return unknown("the OCSP responder does not know the certificate");
    std::string why = "the certificate is revoked";
    if (reason >= 0) why += std::string(": ") + OCSP_crl_reason_str(reason);
    return {CertificateStatus::revoked, std::move(why), until};
}

}  // namespace

StatusAnswer read_status(std::string_view der, const x509_st& certificate, const x509_st& issuer, long long now) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const auto end = bytes + der.size();
    if (der.empty() || der.size() > LONG_MAX) return unknown("there is no OCSP response");
    const Response response(d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())));
    StatusAnswer answer = unknown("is no OCSP response");
    if (response && bytes == end) {
        const int outcome = OCSP_response_status(response.get());
        const Basic basic(outcome == OCSP_RESPONSE_STATUS_SUCCESSFUL ? OCSP_response_get1_basic(response.get())
                                                                     : nullptr);
        if (!basic) {
            answer = unknown(std::string("the OCSP responder says: ") + OCSP_response_status_str(outcome));
        } else if (!is_signed(*basic, issuer, now)) {
            answer = unknown("the OCSP response is not signed by the certificate's issuer");
        } else {
            answer = unknown("the OCSP response is about another certificate");
            for (int i = 0; i < OCSP_resp_count(basic.get()); ++i) {
                OCSP_SINGLERESP* single = OCSP_resp_get0(basic.get(), i);
                if (!is_about(*single, certificate, issuer)) continue;
                answer = judge(*single, now);
                break;
            }
        }
    }
    ERR_clear_error();
    return answer;
}

}  // namespace sallyport::io
