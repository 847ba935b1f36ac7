#include "control/wire/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <climits>
#include <memory>

namespace sallyport::wire {
namespace {

// Without it OpenSSL would ask the terminal for the password of an encrypted block.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

bool is_certificate(std::string_view pem) {
    constexpr std::string_view end_line = "-----END CERTIFICATE-----";
    if (pem.empty() || pem.size() > INT_MAX) return false;
    const auto end = pem.find(end_line);
    if (end == pem.npos || pem.find_first_not_of(" \t\r\n", end + end_line.size()) != pem.npos) return false;
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr), [](X509* x) { X509_free(x); });
    ERR_clear_error();
    return certificate != nullptr;
}

}  // namespace sallyport::wire
