// Whom a trunk's trust lets in, in both roles over loopback sockets, and what becomes of its connections afterwards.
#include "signaling/io/tls_trust.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "certificates.h"
#include "stream_bench.h"

using namespace loopback;
using certificates::folder;

namespace {

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

std::shared_ptr<const TlsContext> showing(const std::string& certificate, const std::string& key) {
    TlsOptions o;
    o.certificate = certificate;
    o.key = folder().file(key);
    o.ca = folder().file("ca.pem");
    auto context = TlsContext::load(o);
    if (!context) FAIL(context.error());
    return *context;
}
std::shared_ptr<const TlsContext> ours() {
    return showing(folder().issue("trust-us.pem", "/CN=x", "DNS:sbc.example.net"), "key.pem");
}
std::string pbx_certificate() { return folder().issue("trust-pbx.pem", "/CN=x", "URI:sip:pbx.example.com"); }
std::string self_signed() { return folder().file("other-ca.pem"); }  // of no authority of ours

TrustPtr trust(TrustOptions options) {
    options.party = "trunks/acme";
    options.client_certificate = true;
    auto made = TlsTrust::make(std::move(options));
    if (!made) FAIL(made.error());
    return *made;
}

std::shared_ptr<const TlsTrusts> everybody(const TrustPtr& trust) {
    auto trusts = std::make_shared<TlsTrusts>();
    trusts->by_source = [trust](RealmIndex, const IpAddress&) { return trust; };
    return trusts;
}

// A PBX that shows a certificate and an edge with a trust.
struct Ends {
    Ends(std::shared_ptr<const TlsContext> pbx_context, const TrustPtr& trust)
        : pbx(quick_limits(), Transport::tls, std::move(pbx_context)), edge(quick_limits(), Transport::tls, ours()) {
        edge.tls.exchange_trusts(everybody(trust));
    }
    template <class Condition>
    bool until(Condition&& done) {
        return edge.until([&] { return pbx.context.restart(), pbx.context.poll(), done(); });
    }
    bool connects() {  // the PBX to the edge
        pbx.pool.transmit(
            pbx.to(pbx.outbound(Transport::tls, edge.listener->local()), options("in"), "sbc.example.net"));
        REQUIRE(until([&] { return !edge.heard.messages.empty() || !edge.heard.refused.empty(); }));
        return !edge.heard.messages.empty();
    }
    bool is_called(const std::string& name = "pbx.example.com") {
        edge.pool.transmit(edge.to(edge.outbound(Transport::tls, pbx.listener->local()), options("out"), name));
        REQUIRE(until([&] { return !pbx.heard.messages.empty() || !edge.heard.refused.empty(); }));
        return !pbx.heard.messages.empty();
    }
    StreamBench pbx, edge;
};

}  // namespace

TEST_CASE("an authority of the trunk's own takes the place of the realm's [SC-17.2-03]") {
    const auto right = trust({.authorities = {text_of(folder().file("ca.pem"))}, .names = {"pbx.example.com"}});
    const auto wrong = trust({.authorities = {text_of(self_signed())}, .names = {"pbx.example.com"}});
    const auto pbx = showing(pbx_certificate(), "key.pem");
    CHECK(Ends(pbx, right).connects());
    CHECK(Ends(pbx, right).is_called());
    CHECK_FALSE(Ends(pbx, wrong).connects());
    CHECK_FALSE(Ends(pbx, wrong).is_called());
}

TEST_CASE("a pinned certificate is taken whoever signed it, and no other beside it [SC-17.2-03] [SC-17.2-17]") {
    const auto by_certificate = trust({.pinned = {text_of(self_signed())}});
    const auto pinned = showing(self_signed(), "other-key.pem"), signed_by_ca = showing(pbx_certificate(), "key.pem");
    CHECK(Ends(pinned, by_certificate).connects());
    CHECK(Ends(pinned, by_certificate).is_called());
    CHECK_FALSE(Ends(signed_by_ca, by_certificate).connects());
    CHECK_FALSE(Ends(signed_by_ca, by_certificate).is_called());
}

TEST_CASE("a certificate that an authority vouches for must name the trunk, by its names or the host that is called") {
    const std::string ca = text_of(folder().file("ca.pem"));
    const auto pbx = showing(pbx_certificate(), "key.pem");
    const auto other = trust({.authorities = {ca}, .names = {"other.example.com"}, .names_given = true});
    CHECK_FALSE(Ends(pbx, other).connects());
    CHECK_FALSE(Ends(pbx, other).is_called());
    const auto given = trust({.authorities = {ca}, .names = {"pbx.example.com"}, .names_given = true});
    CHECK(Ends(pbx, given).is_called("127.0.0.1"));
    CHECK_FALSE(
        Ends(pbx, trust({.authorities = {ca}, .names = {"pbx.example.com"}})).is_called("elsewhere.example.com"));
}

TEST_CASE("what was opened and proven by a peer is found for whoever sends to it, until it closes [SC-17.1.2.2-06]") {
    Ends ends(showing(self_signed(), "other-key.pem"), trust({.pinned = {text_of(self_signed())}}));
    REQUIRE(ends.connects());
    const Flow flow = ends.edge.heard.messages[0].first;
    const Endpoint listening{flow.remote.address, 5061};
    auto transmit = ends.edge.to(ends.edge.outbound(Transport::tls, listening), options("back"), "pbx.example.com");
    REQUIRE(ends.edge.pool.proven(transmit) == flow.connection);
    transmit.flow.connection = flow.connection;
    CHECK(ends.edge.pool.transmit(transmit));
    CHECK(ends.until([&] { return ends.pbx.heard.messages.size() == 1; }));
    ends.pbx.pool.close_all();
    REQUIRE(ends.until([&] { return ends.edge.pool.size() == 0; }));
    // Whoever sent to the place that it stood for hears of its end.
    CHECK(std::any_of(ends.edge.heard.closed.begin(), ends.edge.heard.closed.end(),
                      [&](const auto& closed) { return closed.first.remote == listening; }));
    CHECK_FALSE(ends.edge.pool.proven(transmit));
}

TEST_CASE(
    "a connection without certificate is taken for what is for its trunk once it is proven by Digest [SC-17.2-24]") {
    Ends ends(showing(self_signed(), "other-key.pem"), nullptr);
    const auto trusts = std::make_shared<TlsTrusts>();
    trusts->add_target(0, "pbx.example.com", nullptr, "trunks/acme");
    trusts->add_target(0, "shared.example.com", nullptr, "trunks/acme");
    trusts->add_target(0, "shared.example.com", nullptr, "trunks/other");
    ends.edge.tls.exchange_trusts(trusts);
    REQUIRE(ends.connects());
    const Flow flow = ends.edge.heard.messages[0].first;
    const auto to = [&](const char* name) {
        return ends.edge.to(ends.edge.outbound(Transport::tls, {flow.remote.address, 5061}), options("back"), name);
    };
    CHECK_FALSE(ends.edge.pool.proven(to("pbx.example.com")));
    ends.edge.proven_by_digest.add(flow, "acme");
    CHECK(ends.edge.pool.proven(to("pbx.example.com")) == flow.connection);
    CHECK_FALSE(ends.edge.pool.proven(to("shared.example.com")));  // nobody knows which of the two is meant
    CHECK_FALSE(ends.edge.pool.proven(to("else.example.com")));
    // Digest is no substitute for a certificate that is demanded.
    auto strict = std::make_shared<TlsTrusts>();
    strict->add_target(0, "pbx.example.com", trust({.pinned = {text_of(self_signed())}}), "trunks/acme");
    ends.edge.tls.exchange_trusts(std::move(strict));
    CHECK_FALSE(ends.edge.pool.proven(to("pbx.example.com")));
}

TEST_CASE("another trust ends what the old one has let in; the same trust made anew does not") {
    const auto pinned = [] { return trust({.pinned = {text_of(self_signed())}}); };
    Ends ends(showing(self_signed(), "other-key.pem"), pinned());
    REQUIRE(ends.connects());
    ends.edge.tls.exchange_trusts(everybody(pinned()));
    ends.edge.pool.recheck_trust();
    CHECK(ends.edge.pool.size() == 1);
    ends.edge.tls.exchange_trusts(everybody(trust({.fingerprints = {std::string(64, 'a')}})));
    ends.edge.pool.recheck_trust();
    CHECK(ends.edge.pool.size() == 0);
}

TEST_CASE("a peer that opens every connection is never called, nor one of two that are trusted differently") {
    TrustOptions none{.party = "trunks/none", .never_dial = true};
    Ends ends(showing(pbx_certificate(), "key.pem"), *TlsTrust::make(none));
    CHECK_FALSE(ends.is_called());
    CHECK(ends.edge.heard.refused == std::vector<CloseReason>{CloseReason::peer_connects});
    TlsTrusts trusts;
    trusts.add_target(0, "PBX.example.com", trust({.fingerprints = {std::string(64, 'a')}}));
    trusts.add_target(0, "pbx.example.com", trust({.fingerprints = {std::string(64, 'a')}}));
    CHECK_FALSE(trusts.of_target(0, "pbx.example.com", {}).ambiguous);
    trusts.add_target(0, "pbx.example.com", nullptr);
    CHECK(trusts.of_target(0, "Pbx.example.com", {}).ambiguous);
    CHECK_FALSE(trusts.of_target(1, "pbx.example.com", {}).ambiguous);
}
