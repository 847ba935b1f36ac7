#include "tests/support/world.h"

#include "control/base/check.h"
#include "signaling/sip/digest.h"

namespace sallyport::test {
namespace {

IpAddress address(const std::string& text) {
    const auto parsed = IpAddress::parse(text);
    SALLYPORT_CHECK(parsed.has_value());
    return *parsed;
}
Listener listener(Transport transport, const std::string& host, std::uint16_t port) {
    return {transport, {address(host), port}, host, port};
}
config::AddressBlock block(const std::string& text) {
    const auto parsed = config::AddressBlock::parse(text);
    SALLYPORT_CHECK(parsed.has_value());
    return *parsed;
}

config::Trunk acme() {
    config::Trunk t;
    t.id = "acme-hq";
    t.realm = "access";
    t.registration_aor = "sip:acme@sp.example";
    t.domain = "sp.example";
    t.credentials = {{"acme", "sp.example", sip::digest_ha1(sip::DigestAlgorithm::md5, "acme", "sp.example", "s3cret"),
                      sip::digest_ha1(sip::DigestAlgorithm::sha256, "acme", "sp.example", "s3cret")}};
    t.numbers = {{"+4930123400", "+4930123499"}};
    t.network.nat = config::NatMode::on;  // its addresses are private, it comes from a public one
    t.revision = 1;
    return t;
}
config::Trunk globex() {
    config::Trunk t;
    t.id = "globex";
    t.mode = config::TrunkMode::static_;
    t.realm = "access";
    t.domain = "globex.example";
    t.credentials = {{"globex", "globex.example",
                      sip::digest_ha1(sip::DigestAlgorithm::md5, "globex", "globex.example", "s3cret"),
                      sip::digest_ha1(sip::DigestAlgorithm::sha256, "globex", "globex.example", "s3cret")}};
    t.numbers = {{"+4989555000", "+4989555099"}};
    t.transports = {config::Transport::udp};
    t.media.srtp = config::SrtpPolicy::off;
    t.targets = {{"198.51.100.20", 5060, config::Transport::udp, 1, 1}};
    t.sources = {block("198.51.100.20")};
    t.revision = 1;
    return t;
}
config::Carrier carrier_one() {
    config::Carrier c;
    c.id = "one";
    c.realm = "core";
    c.domain = "carrier.example";
    c.targets = {{"203.0.113.5", 5060, config::Transport::udp, 1, 1},
                 {"203.0.113.6", 5060, config::Transport::udp, 2, 1}};
    c.sources = {block("203.0.113.0/28")};
    c.options_interval_seconds = 0;  // no probes: the flow about probes turns them on
    c.revision = 1;
    return c;
}

}  // namespace

stack::StackConfig world_node() {
    stack::StackConfig node;
    node.node = "edge-1";
    node.nonce_secret = std::string(32, 'n');
    Realm access{"access", "access-media", false, {}};
    access.listeners = {listener(Transport::udp, edge_access, 5060), listener(Transport::tcp, edge_access, 5060),
                        listener(Transport::tls, edge_access, 5061)};
    Realm core{"core", "core-media", true, {}};
    core.listeners = {listener(Transport::udp, edge_core, 5060), listener(Transport::tcp, edge_core, 5060)};
    node.realms = {access, core};
    return node;
}

config::Snapshot world_config() {
    config::Snapshot s;
    s.revision = 1;
    for (auto& t : {acme(), globex()}) s.trunks.emplace(t.id, t);
    s.carriers.emplace("one", carrier_one());
    config::Route all;
    all.id = "all";
    all.prefix = "+";
    all.carriers = {"one"};
    s.routes.emplace("all", all);
    return s;
}

Flow peer_flow(RealmIndex realm, Transport transport, const std::string& host, std::uint16_t port,
               std::uint64_t connection) {
    const std::string& ours = realm == access_realm ? edge_access : edge_core;
    Flow flow;
    flow.transport = transport;
    flow.realm = realm;
    flow.local = {address(ours), static_cast<std::uint16_t>(transport == Transport::tls ? 5061 : 5060)};
    flow.remote = {address(host), port};
    flow.connection = connection;
    return flow;
}

}  // namespace sallyport::test
