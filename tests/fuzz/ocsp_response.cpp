// rooms: io
// An OCSP response, RFC 6960: any bytes are read to an end, and whoever has not the issuer's key can at most repeat
// what the issuer has said of the certificate.
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "control/base/check.h"
#include "signaling/io/tls_ocsp.h"
#include "tests/support/fuzz_seeds.h"

namespace {

// Made with openssl(1) for this test; valid for a hundred years. Their keys are gone.
constexpr std::string_view issuer_pem = R"(-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUByoPHe7C7YJvSUoOKcCvrvWSdTQwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGaXNzdWVyMCAXDTI2MTEyNzA0MjY0NloYDzIxMjYxMTAzMDQy
NjQ2WjARMQ8wDQYDVQQDDAZpc3N1ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAT+CZDxRxOK++J+fDgRQDz9Nnn22pv3717yx0V2SkkT/ujHe7Vs7yC9b04aMYVx
+sJIn6ytw2j9v7FcHKkH41+eo1MwUTAdBgNVHQ4EFgQUz4dgp3ucuxCSiHxLTFEk
8eJ1Of4wHwYDVR0jBBgwFoAUz4dgp3ucuxCSiHxLTFEk8eJ1Of4wDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA4icqB1u3UWSGCdXzfUBBbJuuAkqG
AEeoFUit71fpNq0CIAeAX58ePYIg5qPd4xXaq+sIuSdxBFo3jo4S6hX5D7E7
-----END CERTIFICATE-----
)";
constexpr std::string_view certificate_pem = R"(-----BEGIN CERTIFICATE-----
MIIBCjCBsQICEjQwCgYIKoZIzj0EAwIwETEPMA0GA1UEAwwGaXNzdWVyMCAXDTI2
MTEyNzA0MjY0NloYDzIxMjYxMTAzMDQyNjQ2WjAPMQ0wCwYDVQQDDARwZWVyMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJvTHAc9r0dhtUFB76vL6h5tMOrhVugDq
v58AzSdXXGz5NLIzVCH1OkBsTjTzYvN+ovzC9j1J7VMQFSJPSikvlTAKBggqhkjO
PQQDAgNIADBFAiBbNjx1Ke5afPUWCRVuqOD4M/64rscoh7DKJYJCPvevPAIhAMfz
rBSmRnOmof1PySwmcda8dsRH1nJjiRUkG7i0CnGe
-----END CERTIFICATE-----
)";
constexpr std::string_view good =
    "3081ff0a0100a081f93081f606092b06010505073001010481e83081e530818da1133011310f300d06035504030c0669737375657218"
    "0f32303236313132373034323634375a30653063303b300906052b0e03021a050004146e09b43be90d6c3967c8db1656d260ec12e931"
    "230414cf8760a77b9cbb1092887c4b4c5124f1e27539fe020212348000180f32303236313132373034323634375aa011180f32313235"
    "303632313034323634375a300a06082a8648ce3d040302034700304402201421ff41dccb5eaecbf35250ffb21574791a3ecca1b1e177"
    "9f26cfe725023cad02204c0e2c1a506366e424ae4b867e06e1b97075471606aa51f2a80a1f9a0efdcb8e";
constexpr long long now = 1'795'824'000, good_until = 4'906'153'607;

std::shared_ptr<X509> read(std::string_view pem) {
    const std::unique_ptr<BIO, void (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                   BIO_free_all);
    return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free};
}

std::string bytes_of(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    return bytes;
}

}  // namespace

namespace sallyport::test {

// What the issuer has said; a responder that is too busy; one that knows nothing of the sort.
std::vector<std::string> fuzz_seeds() {
    return {bytes_of(good), bytes_of("30030a0103"), bytes_of("30030a0106"), bytes_of(good.substr(0, 200))};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport::io;
    static const auto issuer = read(issuer_pem), certificate = read(certificate_pem);
    static const bool believed =
        read_status(bytes_of(good), *certificate, *issuer, now).status == CertificateStatus::good;
    SALLYPORT_CHECK(believed);
    const std::string_view der(reinterpret_cast<const char*>(data), size);
    const auto answer = read_status(der, *certificate, *issuer, now);
    SALLYPORT_CHECK(answer.status != CertificateStatus::revoked);
    if (answer.status == CertificateStatus::good)
        SALLYPORT_CHECK(answer.next_update == good_until);
    else
        SALLYPORT_CHECK(!answer.why.empty());
    SALLYPORT_CHECK(read_status(der, *issuer, *issuer, now).status == CertificateStatus::unknown);
    return 0;
}
