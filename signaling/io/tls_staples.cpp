#include "signaling/io/tls_staples.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <cstring>
#include <ctime>

namespace sallyport::io {

void Staples::put(const x509_st& certificate, Staple staple) {
    const std::lock_guard lock(mutex_);
    by_certificate_[&certificate] = std::move(staple);
}

std::optional<Staples::Life> Staples::life(const x509_st& certificate) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_certificate_.find(&certificate);
    if (found == by_certificate_.end()) return std::nullopt;
    return Life{found->second.since, found->second.next_update};
}

void Staples::attach(ssl_ctx_st& context) {
    SSL_CTX_set_tlsext_status_cb(&context, &Staples::on_status_request);
    SSL_CTX_set_tlsext_status_arg(&context, this);
}

int Staples::on_status_request(ssl_st* connection, void* self) {
    const auto& staples = *static_cast<const Staples*>(self);
    const std::lock_guard lock(staples.mutex_);
    const auto found = staples.by_certificate_.find(SSL_get_certificate(connection));
    if (found == staples.by_certificate_.end()) return SSL_TLSEXT_ERR_NOACK;
    const Staple& staple = found->second;
    if (staple.next_update < static_cast<long long>(std::time(nullptr))) return SSL_TLSEXT_ERR_NOACK;
    void* copy = OPENSSL_malloc(staple.der.size());  // freed with the connection
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    std::memcpy(copy, staple.der.data(), staple.der.size());
    SSL_set_tlsext_status_ocsp_resp(connection, static_cast<unsigned char*>(copy),
                                    static_cast<long>(staple.der.size()));
    return SSL_TLSEXT_ERR_OK;
}

}  // namespace sallyport::io
