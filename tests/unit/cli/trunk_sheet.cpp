// What a PBX's administrator is given.
#include "control/cli/trunk_sheet.h"

#include <catch2/catch.hpp>

using namespace sallyport::cli;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

pv1::Trunk acme() {
    pv1::Trunk trunk;
    trunk.set_name("trunks/acme-hq");
    trunk.set_mode(pv1::TRUNK_MODE_REGISTRATION);
    trunk.set_realm("access");
    trunk.set_registration_aor("sip:acme@sip.example.net");
    auto& credential = *trunk.add_credentials();
    credential.set_username("acme-user");
    credential.set_ha1_md5(std::string(32, 'a'));
    credential.set_password("secret-word");
    auto& range = *trunk.add_numbers();
    range.set_first("+4930100");
    range.set_last("+4930199");
    return trunk;
}

ov1::SignalingStatus node() {
    ov1::SignalingStatus status;
    const auto add = [&](const char* realm, const char* transport, const char* host, std::uint32_t port) {
        auto& listener = *status.add_listeners();
        listener.set_realm(realm);
        listener.set_transport(transport);
        listener.set_advertised_host(host);
        listener.set_advertised_port(port);
        if (std::string(transport) == "TLS") listener.set_certificate_sha256("AB:CD");
    };
    add("core", "UDP", "10.0.0.1", 5060);
    add("access", "UDP", "sbc.example.net", 5060);
    add("access", "TLS", "sbc.example.net", 5061);
    return status;
}

}  // namespace

TEST_CASE("the sheet names server, AOR, user, numbers and fingerprint, and only what the trunk may use") {
    const auto text = sheet_text(acme(), node());
    for (const char* part : {"sbc.example.net:5061", "sip:acme@sip.example.net", "acme-user", "+4930100 to +4930199",
                             "AB:CD", "RFC 6140", "RTP/SAVP"})
        CHECK(has(text, part));
    for (const char* part : {"5060", "10.0.0.1", "secret-word", "aaaa"}) CHECK_FALSE(has(text, part));
    auto trunk = acme();
    trunk.set_realm("elsewhere");
    CHECK(has(sheet_text(trunk, node()), "NONE"));
}

TEST_CASE("every template points to the same place, leaves the password blank, and warns where bulk is not known") {
    for (const auto& pbx : sheet_pbxs()) {
        INFO(pbx);
        const auto text = pbx_template(pbx, acme(), node());
        CHECK(has(text, "sbc.example.net:5061"));
        CHECK_FALSE(has(text, "secret-word"));
        CHECK(has(text, "single_aor_compatibility") == (pbx != "generic"));
        auto compatible = acme();
        compatible.set_single_aor_compatibility(true);
        CHECK_FALSE(has(pbx_template(pbx, compatible, node()), "WARNING"));
    }
    CHECK(pbx_template("nonesuch", acme(), node()).empty());
}

TEST_CASE("a static trunk's sheet asks for no REGISTER and says where calls go and come from") {
    pv1::Trunk trunk;
    trunk.set_name("trunks/globex");
    trunk.set_mode(pv1::TRUNK_MODE_STATIC);
    trunk.set_realm("access");
    trunk.set_domain("globex.example");
    trunk.add_transports(pv1::TRANSPORT_UDP);
    trunk.add_targets()->set_host("192.0.2.20");
    trunk.add_sources("192.0.2.20/32");
    const auto text = sheet_text(trunk, node());
    CHECK(has(text, "no REGISTER"));
    CHECK(has(text, "192.0.2.20/32"));
    CHECK(has(text, "sbc.example.net:5060"));
    CHECK_FALSE(has(pbx_template("asterisk", trunk, node()), "type=registration"));
}

TEST_CASE("a trunk of one IP version is told the places of that one") {
    auto both = node();
    for (auto& listener : *both.mutable_listeners()) listener.set_endpoint("192.0.2.1:5060");
    auto& v6 = *both.add_listeners();
    v6.set_realm("access");
    v6.set_transport("TLS");
    v6.set_endpoint("[2001:db8::1]:5061");
    v6.set_advertised_host("v6.sbc.example.net");
    v6.set_advertised_port(5061);
    auto trunk = acme();
    CHECK(has(sheet_text(trunk, both), " sbc.example.net:5061"));
    CHECK(has(sheet_text(trunk, both), " v6.sbc.example.net:5061"));
    trunk.mutable_network()->set_ip_version(pv1::IP_VERSION_V6);
    CHECK_FALSE(has(sheet_text(trunk, both), " sbc.example.net:5061"));
    CHECK(first_server(trunk, both).host == "v6.sbc.example.net");
    trunk.mutable_network()->clear_ip_version();
    trunk.set_mode(pv1::TRUNK_MODE_STATIC);
    trunk.add_sources("192.0.2.0/24");
    CHECK(has(sheet_text(trunk, both), "IPv4"));
    CHECK_FALSE(has(sheet_text(trunk, both), "v6.sbc.example.net"));
}
