// UDP in batches over loopback: what comes in, what is sorted out, what ICMP says.
#include "signaling/io/udp_listener.h"

#include <catch2/catch.hpp>

#include "loopback.h"

using namespace sallyport;
using namespace sallyport::io;
namespace asio = boost::asio;
using loopback::run_until;

namespace {

struct Heard final : DatagramSink {
    std::vector<std::pair<Flow, std::string>> datagrams;
    std::vector<Flow> unreachable;
    int batches = 0;
    void on_datagram(const Flow& flow, std::string_view bytes) override { datagrams.emplace_back(flow, bytes); }
    void on_unreachable(const Flow& flow, const std::string&) override { unreachable.push_back(flow); }
    bool comes_first(std::string_view bytes) override { return bytes.starts_with(first); }
    void on_batch_end() override { ++batches; }
    std::string first = "nothing";
};

struct Bench {
    explicit Bench(const std::string& bind = "127.0.0.1:0") {
        auto opened = UdpListener::open({3, *Endpoint::parse(bind), false}, heard, arena, gathering, statistics);
        REQUIRE(opened.has_value());
        listener = std::move(*opened);
        listener->start();
    }
    asio::io_context context{1};
    Heard heard;
    ReceiveArena arena;
    Gathering gathering{context};
    IoStatistics statistics;
    std::unique_ptr<UdpListener> listener;
};

transaction::SharedText text(std::string s) { return std::make_shared<const std::string>(std::move(s)); }

}  // namespace

TEST_CASE("datagrams arrive whole and in order, many in one batch, up to 64 KiB [SC-8-03]") {
    Bench b;
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    for (int i = 0; i < 100; ++i) peer.send_to(loopback::options(std::to_string(i)), b.listener->local());
    const std::string large = "INVITE " + std::string(65'000, 'x');
    peer.send_to(large, b.listener->local());
    REQUIRE(peer.ok());
    REQUIRE(run_until(b.context, [&] { return b.heard.datagrams.size() == 101; }));
    for (int i = 0; i < 100; ++i)
        CHECK(b.heard.datagrams[static_cast<std::size_t>(i)].second == loopback::options(std::to_string(i)));
    CHECK(b.heard.datagrams[100].second == large);
    CHECK(b.heard.batches < 20);
    const Flow expected{Transport::udp, 3, b.listener->local(), peer.local(), 0};
    CHECK(b.heard.datagrams[0].first == expected);
    CHECK(b.statistics.datagrams_received.read() == 101);
}

TEST_CASE("datagrams that come fast are gathered, and what comes after a pause is waited for again") {
    Bench b;
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    std::size_t sent = 0;
    const auto send_and_hear = [&] {
        peer.send_to(loopback::options(std::to_string(sent++)), b.listener->local());
        return run_until(b.context, [&] { return b.heard.datagrams.size() == sent; });
    };
    REQUIRE(send_and_hear());
    CHECK(b.statistics.gatherings.read() == 0);
    while (b.statistics.gatherings.read() == 0 && sent < 10'000) REQUIRE(send_and_hear());
    const int before = b.heard.batches;
    peer.send_to(loopback::options("a"), b.listener->local());
    peer.send_to(loopback::options("b"), b.listener->local());
    REQUIRE(run_until(b.context, [&] { return b.heard.datagrams.size() == sent + 2; }));
    CHECK(b.heard.batches == before + 1);  // the socket was not looked at for the first of them
    REQUIRE(run_until(b.context, [&] { return b.heard.batches >= before + 2; }));  // nothing: the kernel will tell
    sent += 2;
    CHECK(send_and_hear());
}

TEST_CASE("the sockets of a shard are looked at again together, those included that come late") {
    struct Socket final : Gathered {
        void on_ready(std::uint32_t) override {}
        void look_again() override { ++looks; }
        int looks = 0;
    };
    asio::io_context context{1};
    Gathering gathering(context);
    Socket early, late;
    gathering.add(early);
    gathering.add(late);
    CHECK(early.looks + late.looks == 0);
    CHECK(context.run_one() == 1);
    CHECK((early.looks == 1 && late.looks == 1));
    CHECK(context.poll() == 0);
    context.restart();
    gathering.add(late);
    CHECK(context.run_one() == 1);
    CHECK((early.looks == 1 && late.looks == 2));
}

TEST_CASE("what comes first is handed over before the rest of its batch, all else in its order") {
    Bench b;
    b.heard.first = "INVITE sip:112";
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    for (const char* words : {"OPTIONS a", "INVITE sip:112 b", "OPTIONS c", "INVITE sip:1123 d", "OPTIONS e"})
        peer.send_to(words, b.listener->local());
    REQUIRE(run_until(b.context, [&] { return b.heard.datagrams.size() == 5; }));
    std::string order;
    for (const auto& [flow, bytes] : b.heard.datagrams) {
        order += bytes.back();
        CHECK(flow.remote == peer.local());
    }
    CHECK(order == "bdace");
}

TEST_CASE("what is sent waits for flush() and then leaves in order") {
    Bench b;
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    for (int i = 0; i < 200; ++i) b.listener->send(text("message " + std::to_string(i)), peer.local());
    CHECK(peer.receive().empty());
    b.listener->flush();
    for (int i = 0; i < 200; ++i) {
        std::string got;
        REQUIRE(run_until(b.context, [&] { return !(got = peer.receive()).empty(); }));
        CHECK(got == "message " + std::to_string(i));
    }
    CHECK(b.statistics.datagrams_sent.read() == 200);
}

TEST_CASE("keep-alives, STUN and noise are counted by reason and handed to nobody") {
    Bench b;
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    peer.send_to("", b.listener->local());
    peer.send_to("\r\n\r\n", b.listener->local());
    peer.send_to(std::string_view("\0\0\0\0", 4), b.listener->local());
    peer.send_to(std::string("\x00\x01\x00\x00\x21\x12\xa4\x42", 8) + std::string(12, 't'), b.listener->local());
    peer.send_to("\x80\x00\x12\x34 some RTP", b.listener->local());
    peer.send_to("{\"json\": 1}", b.listener->local());
    peer.send_to("OPTIONS sip:x SIP/2.0\r\n\r\n", b.listener->local());
    REQUIRE(run_until(b.context, [&] { return !b.heard.datagrams.empty(); }));
    CHECK(b.heard.datagrams.size() == 1);
    CHECK(b.statistics.drops[IoDrop::keep_alive].read() == 3);
    CHECK(b.statistics.drops[IoDrop::stun].read() == 1);
    CHECK(b.statistics.drops[IoDrop::not_sip].read() == 2);
}

TEST_CASE(
    "STUN whose attributes are cut short or overlong is no more than one to count (CVE-2023-22741, CVE-2023-32307) "
    "[reliability 23]") {
    Bench b;
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    const std::string header("\x01\x11\x00\x08\x21\x12\xa4\x42transaction.", 20);
    const std::string error_code("\x00\x09", 2);
    for (const std::string_view length : {std::string_view("\x00\x00", 2), std::string_view("\x00\x01", 2),
                                          std::string_view("\x00\x03", 2), std::string_view("\xff\xff", 2)})
        peer.send_to(header + error_code + std::string(length) + std::string("\x00\x00\x04\x00", 4),
                     b.listener->local());
    peer.send_to(header + error_code, b.listener->local());
    peer.send_to(header, b.listener->local());
    REQUIRE(run_until(b.context, [&] { return b.statistics.drops[IoDrop::stun].read() == 6; }));
    CHECK(b.heard.datagrams.empty());
}

TEST_CASE("a port that ICMP calls unreachable is told with the address that was sent to; others still get theirs") {
    Bench b;
    Endpoint nobody;
    {
        const loopback::Socket gone(SOCK_DGRAM, loopback::any_port());
        nobody = gone.local();
    }
    const loopback::Socket peer(SOCK_DGRAM, loopback::any_port());
    b.listener->send(text("lost"), nobody);
    b.listener->flush();
    b.listener->send(text("kept"), peer.local());  // the pending ICMP error must not eat it
    b.listener->flush();
    CHECK(loopback::receive(b.context, peer, 4) == "kept");
    REQUIRE(run_until(b.context, [&] { return !b.heard.unreachable.empty(); }));
    const Flow expected{Transport::udp, 3, b.listener->local(), nobody, 0};
    CHECK(b.heard.unreachable[0] == expected);
    CHECK(b.statistics.unreachable.read() == 1);
    CHECK(b.statistics.drops[IoDrop::send_error].read() == 0);
}

TEST_CASE("IPv6 listeners work the same and do not take the IPv4 port") {
    Bench b("[::1]:0");
    const loopback::Socket peer(SOCK_DGRAM, *Endpoint::parse("[::1]:0"));
    peer.send_to(loopback::options("six"), b.listener->local());
    REQUIRE(run_until(b.context, [&] { return !b.heard.datagrams.empty(); }));
    CHECK(b.heard.datagrams[0].first.remote == peer.local());
    b.listener->send(text("answer"), peer.local());
    b.listener->flush();
    CHECK(loopback::receive(b.context, peer, 6) == "answer");
    const loopback::Socket v4(SOCK_DGRAM, {IpAddress::v4(127, 0, 0, 1), b.listener->local().port});
    CHECK(v4.ok());
}

TEST_CASE("more than a datagram holds is dropped and counted") {
    Bench b;
    b.listener->send(text(std::string(70'000, 'x')), *Endpoint::parse("127.0.0.1:9"));
    b.listener->flush();
    CHECK(b.statistics.drops[IoDrop::too_large].read() == 1);
    CHECK(b.statistics.datagrams_sent.read() == 0);
}

TEST_CASE("an address that is taken is an error with the address in it, shared ports included") {
    Bench first;
    const auto taken = first.listener->local();
    asio::io_context context;
    const auto second =
        UdpListener::open({0, taken, false}, first.heard, first.arena, first.gathering, first.statistics);
    REQUIRE(second.has_error());
    CHECK(second.error() == "udp " + taken.to_string() + ": cannot bind: Address already in use");
    CHECK(is_udp_address_taken(taken));
    const auto shared =
        UdpListener::open({0, loopback::any_port(), true}, first.heard, first.arena, first.gathering, first.statistics);
    REQUIRE(shared.has_value());
    CHECK(is_udp_address_taken((*shared)->local()));
    CHECK(UdpListener::open({0, (*shared)->local(), true}, first.heard, first.arena, first.gathering, first.statistics)
              .has_value());
}
