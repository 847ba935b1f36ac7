#include "control/tls/mutual_tls.h"

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace sallyport::tls {
namespace {

namespace grpc_tls = grpc::experimental;

template <class T, void (*release)(T*)>
struct Releases {
    void operator()(T* value) const { release(value); }
};
using Certificate = std::unique_ptr<X509, Releases<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Releases<EVP_PKEY, EVP_PKEY_free>>;
using Memory = std::unique_ptr<BIO, Releases<BIO, BIO_free_all>>;

// Without it OpenSSL would ask the terminal for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

// What is wrong, or nothing and `text`.
std::string read_file(const std::string& path, std::string& text) {
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    std::ostringstream all;
    if (file) all << file.rdbuf();  // a directory opens, and then cannot be read
    if (!file || !all) return path + ": " + (errno != 0 ? std::system_category().message(errno) : "is empty");
    text = std::move(all).str();
    return {};
}

Memory memory_of(const std::string& text) {
    return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(std::min<std::size_t>(text.size(), INT_MAX))));
}

Result<Certificate, std::string> read_certificate(const std::string& path) {
    std::string text;
    if (auto fault = read_file(path, text); !fault.empty()) return fault;
    Certificate certificate(PEM_read_bio_X509(memory_of(text).get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (!certificate) return path + R"(: is no certificate; a PEM file is expected ("-----BEGIN CERTIFICATE-----"))";
    return certificate;
}

Result<Key, std::string> read_key(const std::string& path) {
    std::string text;
    if (auto fault = read_file(path, text); !fault.empty()) return fault;
    Key key(PEM_read_bio_PrivateKey(memory_of(text).get(), nullptr, no_password, nullptr));
    ERR_clear_error();
    if (!key)
        return path + R"(: is no private key without password; a PEM file is expected ("-----BEGIN PRIVATE KEY-----"))";
    return key;
}

std::shared_ptr<grpc_tls::FileWatcherCertificateProvider> watch(const TlsFiles& files, std::chrono::seconds interval) {
    return std::make_shared<grpc_tls::FileWatcherCertificateProvider>(files.key, files.certificate, files.ca,
                                                                      static_cast<unsigned>(interval.count()));
}

class NamedClients final : public grpc::AuthMetadataProcessor {
public:
    explicit NamedClients(std::vector<std::string> names) : names_(std::move(names)) {}

    bool IsBlocking() const override { return false; }
    grpc::Status Process(const InputMetadata& /*metadata*/, grpc::AuthContext* context, OutputMetadata* /*consumed*/,
                         OutputMetadata* /*response*/) override {
        std::string said = "this service has no client";
        for (const auto& name : context->GetPeerIdentity()) {
            const std::string text(name.data(), name.size());
            if (std::find(names_.begin(), names_.end(), text) != names_.end()) return grpc::Status::OK;
            said.append(" ").append(text);
        }
        return {grpc::PERMISSION_DENIED, said};
    }

private:
    std::vector<std::string> names_;
};

}  // namespace

// What gRPC would find out at the first connection, and then only say in its log.
std::string fault_of(const TlsFiles& files) {
    const auto certificate = read_certificate(files.certificate);
    if (!certificate) return certificate.error();
    const auto key = read_key(files.key);
    if (!key) return key.error();
    const auto ca = read_certificate(files.ca);
    if (!ca) return ca.error();
    const bool fits = X509_check_private_key(certificate->get(), key->get()) == 1;
    ERR_clear_error();
    return fits ? "" : files.key + ": is not the key of " + files.certificate;
}

Result<std::shared_ptr<grpc::ChannelCredentials>, std::string> channel_credentials(const TlsFiles& files,
                                                                                   std::chrono::seconds interval) {
    if (auto fault = fault_of(files); !fault.empty()) return fault;
    grpc_tls::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(watch(files, interval));
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    return grpc_tls::TlsCredentials(options);
}

Result<std::shared_ptr<grpc::ServerCredentials>, std::string> server_credentials(const TlsFiles& files,
                                                                                 std::vector<std::string> clients,
                                                                                 std::chrono::seconds interval) {
    if (auto fault = fault_of(files); !fault.empty()) return fault;
    grpc_tls::TlsServerCredentialsOptions options(watch(files, interval));
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    auto credentials = grpc_tls::TlsServerCredentials(options);
    if (!clients.empty()) credentials->SetAuthMetadataProcessor(std::make_shared<NamedClients>(std::move(clients)));
    return credentials;
}

}  // namespace sallyport::tls
