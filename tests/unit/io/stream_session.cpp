// TCP over loopback: framing, keep-alives, slow and silent peers, connections that we open.
#include "signaling/io/stream_session.h"

#include "stream_bench.h"

using namespace loopback;

TEST_CASE("a message that comes byte by byte arrives once, whole [SC-8-01]") {
    StreamBench b;
    const auto peer = b.connect();
    const std::string message = options("split");
    for (const char c : message) {
        peer.send({&c, 1});
        b.context.poll();
    }
    REQUIRE(b.until_messages(1));
    CHECK(b.heard.messages[0].second == message);
    CHECK(b.heard.messages[0].first.remote == peer.local());
    CHECK(b.heard.messages[0].first.local == b.listener->local());
    CHECK(shard_of_connection(b.heard.messages[0].first.connection) == 5);
}

TEST_CASE("several hundred messages in few segments all arrive, in order [SC-8-01]") {
    StreamBench b;
    const auto peer = b.connect();
    std::string all;
    for (int i = 0; i < 300; ++i) all += options(std::to_string(i));
    peer.send(all);
    REQUIRE(b.until_messages(300));
    for (int i = 0; i < 300; ++i)
        CHECK(b.heard.messages[static_cast<std::size_t>(i)].second == options(std::to_string(i)));
}

TEST_CASE("a double CRLF is answered with one CRLF, also between messages; a single one is ignored (RFC 5626 4.4.1)") {
    StreamBench b;
    const auto peer = b.connect();
    peer.send("\r\n\r\n");
    CHECK(receive(b.context, peer, 2) == "\r\n");
    peer.send(options("1") + "\r\n\r\n" + options("2"));
    REQUIRE(b.until_messages(2));
    CHECK(receive(b.context, peer, 2) == "\r\n");
    CHECK(b.statistics.pings_answered.read() == 2);
    peer.send("\r\n" + options("3"));
    REQUIRE(b.until_messages(3));
    CHECK(b.statistics.pings_answered.read() == 2);
}

TEST_CASE("what is sent on the connection arrives in order, messages larger than a buffer too") {
    StreamBench b;
    const auto peer = b.connect();
    peer.send(options("1"));
    REQUIRE(b.until_messages(1));
    const Flow flow = b.heard.messages[0].first;
    std::string expected;
    for (int i = 0; i < 50; ++i) {
        const std::string text = std::string(static_cast<std::size_t>(i) * 700, static_cast<char>('a' + i % 26)) + "|";
        expected += text;
        CHECK(b.pool.transmit(b.to(flow, text)));
    }
    CHECK(receive(b.context, peer, expected.size()) == expected);
    CHECK(b.statistics.stream_messages_sent.read() == 50);
}

TEST_CASE("a peer that does not read is closed when its queue is full, and the core is told") {
    auto limits = quick_limits();
    limits.write_queue_bytes = 256 << 10;
    StreamBench b(limits);
    const auto peer = b.connect();
    peer.send(options("1"));
    REQUIRE(b.until_messages(1));
    const Flow flow = b.heard.messages[0].first;
    int sent = 0;
    while (b.pool.transmit(b.to(flow, std::string(16'000, 'x'))) && sent < 10'000) {
        ++sent;
        b.context.restart();
        b.context.poll();
    }
    CHECK(sent < 10'000);
    CHECK(b.statistics.closes[CloseReason::slow_peer].read() == 1);
    REQUIRE(b.heard.closed.size() == 1);
    CHECK(b.heard.closed[0].first == flow);
    CHECK(b.pool.size() == 0);
    CHECK_FALSE(b.pool.transmit(b.to(flow, "x")));
}

TEST_CASE("a request whose end cannot be found is answered 400 and the connection is closed (RFC 3261 18.3)") {
    StreamBench b;
    const auto peer = b.connect();
    std::string broken = options("1");
    broken.replace(broken.find("Content-Length: 0"), 17, "Content-Length: -1");
    peer.send(broken);
    const auto answer = receive(b.context, peer, 10'000);
    CHECK(answer.starts_with("SIP/2.0 400 "));
    CHECK(answer.find("Call-ID: 1\r\n") != answer.npos);
    CHECK(b.until([&] { return b.pool.size() == 0; }));
    CHECK(b.statistics.closes[CloseReason::bad_framing].read() == 1);
    CHECK(b.heard.messages.empty());
}

TEST_CASE("garbage closes its own connection and no other") {
    StreamBench b;
    const auto good = b.connect();
    good.send(options("1"));
    REQUIRE(b.until_messages(1));
    for (const std::string& noise :
         {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(70'000, '\x7f'),
          std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(100'000, 'A'),
          std::string("\r\n \r\n\r\n:\r\n\r\n"), std::string(70'000, '\0')}) {
        const auto bad = b.connect();
        bad.send(noise);
        CHECK(b.until([&] {
            static_cast<void>(bad.receive());
            return bad.ended() || b.heard.messages.size() > 1;
        }));
    }
    good.send(options("still here"));
    const auto before = b.heard.messages.size();
    REQUIRE(b.until_messages(before + 1));
    CHECK(b.heard.messages.back().second == options("still here"));
}

TEST_CASE("a connection nobody uses is closed; one that carries a registration is kept") {
    auto limits = quick_limits();
    limits.idle = 60ms;
    StreamBench b(limits);
    const auto peer = b.connect();
    peer.send(options("1"));
    REQUIRE(b.until_messages(1));
    b.heard.in_use = true;
    const auto asked_twice = std::chrono::steady_clock::now() + 150ms;
    b.until([&] { return std::chrono::steady_clock::now() > asked_twice; });
    CHECK(b.pool.size() == 1);
    b.heard.in_use = false;
    REQUIRE(b.until_closed(CloseReason::idle));
    CHECK(b.heard.closed.size() == 1);
}

TEST_CASE("a message begun and never finished ends the connection, however slowly it drips") {
    auto limits = quick_limits();
    limits.message = 80ms;
    limits.idle = 10s;
    StreamBench b(limits);
    const auto peer = b.connect();
    const std::string head = "OPTIONS sip:x SIP/2.0\r\nX: ";
    peer.send(head);
    CHECK(b.until([&] {
        peer.send("a");
        return b.statistics.closes[CloseReason::incomplete].read() > 0;
    }));
    CHECK(b.heard.closed.empty());  // it never carried a message: the core does not know it
}

TEST_CASE("while a shard has no room for a message the connection waits and loses nothing") {
    StreamBench b;
    b.heard.room = false;
    const auto peer = b.connect();
    peer.send(options("1") + options("2"));
    REQUIRE(b.until([&] { return b.heard.refusals > 3; }));
    CHECK(b.heard.messages.empty());
    b.heard.room = true;
    REQUIRE(b.until_messages(2));
    CHECK(b.heard.messages[1].second == options("2"));
}

TEST_CASE("two messages to the same peer share the one connection that the first has opened [SC-8-02]") {
    StreamBench b;
    StreamBench far;
    const Flow flow = b.outbound(Transport::tcp, far.listener->local());
    CHECK(b.pool.transmit(b.to(flow, options("1"))));
    CHECK(b.pool.transmit(b.to(flow, options("2"))));
    CHECK(b.pool.size() == 1);
    const auto both = [&] { return far.heard.messages.size() == 2; };
    REQUIRE(b.until([&] { return far.context.restart(), far.context.poll(), both(); }));
    CHECK(far.heard.messages[0].first.connection == far.heard.messages[1].first.connection);
    CHECK(far.heard.messages[0].first.remote.address == IpAddress::v4(127, 0, 0, 1));
    CHECK(b.statistics.connections_opened.read() == 1);
    // What comes back names the connection and both of its ends.
    CHECK(far.pool.transmit(far.to(far.heard.messages[0].first, options("back"))));
    far.context.restart();
    far.context.poll();
    REQUIRE(b.until_messages(1));
    CHECK(b.heard.messages[0].first.remote == far.listener->local());
    CHECK(b.heard.messages[0].first.local == far.heard.messages[0].first.remote);
}

TEST_CASE("a peer that refuses is told as a closed flow without a connection") {
    StreamBench b;
    Endpoint nobody;
    {
        const Socket gone(SOCK_STREAM, any_port());
        nobody = gone.local();
    }
    const Flow flow = b.outbound(Transport::tcp, nobody);
    CHECK(b.pool.transmit(b.to(flow, options("1"))));
    REQUIRE(b.until_closed(CloseReason::connect_failed));
    REQUIRE(b.heard.closed.size() == 1);
    CHECK(b.heard.closed[0].first == flow);
    CHECK(b.heard.closed[0].second.starts_with("cannot connect: "));
    CHECK(b.pool.size() == 0);
}

TEST_CASE("a peer that does not answer to connect costs the connect time-out") {
    auto limits = quick_limits();
    limits.connect = 100ms;
    StreamBench b(limits);
    const Socket full(SOCK_STREAM, any_port());
    REQUIRE(::listen(full.fd(), 0) == 0);
    const auto first = Socket::connected(full.local());  // the backlog is full now: the kernel drops further SYNs
    CHECK(b.pool.transmit(b.to(b.outbound(Transport::tcp, full.local()), options("1"))));
    REQUIRE(b.until_closed(CloseReason::connect_timeout));
    CHECK(b.heard.closed.at(0).first.connection == 0);
}

TEST_CASE("when a connection we opened breaks, its number and its peer are both told") {
    StreamBench b;
    const Socket listener(SOCK_STREAM, any_port());
    REQUIRE(::listen(listener.fd(), 1) == 0);
    const Flow flow = b.outbound(Transport::tcp, listener.local());
    CHECK(b.pool.transmit(b.to(flow, options("1"))));
    REQUIRE(b.until([&] { return b.statistics.connections_opened.read() == 1; }));
    Socket accepted(::accept(listener.fd(), nullptr, nullptr));
    accepted.reset();
    REQUIRE(b.until([&] { return b.heard.closed.size() == 2; }));
    CHECK(b.heard.closed[0].first.connection != 0);
    CHECK(b.heard.closed[1].first == flow);
}

TEST_CASE("connections reset mid-message, again and again, leave nothing behind (CVE-2018-7286)") {
    ConnectionQuota quota;
    quota.rate_per_source = 1e6;
    StreamBench b(quick_limits(), Transport::tcp, nullptr, quota);
    b.heard.then = [&](const Flow& flow) { b.pool.transmit(b.to(flow, "SIP/2.0 200 OK\r\n\r\n")); };
    for (int i = 0; i < 2'000; ++i) {
        auto peer = b.connect();
        peer.send(options("1") + options("2").substr(0, static_cast<std::size_t>(i) % 250));
        if (i % 3 != 0) {
            b.context.restart();
            b.context.poll();
        }
        i % 2 != 0 ? peer.reset() : peer.close();
    }
    const auto all = [&] { return b.accepts.accepted.read() + b.accepts.errors.read(); };  // some are gone at once
    CHECK(b.until([&] { return b.pool.size() == 0 && all() == 2'000; }));
    CHECK(b.quota.open() == 0);
    CHECK(b.statistics.tcp_connections.read() == 0);
}

TEST_CASE("beyond its share a source is refused before a byte is read, and has its turn again later") {
    ConnectionQuota quota;
    quota.per_source = 2;
    StreamBench b(quick_limits(), Transport::tcp, nullptr, quota);
    auto first = b.connect();
    const auto second = b.connect(), third = b.connect();
    third.send(options("1"));
    REQUIRE(b.until([&] { return static_cast<void>(third.receive()), third.ended(); }));
    CHECK(b.accepts.refused_of_source.read() == 1);
    CHECK(b.pool.size() == 2);
    first.close();
    REQUIRE(b.until([&] { return b.pool.size() == 1; }));
    const auto fourth = b.connect();
    fourth.send(options("4"));
    CHECK(b.until_messages(1));
}

namespace {

ConnectionQuota sixteen_of_a_source() {
    ConnectionQuota quota;
    quota.per_source = 16;
    return quota;
}
const std::string help = "INVITE urn:service:sos SIP/2.0\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE("a connection beyond a limit stays for a call for help, and ends with anything else that comes first") {
    StreamBench b(quick_limits(), Transport::tcp, nullptr, sixteen_of_a_source());
    std::vector<Socket> all;
    for (int i = 0; i < 16; ++i) all.push_back(b.connect());
    REQUIRE(b.until([&] { return b.pool.size() == 16; }));
    const auto ends = [&](std::string_view says) {
        const auto peer = b.connect();
        peer.send(says);
        return b.until([&] { return static_cast<void>(peer.receive()), peer.ended(); });
    };
    CHECK(ends(options("1") + help));
    CHECK(b.heard.messages.empty());
    CHECK(b.statistics.connections_for_help.read() == 0);
    auto caller = b.connect();
    caller.send(help + options("2"));
    REQUIRE(b.until_messages(2));
    CHECK(b.statistics.connections_for_help.read() == 1);
    CHECK_FALSE(caller.ended());
    CHECK(ends(help));  // the share of one source
    CHECK(b.accepts.refused_of_source.read() == 1);
    caller.close();
    all.clear();
    REQUIRE(b.until([&] { return b.pool.size() == 0; }));
    CHECK(b.quota.open() == 0);
}

TEST_CASE("a connection on trial has the time of a handshake for its first message, whatever it pings meanwhile") {
    auto limits = quick_limits();
    limits.handshake = 300ms;
    StreamBench b(limits, Transport::tcp, nullptr, sixteen_of_a_source());
    std::vector<Socket> all;
    for (int i = 0; i < 16; ++i) all.push_back(b.connect());
    REQUIRE(b.until([&] { return b.pool.size() == 16; }));
    const auto peer = b.connect();
    peer.send("\r\n\r\n" + help.substr(0, 10));
    CHECK(b.until_closed(CloseReason::too_many));
    CHECK(b.until([&] { return static_cast<void>(peer.receive()), peer.ended(); }));
    CHECK(b.pool.size() == 16);
}

TEST_CASE("the core can close a connection from within a message of it") {
    StreamBench b;
    b.heard.then = [&](const Flow& flow) { b.pool.close(flow); };
    const auto peer = b.connect();
    peer.send(options("1") + options("2"));
    REQUIRE(b.until([&] { return static_cast<void>(peer.receive()), peer.ended(); }));
    CHECK(b.heard.messages.size() == 1);
    CHECK(b.statistics.closes[CloseReason::asked].read() == 1);
}
