#include "signaling/io/tls_trust.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <climits>

#include "control/base/bytes.h"
#include "control/base/check.h"
#include "signaling/io/tls_identity.h"

namespace sallyport::io {
namespace {

std::string lower(std::string text) {
    for (auto& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return text;
}

std::array<std::uint8_t, 32> sha256(const std::string& text) {
    std::array<std::uint8_t, 32> digest{};
    unsigned size = 0;
    SALLYPORT_CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
    return digest;
}

// Length before each part: no two lists make the same text.
void append(std::string& out, const std::vector<std::string>& parts) {
    for (const auto& part : parts) out += std::to_string(part.size()) + ':' + part;
    out += ';';
}

std::string session_id_of(const TrustOptions& options) {
    std::string all = options.party + ';';
    append(all, options.authorities);
    append(all, options.pinned);
    append(all, options.fingerprints);
    append(all, options.names);
    all += options.wildcards ? 'w' : '-';
    all += options.client_certificate ? 'c' : '-';
    const auto digest = sha256(all);
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

X509* read_pem(const std::string& pem) {
    if (pem.size() > INT_MAX) return nullptr;
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr);
    ERR_clear_error();
    return certificate;
}

bool alike(const TrustPtr& a, const TrustPtr& b) {
    if (!a || !b) return a == b;
    TrustOptions of_a = a->options(), of_b = b->options();
    of_a.party = of_b.party;  // names that were not given are the domain of each, and do not count for a host name
    if (!of_a.names_given && !of_b.names_given) of_a.names = of_b.names;
    return of_a == of_b;
}

}  // namespace

std::string fingerprint_of(const x509_st& certificate) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    SALLYPORT_CHECK(X509_digest(&certificate, EVP_sha256(), digest.data(), &size) == 1);
    return to_hex({digest.data(), size});
}

void TlsTrust::Free::operator()(x509_store_st* store) const { X509_STORE_free(store); }
void TlsTrust::Free::operator()(x509_st* certificate) const { X509_free(certificate); }

Result<TrustPtr, std::string> TlsTrust::make(TrustOptions options) {
    auto trust = std::make_shared<TlsTrust>();
    trust->pins_ = options.fingerprints;
    for (std::size_t i = 0; i < options.pinned.size(); ++i) {
        const std::unique_ptr<x509_st, Free> certificate(read_pem(options.pinned[i]));
        if (!certificate) return options.party + ": tls.certificates[" + std::to_string(i) + "] is no certificate";
        trust->pins_.push_back(fingerprint_of(*certificate));
    }
    if (!options.authorities.empty() || trust->pins()) {
        trust->store_.reset(X509_STORE_new());
        SALLYPORT_CHECK(trust->store_ != nullptr);
    }
    for (std::size_t i = 0; i < options.authorities.size(); ++i) {
        std::unique_ptr<x509_st, Free> certificate(read_pem(options.authorities[i]));
        if (!certificate) return options.party + ": tls.authorities[" + std::to_string(i) + "] is no certificate";
        SALLYPORT_CHECK(X509_STORE_add_cert(trust->store_.get(), certificate.get()) == 1);
        trust->authorities_.push_back(std::move(certificate));
    }
    // An operator may give an intermediate CA alone: it is the anchor then.
    if (trust->store_) X509_STORE_set_flags(trust->store_.get(), X509_V_FLAG_PARTIAL_CHAIN);
    trust->session_id_ = session_id_of(options);
    trust->options_ = std::move(options);
    return TrustPtr(std::move(trust));
}

void TlsTrust::apply(ssl_st& connection, bool server) const {
    if (store_) SSL_set1_verify_cert_store(&connection, store_.get());
    if (!server) {
        if (options_.status != StatusRule::off) SSL_set_tlsext_status_type(&connection, TLSEXT_STATUSTYPE_ocsp);
        return;
    }
    if (options_.client_certificate) {
        SSL_set_verify(&connection, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       SSL_get_verify_callback(&connection));
        for (const auto& authority : authorities_) SSL_add1_to_CA_list(&connection, authority.get());
    }
    std::string session_id = session_id_;
    if (options_.status != StatusRule::off)  // a session that is resumed shows no chain to ask about
        SALLYPORT_CHECK(
            RAND_bytes(reinterpret_cast<unsigned char*>(session_id.data()), static_cast<int>(session_id.size())) == 1);
    SSL_set_session_id_context(&connection, reinterpret_cast<const unsigned char*>(session_id.data()),
                               static_cast<unsigned>(session_id.size()));
}

bool TlsTrust::is_pinned(const x509_st& certificate) const {
    return pins() && std::find(pins_.begin(), pins_.end(), fingerprint_of(certificate)) != pins_.end();
}

bool TlsTrust::names(const std::vector<std::string>& identities, std::string_view wanted) const {
    const auto match = [&](std::string_view name) { return names_host(identities, name, options_.wildcards); };
    const bool by_wanted = !options_.names_given && !wanted.empty() && !IpAddress::parse(wanted);
    if (by_wanted) return match(wanted);
    return std::any_of(options_.names.begin(), options_.names.end(), match);
}

void TlsTrusts::add_target(RealmIndex realm, const std::string& host, const TrustPtr& trust, const std::string& party) {
    const auto [found, fresh] = targets_.try_emplace({realm, lower(host)}, Found{trust, false, party});
    if (!fresh && !alike(found->second.trust, trust)) found->second = {nullptr, true, {}};
    if (found->second.party != party) found->second.party.clear();
}

TlsTrusts::Found TlsTrusts::of_target(RealmIndex realm, const std::string& tls_name, const IpAddress& remote) const {
    const auto found = targets_.find(std::pair(realm, lower(tls_name)));
    if (found != targets_.end()) return found->second;
    auto trust = by_source ? by_source(realm, remote) : nullptr;
    auto party = trust ? trust->options().party : std::string();
    return {std::move(trust), false, std::move(party)};
}

}  // namespace sallyport::io
