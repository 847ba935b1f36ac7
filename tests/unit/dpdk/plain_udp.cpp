// The ordinary frame's short way against frame.h: what it takes, it reads and writes as that does.
#include "media-plane/dpdk/plain_udp.h"

#include <catch2/catch.hpp>

#include "control/base/random.h"
#include "link_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using test::ip;
using test::mac;

namespace {

constexpr std::size_t headers = PlainUdp::headers;

FrameRules rules(UdpChecksum mode) {
    FrameRules r;
    r.link = test::ours;
    r.udp_checksum = mode;
    r.verify_ip_checksum = mode != UdpChecksum::ignore;
    return r;
}

Bytes frame_of(SeededRandom& random) {
    Bytes bytes(headers + random.below(200));
    for (std::size_t i = headers; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(random.below(256));
    UdpHeaders h;
    h.link_from = test::peer;
    h.link_to = test::ours;
    h.from = {ip("192.0.2.9"), static_cast<std::uint16_t>(1 + random.below(65'535))};
    h.to = {ip("192.0.2.2"), static_cast<std::uint16_t>(random.below(65'536))};
    h.udp_checksum_by_device = random.below(8) == 0;  // left half done, as kernels do
    write_udp_headers(h, &bytes[headers], static_cast<std::uint16_t>(bytes.size() - headers));
    if (random.below(8) == 0) store_be16(&bytes[40], 0);
    if (random.below(8) == 0) bytes.resize(bytes.size() + random.below(20));  // padded by the link
    return bytes;
}

}  // namespace

TEST_CASE("what is read as a plain frame is what parse_frame() finds in it, and what that refuses is not plain") {
    SeededRandom random(3);
    std::size_t plain_frames = 0;
    for (int i = 0; i < 200'000; ++i) {
        const auto mode = static_cast<UdpChecksum>(random.below(4));
        const PlainUdp plain(rules(mode), ip("192.0.2.2"), all_marked(46), 64);
        Bytes bytes = frame_of(random);
        for (std::uint32_t n = random.below(3); n > 0; --n) {
            const std::size_t at = random.below(static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 46)));
            bytes[at] = static_cast<std::uint8_t>(random.below(4) == 0 ? random.below(256)
                                                                       : bytes[at] ^ (1u << random.below(8)));
            if (random.below(2) != 0 || bytes.size() < 34) continue;
            store_be16(&bytes[24], 0);  // so that it is not always the checksum
            store_be16(&bytes[24], Checksum().add({&bytes[14], 20}).value());
        }
        if (random.below(20) == 0) bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())) + 1);
        const Frame frame = parse_frame(bytes, rules(mode));
        Packet packet;
        if (!plain.read(bytes.data(), bytes.size(), false, false, packet)) continue;
        ++plain_frames;
        REQUIRE(frame.kind == FrameKind::udp);
        CHECK(frame.from == packet.from);
        CHECK(frame.to == Endpoint{ip("192.0.2.2"), packet.local_port});
        CHECK(packet.data == &bytes[frame.payload]);
        CHECK(packet.length == frame.payload_length);
        CHECK(packet.payload_sum == payload_sum_of(frame, packet.data));
    }
    CHECK(plain_frames > 60'000);
}

TEST_CASE("a frame as hosts send it is plain; one of another kind, host or VLAN is not") {
    SeededRandom random(4);
    Bytes bytes(headers + 172);
    UdpHeaders h;
    h.link_from = test::peer;
    h.link_to = test::ours;
    h.from = {ip("192.0.2.9"), 4000};
    h.to = {ip("192.0.2.2"), 20'000};
    const auto reads = [&](const FrameRules& r, const char* own) {
        write_udp_headers(h, &bytes[headers], 172);
        Packet packet;
        return PlainUdp(r, ip(own), all_marked(46), 64).read(bytes.data(), bytes.size(), false, false, packet);
    };
    CHECK(reads(rules(UdpChecksum::verify), "192.0.2.2"));
    CHECK_FALSE(reads(rules(UdpChecksum::verify), "192.0.2.3"));
    CHECK_FALSE(reads(rules(UdpChecksum::verify), "2001:db8::2"));
    FrameRules narrow = rules(UdpChecksum::verify);
    narrow.mtu = ipv4_header + udp_header + 172;
    CHECK(reads(narrow, "192.0.2.2"));
    --narrow.mtu;
    CHECK_FALSE(reads(narrow, "192.0.2.2"));
    FrameRules tagged = rules(UdpChecksum::verify);
    tagged.vlan = 7;
    CHECK_FALSE(reads(tagged, "192.0.2.2"));
    h.from.address = ip("192.0.2.2");  // our own: what that means is not decided here
    CHECK_FALSE(reads(rules(UdpChecksum::verify), "192.0.2.2"));
}

TEST_CASE("the device's word stands for a checksum that would be summed here") {
    Bytes bytes(headers + 172, std::uint8_t{7});
    UdpHeaders h;
    h.link_to = test::ours;
    h.link_from = test::peer;
    h.from = {ip("192.0.2.9"), 4000};
    h.to = {ip("192.0.2.2"), 20'000};
    write_udp_headers(h, &bytes[headers], 172);
    bytes.back() ^= 1;
    const PlainUdp plain(rules(UdpChecksum::verify), ip("192.0.2.2"), all_marked(46), 64);
    Packet packet;
    CHECK_FALSE(plain.read(bytes.data(), bytes.size(), false, false, packet));
    CHECK(plain.read(bytes.data(), bytes.size(), false, true, packet));
    CHECK(packet.payload_sum != 0);
    bytes[24] ^= 1;
    CHECK_FALSE(plain.read(bytes.data(), bytes.size(), false, true, packet));
    CHECK(plain.read(bytes.data(), bytes.size(), true, true, packet));
}

TEST_CASE("plain headers are those that write_udp_headers() writes, with a sum that was carried and without") {
    SeededRandom random(5);
    for (int i = 0; i < 20'000; ++i) {
        const auto length = static_cast<std::uint16_t>(random.below(300));
        Marks marks;
        for (auto& dscp : marks) dscp = static_cast<std::uint8_t>(random.below(64));
        Bytes payload(length), plain_bytes(headers + length), bytes(headers + length);
        for (auto& octet : payload) octet = static_cast<std::uint8_t>(random.below(4) == 0 ? 0xff : random.below(256));
        std::copy(payload.begin(), payload.end(), plain_bytes.begin() + headers);
        std::copy(payload.begin(), payload.end(), bytes.begin() + headers);
        const auto any_v4 = [&] {
            return IpAddress::v4(
                static_cast<std::uint8_t>(random.below(256)), static_cast<std::uint8_t>(random.below(256)),
                static_cast<std::uint8_t>(random.below(256)), static_cast<std::uint8_t>(random.below(256)));
        };
        Packet packet;
        packet.data = &plain_bytes[headers];
        packet.length = length;
        packet.source = {any_v4(), static_cast<std::uint16_t>(random.below(65'536))};
        packet.to = {any_v4(), static_cast<std::uint16_t>(random.below(65'536))};
        packet.service = static_cast<Service>(random.below(service_count));
        if (random.below(2) == 0) packet.payload_sum = Checksum().add(payload).folded();
        const PlainUdp plain(rules(UdpChecksum::verify), packet.source.address, marks, 64);
        REQUIRE(plain.writes(packet.to));
        plain.write(packet, test::router);
        UdpHeaders h;
        h.link_from = test::ours;
        h.link_to = test::router;
        h.from = packet.source;
        h.to = packet.to;
        h.dscp = marks[static_cast<std::size_t>(packet.service)];
        write_udp_headers(h, &bytes[headers], length);
        REQUIRE(plain_bytes == bytes);
    }
}

TEST_CASE("a checksum that comes to zero is sent as all ones, RFC 768") {
    Bytes bytes(headers + 2);
    Packet packet;
    packet.data = &bytes[headers];
    packet.length = 2;
    packet.source = {ip("192.0.2.2"), 20'000};
    packet.to = {ip("192.0.2.9"), 4000};
    const PlainUdp plain(rules(UdpChecksum::verify), ip("192.0.2.2"), all_marked(46), 64);
    plain.write(packet, test::peer);
    bytes[headers] = bytes[40];  // what is missing to all ones
    bytes[headers + 1] = bytes[41];
    plain.write(packet, test::peer);
    CHECK(load_be16(&bytes[40]) == 0xffff);
}
