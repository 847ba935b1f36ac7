// Frames as captured from a Linux host (hex), taken apart and put together.
#include "media-plane/dpdk/frame.h"

#include <catch2/catch.hpp>

#include "link_bench.h"
#include "media-plane/dpdk/checksum.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using test::hex;
using test::ip;
using test::mac;

namespace {

// Captured on a veth with checksum offload off: "hello" from 192.0.2.9:4000 to 192.0.2.2:20000.
const Bytes udp_v4 =
    hex("020000000001 020000000099 0800"
        "4500 0021 a544 4000 4011 117c c0000209 c0000202"
        "0fa0 4e20 000d da35 68656c6c6f");
// The same payload from [2001:db8::9]:4000 to [2001:db8::2]:20000.
const Bytes udp_v6 =
    hex("020000000001 020000000099 86dd"
        "6008bdfd 000d 11 40 20010db8000000000000000000000009 20010db8000000000000000000000002"
        "0fa0 4e20 000d 02c5 68656c6c6f");

FrameRules rules() {
    FrameRules r;
    r.link = mac("02:00:00:00:00:01");
    return r;
}
Drop drop_of(const Bytes& bytes, const FrameRules& r = rules()) { return parse_frame(bytes, r).drop; }
Bytes with(Bytes bytes, std::size_t at, std::uint8_t value) {
    bytes.at(at) = value;
    return bytes;
}
Bytes with_ip_checksum(Bytes bytes) {
    store_be16(bytes.data() + 24, 0);
    store_be16(bytes.data() + 24, Checksum().add({bytes.data() + 14, 20}).value());
    return bytes;
}

}  // namespace

TEST_CASE("a UDP datagram over IPv4 is found with its addresses, ports and payload") {
    const Frame frame = parse_frame(udp_v4, rules());
    REQUIRE(frame.kind == FrameKind::udp);
    CHECK(frame.from.to_string() == "192.0.2.9:4000");
    CHECK(frame.to.to_string() == "192.0.2.2:20000");
    CHECK(frame.link_from == mac("02:00:00:00:00:99"));
    CHECK(frame.hop_limit == 64);
    CHECK(as_text(ByteView(udp_v4).subspan(frame.payload, frame.payload_length)) == "hello");
}

TEST_CASE("a UDP datagram over IPv6 is found with its addresses, ports and payload") {
    const Frame frame = parse_frame(udp_v6, rules());
    REQUIRE(frame.kind == FrameKind::udp);
    CHECK(frame.from.to_string() == "[2001:db8::9]:4000");
    CHECK(frame.to.to_string() == "[2001:db8::2]:20000");
    CHECK(as_text(ByteView(udp_v6).subspan(frame.payload, frame.payload_length)) == "hello");
}

TEST_CASE("link padding behind a short datagram is not payload") {
    Bytes padded = udp_v4;
    padded.resize(60, 0xee);
    const Frame frame = parse_frame(padded, rules());
    REQUIRE(frame.kind == FrameKind::udp);
    CHECK(frame.payload_length == 5);
}

TEST_CASE("a frame cut off anywhere is refused, never read past its end") {
    for (const auto& whole : {udp_v4, udp_v6})
        for (std::size_t n = 0; n < whole.size(); ++n) {
            const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n));
            INFO("bytes " << n);
            CHECK(drop_of(cut) == Drop::truncated);
        }
}

TEST_CASE("lengths that contradict each other are refused") {
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 17, 0x22))) == Drop::truncated);  // IP longer than the frame
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 17, 0x13))) == Drop::truncated);  // shorter than its header
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 14, 0x44))) == Drop::truncated);  // header of 16 bytes
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 14, 0x4f))) == Drop::truncated);  // header longer than the packet
    CHECK(drop_of(with(udp_v4, 39, 0x0e)) == Drop::truncated);                    // UDP longer than IP
    CHECK(drop_of(with(udp_v4, 39, 0x07)) == Drop::truncated);                    // UDP shorter than its header
    CHECK(drop_of(with(udp_v6, 19, 0x0e)) == Drop::truncated);
    CHECK(drop_of(with(udp_v6, 19, 0x07)) == Drop::truncated);
}

TEST_CASE("a changed bit is found by the checksums") {
    CHECK(drop_of(with(udp_v4, 22, 63)) == Drop::bad_checksum);   // TTL
    CHECK(drop_of(with(udp_v4, 46, 'i')) == Drop::bad_checksum);  // payload
    CHECK(drop_of(with(udp_v6, 66, 'i')) == Drop::bad_checksum);
    CHECK(drop_of(with(udp_v6, 37, 0x0a)) == Drop::bad_checksum);  // source address
    FrameRules trusting = rules();
    trusting.verify_ip_checksum = false;
    trusting.udp_checksum = UdpChecksum::ignore;
    CHECK(drop_of(with(udp_v4, 46, 'i'), trusting) == Drop::none);
}

TEST_CASE("UDP checksum zero means none over IPv4 and is wrong over IPv6") {
    CHECK(drop_of(with(with(udp_v4, 40, 0), 41, 0)) == Drop::none);
    CHECK(drop_of(with(with(udp_v6, 60, 0), 61, 0)) == Drop::bad_checksum);
}

TEST_CASE("the half-done checksum that a kernel leaves on a virtual device is taken only where that is allowed") {
    Bytes partial = udp_v4;
    Checksum pseudo;
    pseudo.add_pseudo_header(ip("192.0.2.9"), ip("192.0.2.2"), protocol_udp, 13);
    store_be16(partial.data() + 40, pseudo.folded());
    CHECK(drop_of(partial) == Drop::bad_checksum);
    FrameRules virtual_device = rules();
    virtual_device.udp_checksum = UdpChecksum::accept_partial;
    CHECK(drop_of(partial, virtual_device) == Drop::none);
    CHECK(drop_of(udp_v4, virtual_device) == Drop::none);
    CHECK(drop_of(with(udp_v4, 46, 'i'), virtual_device) == Drop::bad_checksum);
}

TEST_CASE(
    "an IP packet that is longer than the port's MTU is refused, whatever the device lets pass; its tag is not of it") {
    for (const Bytes& whole : {udp_v4, udp_v6}) {
        FrameRules exact = rules();
        exact.mtu = static_cast<std::uint16_t>(whole.size() - ethernet_header);
        CHECK(parse_frame(whole, exact).kind == FrameKind::udp);
        --exact.mtu;
        CHECK(parse_frame(whole, exact).drop == Drop::too_big);
    }
    UdpHeaders h;
    h.vlan = 7;
    h.from = Endpoint::parse("192.0.2.9:4000").value();
    h.to = Endpoint::parse("192.0.2.2:20000").value();
    Bytes tagged(udp_headers_length(Family::v4, 7) + 100);
    write_udp_headers(h, &tagged[udp_headers_length(Family::v4, 7)], 100);
    FrameRules r = rules();
    r.link = {};
    r.vlan = 7;
    r.mtu = 128;
    CHECK(parse_frame(tagged, r).kind == FrameKind::udp);
    r.mtu = 127;
    CHECK(parse_frame(tagged, r).drop == Drop::too_big);
}

TEST_CASE("fragments are refused, the last and the first of a datagram alike; DF is none") {
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 20, 0x20))) == Drop::fragment);  // MF
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 21, 0x01))) == Drop::fragment);  // offset
    CHECK(drop_of(with(udp_v6, 20, 44)) == Drop::fragment);
    CHECK(drop_of(udp_v4) == Drop::none);
}

TEST_CASE("what is no IP, no UDP or not for this link is refused with that reason") {
    CHECK(drop_of(with(udp_v4, 13, 0x35)) == Drop::not_ip);
    CHECK(drop_of(with(udp_v4, 14, 0x65)) == Drop::not_ip);                        // version 6 in an IPv4 frame
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 23, 6))) == Drop::not_udp);        // TCP
    CHECK(drop_of(with(udp_v6, 20, 0)) == Drop::not_udp);                          // hop-by-hop options
    CHECK(drop_of(with(udp_v4, 5, 2)) == Drop::not_for_us);                        // another station's
    CHECK(drop_of(with(udp_v4, 0, 3)) == Drop::not_for_us);                        // a group: no media comes so
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 30, 0xe0))) == Drop::not_for_us);  // to 224.0.2.2
}

TEST_CASE("sources that no sender can have are refused") {
    CHECK(drop_of(with(udp_v4, 6, 3)) == Drop::martian);                        // link source is a group
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 26, 0xe0))) == Drop::martian);  // 224.0.2.9
    CHECK(drop_of(with_ip_checksum(with(udp_v4, 26, 127))) == Drop::martian);
    CHECK(drop_of(with(with(udp_v4, 34, 0), 35, 0)) == Drop::martian);  // port 0 cannot be answered
}

TEST_CASE("a tagged frame is ours only on the port of that VLAN, whether the device stripped the tag or not") {
    Bytes tagged(udp_v4.begin(), udp_v4.begin() + 12);
    for (const std::uint8_t b : {0x81, 0x00, 0xa0, 0x64}) tagged.push_back(b);  // priority 5, VLAN 100
    tagged.insert(tagged.end(), udp_v4.begin() + 12, udp_v4.end());
    FrameRules vlan_100 = rules();
    vlan_100.vlan = 100;
    const Frame frame = parse_frame(tagged, vlan_100);
    CHECK(frame.kind == FrameKind::udp);
    CHECK(frame.network == 18);
    CHECK(parse_frame(udp_v4, vlan_100, 0xa064).kind == FrameKind::udp);
    CHECK(drop_of(tagged) == Drop::not_for_us);
    CHECK(drop_of(udp_v4, vlan_100) == Drop::not_for_us);
    CHECK(parse_frame(tagged, vlan_100, 0).drop == Drop::not_for_us);  // the one taken off was of priority alone
}

TEST_CASE("an IPv4 header with options is stepped over") {
    Bytes options(udp_v4.begin(), udp_v4.begin() + 34);
    for (const std::uint8_t b : {1, 1, 1, 0}) options.push_back(b);
    options.insert(options.end(), udp_v4.begin() + 34, udp_v4.end());
    options[14] = 0x46;
    options[17] = 0x25;
    store_be16(options.data() + 24, 0);
    store_be16(options.data() + 24, Checksum().add({options.data() + 14, 24}).value());
    const Frame frame = parse_frame(options, rules());
    REQUIRE(frame.kind == FrameKind::udp);
    CHECK(frame.payload == 46);
}

TEST_CASE("headers we write are read back, for both families, with and without a VLAN, for every payload length") {
    const auto family = GENERATE(Family::v4, Family::v6);
    const auto vlan = GENERATE(as<std::uint16_t>{}, 0, 7);
    UdpHeaders h;
    h.link_from = mac("02:00:00:00:00:99");
    h.link_to = mac("02:00:00:00:00:01");
    h.vlan = vlan;
    h.from = {family == Family::v4 ? ip("192.0.2.9") : ip("2001:db8::9"), 4000};
    h.to = {family == Family::v4 ? ip("192.0.2.2") : ip("2001:db8::2"), 20'000};
    h.dscp = 46;
    for (std::uint16_t n : {0, 1, 2, 7, 8, 160, 172, 173, 1400}) {
        const std::size_t headers = udp_headers_length(family, vlan);
        Bytes frame(headers + n);
        for (std::size_t i = 0; i < n; ++i) frame[headers + i] = static_cast<std::uint8_t>(i * 37);
        write_udp_headers(h, frame.data() + headers, n);
        FrameRules r = rules();
        r.vlan = vlan;
        const Frame read = parse_frame(frame, r);
        INFO("payload " << n);
        REQUIRE(read.kind == FrameKind::udp);
        CHECK(read.from == h.from);
        CHECK(read.to == h.to);
        CHECK(read.payload == headers);
        CHECK(read.payload_length == n);
        const std::uint8_t* network = frame.data() + read.network;
        if (family == Family::v4) {
            CHECK(network[1] == 46 << 2);  // DSCP EF, no ECN
        } else {
            CHECK(load_be16(network) == (0x6000 | 46 << 6));
        }
    }
}

TEST_CASE("the tag of what we send carries its priority, and without a tag there is none (802.1Q)") {
    UdpHeaders h;
    h.from = Endpoint::parse("192.0.2.9:4000").value();
    h.to = Endpoint::parse("192.0.2.2:20000").value();
    h.vlan_priority = 5;
    Bytes untagged(42);
    write_udp_headers(h, untagged.data() + 42, 0);
    CHECK(load_be16(&untagged[12]) == ethertype_ipv4);
    h.vlan = 0x123;
    Bytes tagged(46);
    write_udp_headers(h, tagged.data() + 46, 0);
    CHECK(load_be16(&tagged[12]) == ethertype_vlan);
    CHECK(load_be16(&tagged[14]) == (5 << 13 | 0x123));
    CHECK(load_be16(&tagged[16]) == ethertype_ipv4);
    FrameRules r = rules();
    r.vlan = 0x123;
    r.link = {};
    CHECK(parse_frame(tagged, r).kind == FrameKind::udp);
}

TEST_CASE("our IPv4 datagram is byte for byte what a host sends") {
    UdpHeaders h;
    h.link_from = mac("02:00:00:00:00:99");
    h.link_to = mac("02:00:00:00:00:01");
    h.from = Endpoint::parse("192.0.2.9:4000").value();
    h.to = Endpoint::parse("192.0.2.2:20000").value();
    Bytes frame(42);
    for (const char c : std::string("hello")) frame.push_back(static_cast<std::uint8_t>(c));
    write_udp_headers(h, frame.data() + 42, 5);
    Bytes host = udp_v4;
    store_be16(host.data() + 18, 0);  // a host numbers its datagrams, RFC 6864 says atomic ones need none
    CHECK(to_hex(frame) == to_hex(with_ip_checksum(host)));
}

TEST_CASE("a computed UDP checksum of zero is sent as ffff") {
    UdpHeaders h;
    h.from = Endpoint::parse("192.0.2.9:4000").value();
    h.to = Endpoint::parse("192.0.2.2:20000").value();
    Bytes frame(42 + 2);
    write_udp_headers(h, frame.data() + 42, 2);
    const std::uint16_t of_zeros = load_be16(frame.data() + 40);
    store_be16(frame.data() + 42, of_zeros);  // now the sum is all ones
    write_udp_headers(h, frame.data() + 42, 2);
    CHECK(load_be16(frame.data() + 40) == 0xffff);
}

TEST_CASE("where the device does the checksum, the field carries the pseudo-header's sum") {
    UdpHeaders h;
    h.from = Endpoint::parse("[2001:db8::9]:4000").value();
    h.to = Endpoint::parse("[2001:db8::2]:20000").value();
    h.udp_checksum_by_device = true;
    Bytes frame(62 + 3);
    write_udp_headers(h, frame.data() + 62, 3);
    Checksum pseudo;
    pseudo.add_pseudo_header(h.from.address, h.to.address, protocol_udp, 11);
    CHECK(load_be16(frame.data() + 60) == pseudo.folded());
}

TEST_CASE("the checksum of RFC 1071 section 3's example comes out, in any split into even parts") {
    const Bytes example = hex("0001 f203 f4f5 f6f7");
    CHECK(Checksum().add(example).folded() == 0xddf2);
    CHECK(Checksum().add({example.data(), 2}).add({example.data() + 2, 6}).folded() == 0xddf2);
}

TEST_CASE("a checksum that is carried over to new headers is the one that summing the payload anew gives") {
    for (const auto& whole : {udp_v4, udp_v6}) {
        const Frame frame = parse_frame(whole, rules());
        REQUIRE(frame.checksum_whole);
        UdpHeaders h;
        const bool v4 = frame.to.address.family == Family::v4;
        h.from = {ip(v4 ? "198.51.100.2" : "2001:db8:1::2"), 30000};
        h.to = {ip(v4 ? "198.51.100.77" : "2001:db8:1::77"), 40002};
        Bytes carried(128), anew(128);
        for (Bytes* out : {&carried, &anew}) {
            std::copy_n(&whole[frame.payload], frame.payload_length, out->begin() + 64);
            h.payload_sum = out == &carried ? payload_sum_of(frame, &whole[frame.payload]) : std::uint16_t{0};
            write_udp_headers(h, out->data() + 64, frame.payload_length);
        }
        CHECK(carried == anew);
        Bytes without = whole;
        without[frame.transport + 6u] = without[frame.transport + 7u] = 0;
        if (v4) CHECK(payload_sum_of(parse_frame(without, rules()), &without[frame.payload]) == 0);
        // Nothing is carried out of a field that nobody has looked at: it may be a pseudo-header's sum alone.
        FrameRules trusting = rules();
        trusting.udp_checksum = UdpChecksum::ignore;
        CHECK(payload_sum_of(parse_frame(whole, trusting), &whole[frame.payload]) == 0);
        trusting.udp_checksum = UdpChecksum::found_good;
        CHECK(payload_sum_of(parse_frame(whole, trusting), &whole[frame.payload]) != 0);
    }
}
