// SIP over TLS on loopback sockets, both roles: names checked, handshakes that hang or fail, contexts exchanged under
// way.
#include "signaling/io/tls_stream.h"

#include "certificates.h"
#include "stream_bench.h"

using namespace loopback;
using certificates::folder;

namespace {

std::shared_ptr<const TlsContext> context_for(const std::string& file, const std::string& names) {
    TlsOptions o;
    o.certificate = folder().issue(file, "/CN=sbc.example.net", names);
    o.key = folder().file("key.pem");
    o.ca = folder().file("ca.pem");
    auto context = TlsContext::load(o);
    if (!context) FAIL(context.error());
    return *context;
}
std::shared_ptr<const TlsContext> ours() {
    return context_for("server.pem", "DNS:sbc.example.net,URI:sip:sbc.example.net");
}

struct TwoEnds {
    explicit TwoEnds(StreamLimits limits = quick_limits())
        : near(limits, Transport::tls, ours()), far(limits, Transport::tls, ours()) {}
    template <class Condition>
    bool until(Condition&& done) {
        return near.until([&] { return far.context.restart(), far.context.poll(), done(); });
    }
    void send(const std::string& text, const std::string& name) {
        CHECK(near.pool.transmit(near.to(near.outbound(Transport::tls, far.listener->local()), text, name)));
    }
    StreamBench near, far;
};

}  // namespace

TEST_CASE("messages go both ways over TLS, large ones and many, and closing is orderly [SC-8.1-01]") {
    TwoEnds t;
    std::string large = options("large", "X-Filler: " + std::string(15'000, 'x') + "\r\n");
    for (int i = 0; i < 100; ++i) t.send(options(std::to_string(i)), "sbc.example.net");
    t.send(large, "sbc.example.net");
    REQUIRE(t.until([&] { return t.far.heard.messages.size() == 101; }));
    CHECK(t.far.heard.messages.back().second == large);
    CHECK(t.far.statistics.handshakes[Handshake::ok].read() == 1);
    const Flow back = t.far.heard.messages[0].first;
    CHECK(back.transport == Transport::tls);
    for (int i = 0; i < 100; ++i) CHECK(t.far.pool.transmit(t.far.to(back, options("b" + std::to_string(i)))));
    REQUIRE(t.until([&] { return t.near.heard.messages.size() == 100; }));
    t.far.pool.close(back);
    REQUIRE(t.until([&] { return t.near.pool.size() == 0; }));
    CHECK(t.near.statistics.closes[CloseReason::peer].read() == 1);
}

TEST_CASE("a certificate that does not name the wanted host ends the connection before a byte of SIP (RFC 5922)") {
    TwoEnds t;
    t.send(options("1"), "other.example.net");
    REQUIRE(t.until([&] { return !t.near.heard.closed.empty(); }));
    CHECK(t.near.heard.closed[0].second ==
          "peer's certificate is not acceptable: certificate names sbc.example.net, not other.example.net");
    CHECK(t.near.statistics.handshakes[Handshake::certificate].read() == 1);
    CHECK(t.until([&] { return t.far.pool.size() == 0; }));
    CHECK(t.far.heard.messages.empty());
}

TEST_CASE("without a wanted name any certificate of our CAs will do") {
    TwoEnds t;
    t.send(options("1"), "");
    CHECK(t.until([&] { return t.far.heard.messages.size() == 1; }));
}

TEST_CASE("a wildcard certificate does not name a host [SC-8.1-10]") {
    TwoEnds t;
    t.far.tls.exchange({context_for("wildcard.pem", "DNS:*.example.net")});
    t.send(options("1"), "sbc.example.net");
    REQUIRE(t.until([&] { return !t.near.heard.closed.empty(); }));
    CHECK(t.near.statistics.closes[CloseReason::certificate].read() == 1);
}

TEST_CASE("plain SIP, HTTP and noise on a TLS port end as failed handshakes") {
    StreamBench b(quick_limits(), Transport::tls, ours());
    std::uint64_t failed = 0;
    for (const std::string& noise : {options("1"), std::string("GET / HTTP/1.1\r\n\r\n"), std::string(40'000, '\x16'),
                                     std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x')}) {
        const auto peer = b.connect();
        peer.send(noise);
        ++failed;
        CHECK(b.until([&] { return b.statistics.handshakes[Handshake::failed].read() == failed; }));
    }
    CHECK(b.heard.closed.empty());
    CHECK(b.quota.open() == 0);
    CHECK(b.statistics.tls_connections.read() == 0);
}

TEST_CASE("a client that says nothing has its handshake time and no more") {
    auto limits = quick_limits();
    limits.handshake = 80ms;
    StreamBench b(limits, Transport::tls, ours());
    const auto peer = b.connect();
    REQUIRE(b.until([&] { return b.statistics.handshakes[Handshake::timeout].read() == 1; }));
    CHECK(b.pool.size() == 0);
}

TEST_CASE("handshakes at a time are bounded: an eighth for a stranger's address, all for one where somebody is known") {
    auto limits = quick_limits();
    limits.handshakes = 16;
    StreamBench b(limits, Transport::tls, ours());
    std::vector<Socket> silent;
    for (int i = 0; i < 5; ++i) silent.push_back(b.connect());
    REQUIRE(b.until([&] { return b.statistics.closes[CloseReason::too_many].read() == 3; }));
    CHECK(b.pool.size() == 2);
    CHECK(b.quota.open() == 2);
    b.quota.vouch(silent.front().local().address);
    for (int i = 0; i < 15; ++i) silent.push_back(b.connect());
    REQUIRE(b.until([&] { return b.statistics.closes[CloseReason::too_many].read() == 4; }));
    CHECK(b.pool.size() == 16);
    silent.clear();
    REQUIRE(b.until([&] { return b.pool.size() == 0; }));
    silent.push_back(b.connect());
    REQUIRE(b.until([&] { return b.pool.size() == 1; }));
}

TEST_CASE("who is known by his flow is vouched for once his connection carries something or ends") {
    StreamBench b;
    const auto peer = b.connect();
    peer.send(options("1"));
    REQUIRE(b.until_messages(1));
    CHECK_FALSE(b.quota.is_known(0, peer.local().address));
    b.heard.known = true;
    peer.send(options("2"));
    REQUIRE(b.until_messages(2));
    CHECK(b.quota.is_known(0, peer.local().address));
}

TEST_CASE("new certificates take effect for new connections; old connections live on") {
    TwoEnds t;
    t.send(options("1"), "sbc.example.net");
    REQUIRE(t.until([&] { return t.far.heard.messages.size() == 1; }));
    t.far.tls.exchange({context_for("renamed.pem", "DNS:new.example.net")});
    t.send(options("2"), "sbc.example.net");
    t.send(options("3"), "new.example.net");
    CHECK(t.until([&] { return t.far.heard.messages.size() == 3; }));
    CHECK(t.far.statistics.handshakes[Handshake::ok].read() == 2);
}

TEST_CASE("a realm without TLS opens and accepts none") {
    StreamBench b(quick_limits(), Transport::tls, nullptr);
    CHECK_FALSE(b.pool.transmit(b.to(b.outbound(Transport::tls, b.listener->local()), "x", "a")));
    const auto peer = b.connect();
    CHECK(b.until([&] { return static_cast<void>(peer.receive()), peer.ended(); }));
    CHECK(b.quota.open() == 0);
}

TEST_CASE("connections reset mid-handshake, again and again, leave nothing behind") {
    ConnectionQuota quota;
    quota.rate_per_source = 1e6;
    StreamBench b(quick_limits(), Transport::tls, ours(), quota);
    for (int i = 0; i < 300; ++i) {
        auto peer = b.connect();
        peer.send(std::string_view("\x16\x03\x01\x00\x60\x01\x00\x00\x5c\x03\x03", 11)
                      .substr(0, static_cast<std::size_t>(i) % 12));
        b.context.restart();
        if (i % 2 != 0) b.context.poll();
        i % 3 != 0 ? peer.reset() : peer.close();
    }
    CHECK(b.until([&] { return b.pool.size() == 0 && b.accepts.accepted.read() + b.accepts.errors.read() == 300; }));
    CHECK(b.quota.open() == 0);
}
