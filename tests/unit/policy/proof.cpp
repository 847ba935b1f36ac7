#include "signaling/policy/proof.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using config::DigestUse;
using policy::must_prove;
using policy::Proof;

namespace {

config::Trunk trunk(config::TrunkMode mode, DigestUse digest, std::vector<std::string> methods = {}) {
    config::Trunk t;
    t.id = "acme";
    t.mode = mode;
    t.credentials = {{"acme", "sip.example", std::string(32, 'a'), std::string(64, 'b')}};
    t.authentication.digest = digest;
    t.authentication.methods = std::move(methods);
    return t;
}
const auto registering = config::TrunkMode::registration, fixed = config::TrunkMode::static_;

}  // namespace

TEST_CASE("a registered flow needs no further proof, unless every request is to be challenged [SC-16.6.1-04]") {
    const auto plain = trunk(registering, DigestUse::automatic), strict = trunk(registering, DigestUse::per_request);
    CHECK_FALSE(must_prove(plain, Transport::tls, "INVITE", Proof::registered_flow, false));
    CHECK(must_prove(strict, Transport::tls, "INVITE", Proof::registered_flow, true));
    CHECK(must_prove(strict, Transport::udp, "BYE", Proof::registered_flow, false));
    const auto calls = trunk(registering, DigestUse::per_request, {"INVITE"});
    CHECK(must_prove(calls, Transport::tls, "INVITE", Proof::registered_flow, true));
    CHECK_FALSE(must_prove(calls, Transport::tls, "BYE", Proof::registered_flow, true));
}

TEST_CASE("a static PBX on TLS proves itself once a connection if it has credentials [SC-17.2-26]") {
    auto t = trunk(fixed, DigestUse::automatic);
    CHECK(must_prove(t, Transport::tls, "OPTIONS", Proof::source_address, false));
    CHECK_FALSE(must_prove(t, Transport::tls, "INVITE", Proof::source_address, true));
    CHECK_FALSE(must_prove(t, Transport::udp, "INVITE", Proof::source_address, false));
    t.tls.client_certificate = config::TlsClientCertificate::required;
    CHECK_FALSE(must_prove(t, Transport::tls, "INVITE", Proof::source_address, false));
    t.tls = {};
    t.credentials.clear();
    CHECK_FALSE(must_prove(t, Transport::tls, "INVITE", Proof::source_address, false));
    CHECK_FALSE(must_prove(trunk(fixed, DigestUse::when_unknown), Transport::tls, "INVITE", Proof::none, false));
}

TEST_CASE("where there is no connection, proof per connection is proof per request [SC-17.2-27]") {
    const auto t = trunk(fixed, DigestUse::per_connection), r = trunk(registering, DigestUse::per_connection);
    CHECK(must_prove(t, Transport::udp, "INVITE", Proof::source_address, false));
    CHECK_FALSE(must_prove(t, Transport::tcp, "INVITE", Proof::source_address, true));
    CHECK(must_prove(r, Transport::udp, "INVITE", Proof::registered_flow, false));
    CHECK_FALSE(must_prove(r, Transport::tls, "INVITE", Proof::registered_flow, false));
}
