// The port on its link: who is answered, who is found, what is remembered, all in virtual time.
#include "media-plane/dpdk/neighbour.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>

#include "link_bench.h"
#include "media-plane/dpdk/checksum.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using namespace sallyport::media::dpdk::test;
using Lines = std::vector<std::string>;

namespace {

Bytes ping_v4(std::string_view from = "192.0.2.9", std::size_t data = 56) {
    Bytes frame(14 + 20 + 8 + data, 0xa5);
    write_ethernet(frame.data(), ours, peer, 0, ethertype_ipv4);
    std::uint8_t* p = frame.data() + 14;
    std::fill_n(p, 28, std::uint8_t{0});
    p[0] = 0x45;
    store_be16(p + 2, static_cast<std::uint16_t>(28 + data));
    p[8] = 3;
    p[9] = protocol_icmp;
    std::copy_n(ip(from).bytes.begin(), 4, p + 12);
    std::copy_n(ip("192.0.2.2").bytes.begin(), 4, p + 16);
    store_be16(p + 10, Checksum().add({p, 20}).value());
    p[20] = 8;
    store_be16(p + 22, Checksum().add({p + 20, 8 + data}).value());
    return frame;
}

Bytes ping_v6() {
    Bytes frame(14 + 40 + 8 + 56, 0x5a);
    write_ethernet(frame.data(), ours, peer, 0, ethertype_ipv6);
    write_ipv6(frame.data() + 14, ip("2001:db8::9"), ip("2001:db8::2"), protocol_icmpv6, 64, 12, 0);
    std::uint8_t* p = frame.data() + 54;
    std::fill_n(p, 4, std::uint8_t{0});
    p[0] = 128;
    Checksum sum;
    sum.add_pseudo_header(ip("2001:db8::9"), ip("2001:db8::2"), protocol_icmpv6, 64);
    store_be16(p + 2, sum.add({p, 64}).value());
    return frame;
}

SmallFrame solicitation(std::string_view from, const IpAddress& to, std::string_view target,
                        std::optional<LinkAddress> link = peer) {
    SmallFrame frame;
    const LinkAddress link_to = to.is_multicast() ? LinkAddress::of_multicast(to) : ours;
    write_neighbour_message(frame, link_to, peer, 0, ip(from), to,
                            {.type = NeighbourMessage::Type::solicitation, .target = ip(target), .link = link});
    return frame;
}

}  // namespace

TEST_CASE("an ARP request as a Linux host sends it is answered to the asker") {
    LinkBench b;
    b.receive(
        hex("ffffffffffff 020000000099 0806 0001 0800 06 04 0001"
            "020000000099 c0000209 000000000000 c0000202"));
    REQUIRE(b.out.size() == 1);
    CHECK(to_hex(b.out.view()[0].view().first(42)) == to_hex(hex("020000000099 020000000001 0806 0001 0800 06 04 0002"
                                                                 "020000000001 c0000202 020000000099 c0000209")));
    CHECK(b.sent() == Lines{"arp 192.0.2.2 is-at us to 02:00:00:00:00:99"});
}

TEST_CASE("ARP for another address, by a group address or about ourselves is not answered") {
    LinkBench b;
    b.arp(ArpMessage::Operation::request, peer, "192.0.2.9", "192.0.2.3", LinkAddress::broadcast());
    b.arp(ArpMessage::Operation::request, peer, "192.0.2.2", "192.0.2.2", LinkAddress::broadcast());
    SmallFrame frame;
    write_arp(frame, LinkAddress::broadcast(), 0,
              {ArpMessage::Operation::request, mac("03:00:00:00:00:01"), {}, ip("192.0.2.9"), ip("192.0.2.2")});
    std::copy(peer.bytes.begin(), peer.bytes.end(), frame.bytes.begin() + 6);  // an honest link header
    CHECK(b.receive(frame).verdict == Neighbour::Verdict::dropped);
    CHECK(b.sent() == Lines{"arp announces 192.0.2.2"});  // somebody has claimed it, see below
}

TEST_CASE("an ARP probe without a sender address is answered and teaches nothing") {
    LinkBench b;
    b.arp(ArpMessage::Operation::request, peer, "0.0.0.0", "192.0.2.2", LinkAddress::broadcast());
    CHECK(b.sent().size() == 1);
    CHECK(b.neighbour.statistics().next_hops.read() == 0);
}

TEST_CASE("a neighbour solicitation to the solicited-node group is answered to the asker") {
    LinkBench b;
    b.receive(solicitation("2001:db8::9", solicited_node_group(ip("2001:db8::2")), "2001:db8::2"));
    CHECK(b.sent() == Lines{"advertises 2001:db8::2 to 2001:db8::9 at 02:00:00:00:00:99"});
    REQUIRE(b.resolve("2001:db8::9"));
    CHECK(*b.resolve("2001:db8::9") == peer);
}

TEST_CASE("duplicate address detection by somebody else is answered to all nodes") {
    LinkBench b;
    b.receive(solicitation("::", solicited_node_group(ip("2001:db8::2")), "2001:db8::2", std::nullopt));
    CHECK(b.sent() == Lines{"advertises 2001:db8::2 to ff02::1 at 33:33:00:00:00:01"});
}

TEST_CASE("a solicitation that fails a check of RFC 4861 section 7.1 is ignored") {
    LinkBench b;
    const SmallFrame good = solicitation("2001:db8::9", solicited_node_group(ip("2001:db8::2")), "2001:db8::2");
    const auto broken = [&](std::size_t at, std::uint8_t value) {
        SmallFrame frame = good;
        frame.bytes[at] = value;
        store_be16(frame.bytes.data() + 56, 0);
        Checksum sum;
        sum.add_pseudo_header(ip("2001:db8::9"), solicited_node_group(ip("2001:db8::2")), protocol_icmpv6, 32);
        store_be16(frame.bytes.data() + 56, sum.add({frame.bytes.data() + 54, 32}).value());
        return frame;
    };
    CHECK(b.receive(broken(21, 254)).verdict == Neighbour::Verdict::dropped);   // it crossed a router
    CHECK(b.receive(broken(55, 1)).verdict == Neighbour::Verdict::dropped);     // code
    CHECK(b.receive(broken(62, 0xff)).verdict == Neighbour::Verdict::dropped);  // target is a group
    CHECK(b.receive(broken(79, 0)).verdict == Neighbour::Verdict::dropped);     // option of length 0
    CHECK(b.receive(broken(79, 2)).verdict == Neighbour::Verdict::dropped);     // option past the end
    CHECK(b.receive(broken(80, 0x03)).verdict == Neighbour::Verdict::dropped);  // group as link address
    SmallFrame bad_sum = good;
    bad_sum.bytes[85] ^= 1;
    CHECK(b.receive(bad_sum).verdict == Neighbour::Verdict::dropped);
    CHECK(b.sent().empty());
    b.receive(good);
    CHECK(b.sent().size() == 1);
}

TEST_CASE("detection must not carry a link address, nor go to a unicast address") {
    LinkBench b;
    b.receive(solicitation("::", solicited_node_group(ip("2001:db8::2")), "2001:db8::2", peer));
    b.receive(solicitation("::", ip("2001:db8::2"), "2001:db8::2", std::nullopt));
    CHECK(b.sent().empty());
}

TEST_CASE("ping over IPv4 comes back: same data, addresses swapped, right checksums") {
    LinkBench b;
    const Bytes request = ping_v4();
    CHECK(b.receive(request).verdict == Neighbour::Verdict::answered_in_place);
    FrameRules theirs;
    theirs.link = peer;
    const Frame reply = parse_frame(b.last, theirs);
    REQUIRE(reply.kind == FrameKind::icmp);
    CHECK(reply.to.address == ip("192.0.2.9"));
    CHECK(reply.from.address == ip("192.0.2.2"));
    CHECK(reply.hop_limit == 64);
    CHECK(b.last[34] == 0);
    CHECK(Checksum().add(ByteView(b.last).subspan(34)).correct());
    CHECK(std::equal(b.last.begin() + 38, b.last.end(), request.begin() + 38, request.end()));
}

TEST_CASE("ping over IPv6 comes back") {
    LinkBench b;
    CHECK(b.receive(ping_v6()).verdict == Neighbour::Verdict::answered_in_place);
    CHECK(b.last[54] == 129);
    Checksum sum;
    sum.add_pseudo_header(ip("2001:db8::2"), ip("2001:db8::9"), protocol_icmpv6, 64);
    CHECK(sum.add(ByteView(b.last).subspan(54)).correct());
}

TEST_CASE("ping with a wrong checksum, from our own address or to another one is not answered") {
    LinkBench b;
    Bytes wrong = ping_v4();
    wrong.back() ^= 1;
    CHECK(b.receive(wrong).drop == Drop::not_udp);
    CHECK(b.receive(ping_v4("192.0.2.2")).drop == Drop::martian);
    NeighbourConfig other = two_families();
    other.addresses[0].address = ip("192.0.2.77");
    LinkBench elsewhere(other);
    CHECK(elsewhere.receive(ping_v4()).drop == Drop::not_for_us);
}

TEST_CASE("answers are limited: a flood of pings gets a second's worth, and more a second later") {
    LinkBench b;
    int answered = 0;
    for (int i = 0; i < 5000; ++i) answered += b.receive(ping_v4()).verdict == Neighbour::Verdict::answered_in_place;
    CHECK(answered == 1000);
    CHECK(b.receive(ping_v4()).drop == Drop::answer_rate);
    b.now += 1s;
    CHECK(b.receive(ping_v4()).verdict == Neighbour::Verdict::answered_in_place);
}

TEST_CASE("ping in a frame to a group is not answered: the reply would come from a group") {
    LinkBench b;
    Bytes v6 = ping_v6();
    const LinkAddress group = LinkAddress::of_multicast(solicited_node_group(ip("2001:db8::2")));
    std::copy(group.bytes.begin(), group.bytes.end(), v6.begin());
    CHECK(b.receive(v6).drop == Drop::not_for_us);
    CHECK(b.receive(ping_v6()).verdict == Neighbour::Verdict::answered_in_place);
    CHECK(LinkAddress::from(b.last.data() + 6) == ours);
    CHECK(LinkAddress::from(b.last.data()) == peer);
}

TEST_CASE("invented sources that ask for us keep nobody from being found") {
    LinkBench b;
    for (unsigned i = 0; i < 50'000; ++i) {
        b.now += 1ms;
        std::array<char, 32> source{};
        std::snprintf(source.data(), source.size(), "2001:db8::%x:%x", 1 + (i >> 16), i & 0xffff);
        b.receive(solicitation(source.data(), solicited_node_group(ip("2001:db8::2")), "2001:db8::2"));
        b.out.clear();
    }
    CHECK(b.neighbour.statistics().next_hops.read() <= dpdk::limits::next_hops);
    b.resolve("2001:db8::9");
    CHECK(b.sent() == Lines{"solicits 2001:db8::9 to ff02::1:ff00:9 at 33:33:ff:00:00:09"});
    b.advertise(peer, "2001:db8::9");
    CHECK(b.resolve("2001:db8::9"));
}

TEST_CASE("other lcores are told only of what can teach them, and of no flood") {
    LinkBench b;
    SmallFrame frame;
    const auto teaches = [&](std::string_view sender, std::string_view target) {
        write_arp(frame, LinkAddress::broadcast(), 0,
                  {ArpMessage::Operation::request, peer, {}, ip(sender), ip(target)});
        return b.receive(frame).teaches;
    };
    CHECK(teaches("192.0.2.9", "192.0.2.2"));
    CHECK(teaches("192.0.2.1", "192.0.2.1"));          // VRRP: the gateway has moved
    CHECK_FALSE(teaches("203.0.113.5", "192.0.2.2"));  // off the link
    CHECK_FALSE(teaches("0.0.0.0", "192.0.2.2"));      // a probe
    CHECK_FALSE(b.receive(ping_v6()).teaches);
    CHECK_FALSE(b.receive(solicitation("2001:db8::9", ip("2001:db8::3"), "2001:db8::3")).teaches);
    CHECK(b.receive(solicitation("2001:db8::9", ip("2001:db8::2"), "2001:db8::2")).teaches);
    CHECK_FALSE(b.receive(solicitation("2001:db8::9", ip("2001:db8::2"), "2001:db8::2"), false).teaches);
    int copies = 0;
    for (int i = 0; i < 5000; ++i) copies += teaches("192.0.2.9", "192.0.2.2");
    CHECK(copies < 500);
    b.now += 1s;
    CHECK(teaches("192.0.2.9", "192.0.2.2"));
}

TEST_CASE("at start the addresses are announced and the gateways asked for") {
    LinkBench b;
    b.neighbour.start(b.now, b.out);
    CHECK(b.sent() == Lines{"arp announces 192.0.2.2", "advertises 2001:db8::2 to ff02::1 at 33:33:00:00:00:01",
                            "reports ff02::1:ff00:2 to ff02::16 at 33:33:00:00:00:16",
                            "arp who-has 192.0.2.1 to ff:ff:ff:ff:ff:ff",
                            "solicits 2001:db8::1 to ff02::1:ff00:1 at 33:33:ff:00:00:01"});
}

TEST_CASE("a destination on the link is asked for itself, any other goes to the gateway") {
    LinkBench b;
    CHECK(b.resolve("192.0.2.9") == nullptr);
    CHECK(b.resolve("203.0.113.5") == nullptr);
    CHECK(b.sent() ==
          Lines{"arp who-has 192.0.2.9 to ff:ff:ff:ff:ff:ff", "arp who-has 192.0.2.1 to ff:ff:ff:ff:ff:ff"});
    b.arp_reply(router, "192.0.2.1");
    REQUIRE(b.resolve("203.0.113.5"));
    CHECK(*b.resolve("203.0.113.5") == router);
    CHECK(b.resolve("192.0.2.9") == nullptr);
    b.arp_reply(peer, "192.0.2.9");
    CHECK(*b.resolve("192.0.2.9") == peer);
}

TEST_CASE("without a gateway or an address of the family, what is off the link is unreachable and nobody is asked") {
    NeighbourConfig config = two_families();
    config.gateway_v4.reset();
    config.addresses.pop_back();
    LinkBench b(config);
    CHECK_FALSE(b.neighbour.reachable(ip("203.0.113.5")));
    CHECK_FALSE(b.neighbour.reachable(ip("2001:db8::9")));
    CHECK(b.resolve("203.0.113.5") == nullptr);
    CHECK(b.sent().empty());
}

TEST_CASE("an answer nobody asked for teaches nothing, and neither does one for an address off the link") {
    LinkBench b;
    b.arp_reply(peer, "192.0.2.9");
    b.advertise(peer, "2001:db8::9");
    b.arp(ArpMessage::Operation::request, peer, "203.0.113.5", "192.0.2.2", LinkAddress::broadcast());
    CHECK(b.neighbour.statistics().next_hops.read() == 0);
}

TEST_CASE("a silent neighbour is asked three times, then once a second while somebody still sends there") {
    LinkBench b;
    b.resolve("192.0.2.9");
    b.run_until(20s);
    CHECK(b.sent().size() == 3);
    for (int i = 20; i < 30; ++i) {
        b.resolve("192.0.2.9");
        b.run_until(std::chrono::seconds(i) + 500ms);
        b.run_until(std::chrono::seconds(i + 1));
    }
    const auto asked = b.sent().size();
    CHECK(asked >= 9);
    CHECK(asked <= 11);
}

TEST_CASE("many packets to a neighbour that is not known yet ask once") {
    LinkBench b;
    for (int i = 0; i < 1000; ++i) b.resolve("192.0.2.9");
    CHECK(b.sent().size() == 1);
}

TEST_CASE("a used neighbour is asked again by unicast after 30 s and stays in use meanwhile") {
    LinkBench b;
    b.resolve("192.0.2.9");
    b.arp_reply(peer, "192.0.2.9");
    b.sent();
    for (auto t = 0s; t < 30s; t += 1s) {
        b.resolve("192.0.2.9");
        b.run_until(t);
    }
    CHECK(b.sent().empty());
    b.resolve("192.0.2.9");
    b.run_until(31s);
    CHECK(b.sent() == Lines{"arp who-has 192.0.2.9 to 02:00:00:00:00:99"});
    CHECK(b.resolve("192.0.2.9"));
    b.arp_reply(peer, "192.0.2.9");
    b.run_until(40s);
    CHECK(b.sent().empty());
}

TEST_CASE("a neighbour that stops answering is asked by broadcast, then no longer used") {
    LinkBench b;
    b.resolve("2001:db8::9");
    b.advertise(peer, "2001:db8::9");
    b.sent();
    for (int i = 0; i < 40; ++i) {
        b.resolve("2001:db8::9");
        b.run_until(std::chrono::seconds(i));
    }
    const Lines lines = b.sent();
    REQUIRE(lines.size() >= 4);
    CHECK(lines[0] == "solicits 2001:db8::9 to 2001:db8::9 at 02:00:00:00:00:99");
    CHECK(lines[3] == "solicits 2001:db8::9 to ff02::1:ff00:9 at 33:33:ff:00:00:09");
    CHECK(b.resolve("2001:db8::9") == nullptr);
}

TEST_CASE("a router that moves to another link address says so and is followed: VRRP") {
    LinkBench b;
    b.neighbour.start(b.now, b.out);
    b.arp_reply(router, "192.0.2.1");
    const LinkAddress standby = mac("02:00:00:00:00:fd");
    b.arp(ArpMessage::Operation::request, standby, "192.0.2.1", "192.0.2.1", LinkAddress::broadcast());
    CHECK(*b.resolve("203.0.113.5") == standby);
}

TEST_CASE("an advertisement without the override flag does not replace a known link address") {
    LinkBench b;
    b.resolve("2001:db8::9");
    b.advertise(peer, "2001:db8::9");
    b.advertise(router, "2001:db8::9", false);
    CHECK(*b.resolve("2001:db8::9") == peer);
    b.advertise(router, "2001:db8::9", true);
    CHECK(*b.resolve("2001:db8::9") == router);
}

TEST_CASE("the gateway is kept fresh although nobody sends") {
    LinkBench b;
    b.neighbour.start(b.now, b.out);
    for (int i = 0; i < 3600; ++i) {
        b.run_until(std::chrono::seconds(i));
        for (const auto& line : b.sent()) {
            if (line.starts_with("arp who-has 192.0.2.1 ")) b.arp_reply(router, "192.0.2.1");
            if (line.starts_with("solicits 2001:db8::1 ")) b.advertise(router, "2001:db8::1");
        }
    }
    CHECK(b.neighbour.statistics().next_hops.read() == 2);
    CHECK(b.resolve("203.0.113.5"));
    CHECK(b.resolve("2001:db8:99::1"));
}

TEST_CASE("an lcore that only learns does not answer") {
    LinkBench b;
    SmallFrame request;
    write_arp(request, LinkAddress::broadcast(), 0,
              {ArpMessage::Operation::request, peer, {}, ip("192.0.2.9"), ip("192.0.2.2")});
    CHECK(b.receive(request, false).learned);
    CHECK(b.sent().empty());
    CHECK(*b.resolve("192.0.2.9") == peer);
}

TEST_CASE("everything on a tagged port is tagged") {
    NeighbourConfig config = two_families();
    config.vlan = 42;
    LinkBench b(config);
    b.neighbour.start(b.now, b.out);
    for (const auto& frame : b.out.view()) {
        CHECK(load_be16(frame.bytes.data() + 12) == ethertype_vlan);
        CHECK(load_be16(frame.bytes.data() + 14) == 42);
    }
    b.out.clear();
    b.arp(ArpMessage::Operation::request, peer, "192.0.2.9", "192.0.2.2", LinkAddress::broadcast());
    REQUIRE(b.out.size() == 1);
    CHECK(load_be16(b.out.view()[0].bytes.data() + 14) == 42);
}

TEST_CASE("prefixes decide what is on the link, to the bit") {
    const InterfaceAddress net25{ip("192.0.2.130"), 25}, net63{ip("2001:db8:0:2::1"), 63}, host{ip("192.0.2.1"), 32};
    CHECK(net25.on_link(ip("192.0.2.255")));
    CHECK_FALSE(net25.on_link(ip("192.0.2.127")));
    CHECK(net63.on_link(ip("2001:db8:0:3::9")));
    CHECK_FALSE(net63.on_link(ip("2001:db8:0:4::9")));
    CHECK(host.on_link(ip("192.0.2.1")));
    CHECK_FALSE(host.on_link(ip("192.0.2.0")));
    CHECK_FALSE(net25.on_link(ip("2001:db8::1")));
}

TEST_CASE("When the link returns the addresses and their groups are announced, and twice more") {
    LinkBench b;
    b.neighbour.start(b.now, b.out);
    b.run_until(60s);
    b.sent();
    b.neighbour.link_returned(b.now, b.out);
    const Lines announced{"arp announces 192.0.2.2", "advertises 2001:db8::2 to ff02::1 at 33:33:00:00:00:01",
                          "reports ff02::1:ff00:2 to ff02::16 at 33:33:00:00:00:16"};
    const auto sent_now = [&] {
        Lines lines = b.sent();
        std::erase_if(lines, [](const std::string& line) {
            return !line.starts_with("arp announces") && !line.starts_with("advertises") &&
                   !line.starts_with("reports");
        });
        return lines;
    };
    CHECK(sent_now() == announced);
    for (int i = 0; i < 2; ++i) {
        const TimePoint due = b.now + 2s;
        for (; b.now < due; b.now += 100ms) b.neighbour.tick(b.now, b.out);
        CHECK(sent_now().empty());
        b.neighbour.tick(b.now, b.out);
        CHECK(sent_now() == announced);
    }
    for (int i = 0; i < 300; ++i, b.now += 100ms) b.neighbour.tick(b.now, b.out);
    CHECK(sent_now().empty());
}

TEST_CASE("Another device with an address of ours is counted and told which; ours is said again, every ten seconds") {
    LinkBench b;
    const auto conflicts = [&] { return b.neighbour.statistics().conflicts.read(); };
    b.arp(ArpMessage::Operation::request, ours, "192.0.2.2", "192.0.2.2", LinkAddress::broadcast());  // our own
    CHECK(conflicts() == 0);
    b.arp(ArpMessage::Operation::request, peer, "192.0.2.2", "192.0.2.2", LinkAddress::broadcast());
    CHECK(conflicts() == 1);
    CHECK(b.neighbour.statistics().conflict_link.read() == 0x020000000099);
    CHECK(b.sent() == Lines{"arp announces 192.0.2.2"});
    b.arp(ArpMessage::Operation::reply, peer, "192.0.2.2", "192.0.2.9", LinkAddress::broadcast());
    CHECK(conflicts() == 2);
    CHECK(b.sent().empty());
    b.now += 10s;
    b.advertise(peer, "2001:db8::2");
    CHECK(conflicts() == 3);
    CHECK(b.sent() == Lines{"advertises 2001:db8::2 to ff02::1 at 33:33:00:00:00:01"});
    b.arp(ArpMessage::Operation::request, peer, "192.0.2.9", "192.0.2.2", LinkAddress::broadcast());  // who just asks
    CHECK(conflicts() == 3);
}
