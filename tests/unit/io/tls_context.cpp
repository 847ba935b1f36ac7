// The TLS profile of SIPconnect 2.0 section 8.1, asked by handshakes in memory against the contexts that the listeners
// use.
#include "signaling/io/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "certificates.h"
#include "signaling/io/tls_identity.h"

using namespace sallyport;
using namespace sallyport::io;
using certificates::folder;

namespace {

TlsOptions options() {
    TlsOptions o;
    o.certificate = folder().issue("server.pem", "/CN=sbc.example.net", "DNS:sbc.example.net,URI:sip:sbc.example.net");
    o.key = folder().file("key.pem");
    o.ca = folder().file("ca.pem");
    return o;
}

std::shared_ptr<const TlsContext> load(const TlsOptions& o) {
    auto context = TlsContext::load(o);
    if (!context) FAIL(context.error());
    return *context;
}

struct Outcome {
    bool ok = false;
    std::string suite, version;
};
using Ssl = std::unique_ptr<SSL, void (*)(SSL*)>;

// Both ends step until neither can, or one refuses.
Outcome shake(SSL* client, SSL* server) {
    BIO *a = nullptr, *b = nullptr;
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    ERR_clear_error();
    for (int i = 0; i < 20; ++i) {
        for (SSL* end : {client, server}) {
            const int outcome = SSL_do_handshake(end);
            const int error = outcome == 1 ? SSL_ERROR_NONE : SSL_get_error(end, outcome);
            if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return {};
        }
        if (SSL_is_init_finished(client) && SSL_is_init_finished(server)) break;
    }
    if (!SSL_is_init_finished(client) || !SSL_is_init_finished(server)) return {};
    return {true, SSL_get_cipher_name(server), SSL_get_version(server)};
}

// A peer with its own idea of versions and suites.
struct Peer {
    Peer() : context(SSL_CTX_new(TLS_method())) { SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0"); }
    ~Peer() { SSL_CTX_free(context); }
    Peer& versions(int low, int high) {
        SSL_CTX_set_min_proto_version(context, low);
        SSL_CTX_set_max_proto_version(context, high);
        return *this;
    }
    Peer& suites(const std::string& list) {
        SSL_CTX_set_cipher_list(context, (list + ":@SECLEVEL=0").c_str());
        return *this;
    }
    Peer& certificate(const std::string& file) {
        SSL_CTX_use_certificate_chain_file(context, file.c_str());
        SSL_CTX_use_PrivateKey_file(context, folder().file("key.pem").c_str(), SSL_FILETYPE_PEM);
        return *this;
    }
    Outcome calls(const TlsContext& us) const {
        const Ssl client(SSL_new(context), SSL_free), server(SSL_new(us.server()), SSL_free);
        return shake(client.get(), server.get());
    }
    Outcome called_by(const TlsContext& us) const {
        const Ssl client(SSL_new(us.client()), SSL_free), server(SSL_new(context), SSL_free);
        return shake(client.get(), server.get());
    }
    SSL_CTX* context;
};

std::vector<std::string> identities(const std::string& file) {
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new_file(file.c_str(), "r"), BIO_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr),
                                                             X509_free);
    REQUIRE(certificate != nullptr);
    return sip_identities(*certificate);
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE(
    "TLS 1.2 and 1.3 in both roles; nothing older by default [SC-8.1-01] [SC-8.1.1-01] [SC-8.1.1-02] [SC-8.1.1-03]") {
    const auto us = load(options());
    CHECK(Peer().versions(TLS1_2_VERSION, TLS1_2_VERSION).calls(*us).version == "TLSv1.2");
    CHECK(Peer().versions(TLS1_3_VERSION, TLS1_3_VERSION).calls(*us).version == "TLSv1.3");
    CHECK_FALSE(Peer().versions(TLS1_VERSION, TLS1_VERSION).calls(*us).ok);
    CHECK_FALSE(Peer().versions(TLS1_1_VERSION, TLS1_1_VERSION).calls(*us).ok);
    Peer pbx;
    pbx.certificate(options().certificate);
    CHECK(pbx.versions(TLS1_2_VERSION, TLS1_2_VERSION).called_by(*us).version == "TLSv1.2");
    CHECK(pbx.versions(TLS1_3_VERSION, TLS1_3_VERSION).called_by(*us).version == "TLSv1.3");
    CHECK_FALSE(pbx.versions(TLS1_VERSION, TLS1_1_VERSION).called_by(*us).ok);
}

TEST_CASE("ECDHE-RSA-AES128-GCM-SHA256 is there in both roles [SC-8.1.1-06]") {
    const auto us = load(options());
    Peer pbx;
    pbx.certificate(options().certificate)
        .versions(TLS1_2_VERSION, TLS1_2_VERSION)
        .suites("ECDHE-RSA-AES128-GCM-SHA256");
    CHECK(pbx.calls(*us).suite == "ECDHE-RSA-AES128-GCM-SHA256");
    CHECK(pbx.called_by(*us).suite == "ECDHE-RSA-AES128-GCM-SHA256");
}

TEST_CASE("the server's order decides, suite after suite [SC-8.1.1-09] [SC-8.1.1-10] [SC-8.1.1-11]") {
    auto o = options();
    o.rsa_gcm = o.rsa_cbc = true;
    const auto us = load(o);
    Peer pbx;
    pbx.versions(TLS1_2_VERSION, TLS1_2_VERSION);
    const auto offers = [&](const std::string& list) { return pbx.suites(list).calls(*us).suite; };
    CHECK(offers("AES128-SHA:AES256-SHA256:AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256") ==
          "ECDHE-RSA-AES128-GCM-SHA256");
    CHECK(offers("AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:AES128-GCM-SHA256") == "ECDHE-RSA-AES256-GCM-SHA384");
    CHECK(offers("AES128-SHA:AES256-SHA256:AES128-GCM-SHA256") == "AES128-GCM-SHA256");
    CHECK(offers("AES256-SHA256:AES128-SHA") == "AES128-SHA");
    CHECK_FALSE(pbx.suites("AES256-SHA256:CAMELLIA128-SHA").calls(*us).ok);  // none in common
}

TEST_CASE("suites without forward secrecy only where the operator wants them [SC-8.1.1-07] [SC-8.1.1-08]") {
    const auto us = load(options());
    Peer pbx;
    pbx.versions(TLS1_2_VERSION, TLS1_2_VERSION);
    CHECK_FALSE(pbx.suites("AES128-GCM-SHA256").calls(*us).ok);
    CHECK_FALSE(pbx.suites("AES128-SHA").calls(*us).ok);
    auto o = options();
    o.rsa_gcm = true;
    CHECK(pbx.suites("AES128-GCM-SHA256").calls(*load(o)).ok);
    CHECK_FALSE(pbx.suites("AES128-SHA").calls(*load(o)).ok);
    o.rsa_cbc = true;
    CHECK(pbx.suites("AES128-SHA").calls(*load(o)).ok);
}

TEST_CASE("TLS 1.0 only behind its switch, and then with AES128-SHA [SC-8.1.1-03] [SC-8.1.1-13]") {
    auto o = options();
    o.tls_1_0 = o.rsa_cbc = true;
    const auto outcome = Peer().versions(TLS1_VERSION, TLS1_VERSION).suites("AES128-SHA").calls(*load(o));
    CHECK(outcome.version == "TLSv1");
    CHECK(outcome.suite == "AES128-SHA");
}

TEST_CASE("TLS 1.3 can be switched off, for peers that call us and for those we call [SC-8.1.1-02]") {
    auto o = options();
    o.tls_1_3 = false;
    const auto us = load(o);
    Peer pbx;
    pbx.certificate(options().certificate);
    CHECK_FALSE(pbx.versions(TLS1_3_VERSION, TLS1_3_VERSION).calls(*us).ok);
    CHECK_FALSE(pbx.called_by(*us).ok);
    pbx.versions(TLS1_2_VERSION, TLS1_3_VERSION);
    CHECK(pbx.calls(*us).version == "TLSv1.2");
    CHECK(pbx.called_by(*us).version == "TLSv1.2");
}

TEST_CASE("our ClientHello lists the suites in the order of the profile [SC-8.1.1-12]") {
    auto o = options();
    o.rsa_gcm = o.rsa_cbc = true;
    const auto us = load(o);
    const Ssl ssl(SSL_new(us->client()), SSL_free);
    Names order;
    for (int i = 0; const char* name = SSL_get_cipher_list(ssl.get(), i); ++i)
        if (std::string_view(name).find("TLS_") != 0) order.emplace_back(name);
    REQUIRE(order.size() == 6);
    CHECK(order.front() == "ECDHE-RSA-AES128-GCM-SHA256");
    CHECK(order[4] == "AES128-GCM-SHA256");
    CHECK(order[5] == "AES128-SHA");
}

TEST_CASE("a client cannot renegotiate") {
    const auto us = load(options());
    Peer pbx;
    pbx.versions(TLS1_2_VERSION, TLS1_2_VERSION);
    const Ssl client(SSL_new(pbx.context), SSL_free), server(SSL_new(us->server()), SSL_free);
    REQUIRE(shake(client.get(), server.get()).ok);
    REQUIRE(SSL_renegotiate(client.get()) == 1);
    char byte;
    for (int i = 0; i < 4; ++i) {
        SSL_do_handshake(client.get());
        SSL_read(server.get(), &byte, 1);
    }
    CHECK(SSL_renegotiate_pending(client.get()) != 0);  // the server answered with a no_renegotiation alert, or nothing
    CHECK(SSL_num_renegotiations(server.get()) == 0);
}

TEST_CASE("client certificates: not asked for, checked when given, or demanded") {
    auto o = options();
    const auto ours = folder().issue("pbx.pem", "/CN=pbx.example.com", "DNS:pbx.example.com");
    Peer anonymous, known, stranger;
    known.certificate(ours);
    SSL_CTX_use_certificate_chain_file(stranger.context, folder().file("other-ca.pem").c_str());
    SSL_CTX_use_PrivateKey_file(stranger.context, folder().file("other-key.pem").c_str(), SSL_FILETYPE_PEM);
    for (Peer* p : {&anonymous, &known, &stranger}) p->versions(TLS1_2_VERSION, TLS1_2_VERSION);
    CHECK(anonymous.calls(*load(o)).ok);
    CHECK(stranger.calls(*load(o)).ok);
    o.client_certificate = ClientCertificate::optional;
    CHECK(anonymous.calls(*load(o)).ok);
    CHECK(known.calls(*load(o)).ok);
    CHECK_FALSE(stranger.calls(*load(o)).ok);
    o.client_certificate = ClientCertificate::required;
    CHECK_FALSE(anonymous.calls(*load(o)).ok);
    CHECK(known.calls(*load(o)).ok);
    CHECK_FALSE(stranger.calls(*load(o)).ok);
}

TEST_CASE("a server whose chain ends at no CA of ours is refused") {
    const auto us = load(options());
    Peer pbx;
    SSL_CTX_use_certificate_chain_file(pbx.context, folder().file("other-ca.pem").c_str());
    SSL_CTX_use_PrivateKey_file(pbx.context, folder().file("other-key.pem").c_str(), SSL_FILETYPE_PEM);
    CHECK_FALSE(pbx.called_by(*us).ok);
}

TEST_CASE(
    "whom a certificate names: sip URIs before DNS names, CN only without subjectAltName [SC-8.1-06] [SC-8.1-09]") {
    auto& f = folder();
    CHECK(identities(f.issue("cn.pem", "/CN=Pbx.Example.com", "")) == Names{"pbx.example.com"});
    CHECK(identities(f.issue("cn-san.pem", "/CN=ok.example.com", "DNS:other.example.com")) ==
          Names{"other.example.com"});
    CHECK(identities(f.issue("empty.pem", "/O=Nobody", "")).empty());
    CHECK(identities(f.issue("empty-san.pem", "/O=Nobody", "DNS:pbx.example.com")) == Names{"pbx.example.com"});
}

TEST_CASE("subjectAltName: a sip URI hides the DNS names, other kinds count for nothing [SC-8.1-08] [SC-8.1-10]") {
    auto& f = folder();
    CHECK(identities(f.issue("both.pem", "/CN=x", "URI:sip:a.example.com,DNS:b.example.com")) ==
          Names{"a.example.com"});
    CHECK(identities(f.issue("dns.pem", "/CN=x", "DNS:proxy1.example.com")) == Names{"proxy1.example.com"});
    CHECK(identities(
              f.issue("kinds.pem", "/CN=x.example.com", "email:a@example.com,IP:192.0.2.1,URI:https://example.com"))
              .empty());
    CHECK(identities(f.issue("user.pem", "/CN=x", "URI:sip:bob@a.example.com,DNS:b.example.com")) ==
          Names{"b.example.com"});
    CHECK(identities(f.issue("port.pem", "/CN=x", "URI:sip:A.example.com:5061;transport=tls")) ==
          Names{"a.example.com"});
    CHECK(identities(f.issue("many.pem", "/CN=x", "URI:sip:a.example.com,URI:sip:c.example.com")) ==
          Names{"a.example.com", "c.example.com"});
}

TEST_CASE("names match whole and in any case; a wildcard matches only itself (RFC 5922 7.2)") {
    CHECK(names_host({"sbc.example.net"}, "SBC.example.NET"));
    CHECK(names_host({"sbc.example.net"}, "sbc.example.net."));
    CHECK_FALSE(names_host({"*.example.net"}, "sbc.example.net"));
    CHECK_FALSE(names_host({"example.net"}, "sbc.example.net"));
    CHECK_FALSE(names_host({"sbc.example.net"}, ""));
    CHECK_FALSE(names_host({}, "sbc.example.net"));
}

TEST_CASE("files that cannot be used are named, with the reason") {
    const auto error_of = [](const TlsOptions& o) {
        const auto context = TlsContext::load(o);
        return context.has_error() ? context.error() : std::string("none");
    };
    auto o = options();
    o.certificate = "/nonexistent/edge.pem";
    CHECK(error_of(o) == "certificate /nonexistent/edge.pem: No such file or directory");
    o = options();
    o.key = folder().file("other-key.pem");
    CHECK(error_of(o).starts_with("key " + o.key + ": "));
    o = options();
    o.key = folder().file("log");
    CHECK(error_of(o).starts_with("key " + o.key + ": "));
    o = options();
    o.ca = folder().file("log");
    CHECK(error_of(o).starts_with("ca " + o.ca + ": "));
}

TEST_CASE("the end of the certificate's life is known") {
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    const auto left = load(options())->not_after() - now.count();
    CHECK(left > 19 * 86'400);
    CHECK(left < 21 * 86'400);
}
