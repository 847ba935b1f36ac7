// Multicast listener reports and queries as a Linux host and a Linux bridge send them (hex), in virtual time.
#include "media-plane/dpdk/mld.h"

#include <catch2/catch.hpp>

#include "link_bench.h"
#include "media-plane/dpdk/checksum.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using namespace sallyport::media::dpdk::test;
using Lines = std::vector<std::string>;

namespace {

const Bytes joined =
    hex("333300000016 020000000001 86dd 60000000 00240001"
        "00000000000000000000000000000000 ff020000000000000000000000000016"
        "3a00050200000100 8f006f880000000104000000ff0200000000000000000001ff000002");
const Bytes current =
    hex("333300000016 020000000001 86dd 60000000 00240001"
        "00000000000000000000000000000000 ff020000000000000000000000000016"
        "3a00050200000100 8f0071880000000102000000ff0200000000000000000001ff000002");
const Bytes first_version =
    hex("3333ff000002 020000000001 86dd 60000000 00200001"
        "00000000000000000000000000000000 ff0200000000000000000001ff000002"
        "3a00050200000100 8300809f00000000ff0200000000000000000001ff000002");
// Maximum response 10 s, QRV 2, QQIC 125.
const Bytes general_query =
    hex("333300000001 0200000000aa 86dd 60000000 00240001"
        "fe8000000000000000000000000000aa ff020000000000000000000000000001"
        "3a00050200000100 820055ed2710000000000000000000000000000000000000027d0000");
// For ff02::1:ff00:2, maximum response 1 s.
const Bytes group_query =
    hex("3333ff000002 0200000000aa 86dd 60000000 00240001"
        "fe8000000000000000000000000000aa ff0200000000000000000001ff000002"
        "3a00050200000100 82007c0b03e80000ff0200000000000000000001ff000002027d0000");
const Bytes other_group_query =
    hex("3333ff000003 0200000000aa 86dd 60000000 00240001"
        "fe8000000000000000000000000000aa ff0200000000000000000001ff000003"
        "3a00050200000100 82007c0903e80000ff0200000000000000000001ff000003027d0000");
const Bytes query_of_version_1 =
    hex("333300000001 0200000000aa 86dd 60000000 00200001"
        "fe8000000000000000000000000000aa ff020000000000000000000000000001"
        "3a00050200000100 8200586e2710000000000000000000000000000000000000");

const std::string report = "reports ff02::1:ff00:2 to ff02::16 at 33:33:00:00:00:16";

NeighbourConfig v6_only(std::string_view address = "2001:db8::2") {
    return {.link = ours, .addresses = {{ip(address), 64}}};
}
Bytes written(const IpAddress& from, MldReport kind) {
    SmallFrame frame;
    write_mld_report(frame, ours, 0, from, solicited_node_group(ip("2001:db8::2")), kind);
    return {frame.view().begin(), frame.view().end()};
}
Bytes with_checksum(Bytes frame) {
    const Frame parsed = parse_frame(frame, FrameRules{});
    if (parsed.kind != FrameKind::icmpv6) return frame;
    store_be16(frame.data() + parsed.payload + 2, 0);
    Checksum sum;
    sum.add_pseudo_header(parsed.from.address, parsed.to.address, protocol_icmpv6, parsed.payload_length);
    store_be16(frame.data() + parsed.payload + 2,
               sum.add(ByteView(frame).subspan(parsed.payload, parsed.payload_length)).value());
    return frame;
}
Bytes with(Bytes frame, std::size_t at, std::uint8_t value) {
    frame.at(at) = value;
    return with_checksum(std::move(frame));
}

}  // namespace

TEST_CASE("reports are byte for byte those of a Linux host without a link-local address") {
    CHECK(to_hex(written(ip("::"), MldReport::joined)) == to_hex(joined));
    CHECK(to_hex(written(ip("::"), MldReport::current)) == to_hex(current));
    CHECK(to_hex(written(ip("::"), MldReport::first_version)) == to_hex(first_version));
}

TEST_CASE("the solicited-node group is joined at start and once more a second later, by one lcore") {
    LinkBench b(v6_only());
    b.neighbour.start(b.now, b.out);
    REQUIRE(b.out.size() == 2);  // behind the advertisement to all nodes
    CHECK(to_hex(b.out.view()[1].view()) == to_hex(joined));
    b.sent();
    b.run_until(900ms);
    CHECK(b.sent().empty());
    b.run_until(1100ms);
    CHECK(b.sent() == Lines{report});
    b.run_until(60s);
    CHECK(b.sent().empty());
    LinkBench second(v6_only());
    second.neighbour.start(second.now, second.out, false);
    second.run_until(2s);
    CHECK(second.sent().empty());
}

TEST_CASE("a link-local address of the port is the source of its reports; without IPv6 there are none") {
    LinkBench b(v6_only("fe80::2"));
    b.neighbour.start(b.now, b.out);
    REQUIRE(b.out.size() == 2);
    CHECK(parse_frame(b.out.view()[1].view(), {.link = ours}).from.address == ip("fe80::2"));
    LinkBench v4({.link = ours, .addresses = {{ip("192.0.2.2"), 24}}});
    v4.neighbour.start(v4.now, v4.out);
    v4.receive(general_query);
    v4.run_until(20s);
    CHECK(v4.sent() == Lines{"arp announces 192.0.2.2"});
}

TEST_CASE("a general query is answered once, within the time that it gives") {
    LinkBench b(v6_only());
    CHECK(b.receive(general_query).verdict == Neighbour::Verdict::absorbed);
    b.receive(general_query);
    CHECK(b.sent().empty());  // not at once: every host of the link was asked
    b.run_until(10'100ms);
    REQUIRE(b.out.size() == 1);
    CHECK(to_hex(b.out.view()[0].view()) == to_hex(current));
    b.sent();
    b.run_until(60s);
    CHECK(b.sent().empty());
}

TEST_CASE("a query for our group is answered, one for another is not") {
    LinkBench b(v6_only());
    b.receive(other_group_query);
    b.run_until(20s);
    CHECK(b.sent().empty());
    b.receive(group_query);
    b.run_until(21'100ms);
    CHECK(b.sent() == Lines{report});
}

TEST_CASE("a querier of the first version gets a report that it understands") {
    LinkBench b(v6_only());
    b.receive(query_of_version_1);
    b.run_until(10'100ms);
    CHECK(b.sent() == Lines{"reports (v1) ff02::1:ff00:2 to ff02::1:ff00:2 at 33:33:ff:00:00:02"});
}

TEST_CASE("an lcore that only learns does not answer queries") {
    LinkBench b(v6_only());
    b.receive(general_query, false);
    b.run_until(20s);
    CHECK(b.sent().empty());
}

TEST_CASE("a query that fails a check of RFC 3810 is ignored") {
    const auto taken = [](const Bytes& frame) {
        const Frame parsed = parse_frame(frame, {.link = ours});
        return parsed.kind == FrameKind::icmpv6 && parse_mld_query(frame, parsed).has_value();
    };
    CHECK(taken(general_query));
    CHECK(taken(with(general_query, 66, 0x80)));        // a longer response time, with an exponent
    CHECK_FALSE(taken(with(general_query, 21, 2)));     // hop limit
    CHECK_FALSE(taken(with(general_query, 22, 0x20)));  // source is not link-local
    CHECK_FALSE(taken(with(general_query, 55, 1)));     // a longer hop-by-hop header
    CHECK_FALSE(taken(with(general_query, 56, 6)));     // no router alert
    CHECK_FALSE(taken(with(general_query, 59, 1)));     // a router alert for others
    CHECK_FALSE(taken(with(general_query, 60, 7)));     // an option that nobody knows
    CHECK_FALSE(taken(with(general_query, 62, 129)));   // not a query
    CHECK_FALSE(taken(with(general_query, 70, 0x20)));  // group is unicast
    Bytes bad_sum = general_query;
    bad_sum.back() ^= 1;
    CHECK_FALSE(taken(bad_sum));
    Bytes cut = general_query;
    cut.resize(cut.size() - 2);
    cut[19] -= 2;
    CHECK_FALSE(taken(with_checksum(cut)));
    Bytes plain = general_query;  // the same without the hop-by-hop header
    plain.erase(plain.begin() + 54, plain.begin() + 62);
    plain[19] -= 8;
    plain[20] = 58;
    CHECK_FALSE(taken(with_checksum(plain)));
}

TEST_CASE("response times above 32 s have an exponent") {
    const auto within = [](std::uint16_t code) {
        Bytes frame = general_query;
        store_be16(frame.data() + 66, code);
        frame = with_checksum(frame);
        return parse_mld_query(frame, parse_frame(frame, {.link = ours}))->response_within;
    };
    CHECK(within(0) == 0ms);
    CHECK(within(32'767) == 32'767ms);
    CHECK(within(0x8000) == 32'768ms);
    CHECK(within(0xffff) == 8'387'584ms);
}
