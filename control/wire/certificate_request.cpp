#include "control/wire/certificate_request.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

namespace sallyport::wire {
namespace {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* object) const {
        release(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using Request = std::unique_ptr<X509_REQ, Release<X509_REQ_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Release<GENERAL_NAMES_free>>;
using Name = std::unique_ptr<GENERAL_NAME, Release<GENERAL_NAME_free>>;
using Text = std::unique_ptr<ASN1_IA5STRING, Release<ASN1_IA5STRING_free>>;
using Buffer = std::unique_ptr<BIO, Release<BIO_free>>;

void free_extensions(X509_EXTENSIONS* all) { sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free); }
using Extensions = std::unique_ptr<X509_EXTENSIONS, Release<free_extensions>>;

constexpr std::size_t longest_common_name = 64;  // RFC 5280 ub-common-name

Key make_key(KeyType type) {
    switch (type) {
        case KeyType::ec_p256: return Key(EVP_EC_gen("P-256"));
        case KeyType::rsa_2048: return Key(EVP_RSA_gen(2048U));
        case KeyType::rsa_3072: return Key(EVP_RSA_gen(3072U));
    }
    return nullptr;
}

bool add_name(GENERAL_NAMES& all, const AlternativeName& name) {
    Name entry(GENERAL_NAME_new());
    Text text(ASN1_IA5STRING_new());
    if (!entry || !text) return false;
    if (ASN1_STRING_set(text.get(), name.value.data(), static_cast<int>(name.value.size())) != 1) return false;
    GENERAL_NAME_set0_value(entry.get(), name.kind == AlternativeName::Kind::uri ? GEN_URI : GEN_DNS, text.release());
    if (sk_GENERAL_NAME_push(&all, entry.get()) == 0) return false;
    static_cast<void>(entry.release());  // it is the list's now
    return true;
}

bool add_names(X509_REQ& request, const std::vector<AlternativeName>& names, bool critical) {
    const Names all(GENERAL_NAMES_new());
    if (!all) return false;
    for (const auto& name : names)
        if (!add_name(*all, name)) return false;
    X509_EXTENSIONS* list = nullptr;
    const int added = X509V3_add1_i2d(&list, NID_subject_alt_name, all.get(), critical ? 1 : 0, X509V3_ADD_DEFAULT);
    const Extensions extensions(list);
    return added == 1 && X509_REQ_add_extensions(&request, extensions.get()) == 1;
}

bool set_subject(X509_REQ& request, const std::string& common_name) {
    X509_NAME* subject = X509_REQ_get_subject_name(&request);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(common_name.data()),
                                      static_cast<int>(common_name.size()), -1, 0) == 1;
}

template <class Write>
std::string to_pem(Write&& write) {
    const Buffer buffer(BIO_new(BIO_s_secmem()));  // wiped when it is freed: it may hold a key
    if (!buffer || write(buffer.get()) != 1) return {};
    char* data = nullptr;
    const auto size = BIO_get_mem_data(buffer.get(), &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

RequestError failed(const char* step) {
    char text[256] = "no reason given";
    if (const auto code = ERR_peek_last_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return {std::string("cannot make ") + step + ": OpenSSL: " + text};
}

}  // namespace

Result<CertificateRequest, RequestError> make_certificate_request(KeyType type, const std::string& common_name,
                                                                  const std::vector<AlternativeName>& names) {
    const auto key = make_key(type);
    if (!key) return failed("the private key");
    const Request request(X509_REQ_new());
    const bool named = !common_name.empty() && common_name.size() <= longest_common_name;
    if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
        (named && !set_subject(*request, common_name)) || !add_names(*request, names, !named) ||
        X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
        X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0)
        return failed("the request");
    CertificateRequest made;
    made.key = to_pem(
        [&](BIO* out) { return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    made.request = to_pem([&](BIO* out) { return PEM_write_bio_X509_REQ(out, request.get()); });
    if (made.key.empty() || made.request.empty()) return failed("the PEM text");
    return made;
}

}  // namespace sallyport::wire
