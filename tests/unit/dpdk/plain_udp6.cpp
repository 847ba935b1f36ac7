// The short way of IPv6 against frame.h: what it takes, it reads and writes as that does.
#include "media-plane/dpdk/plain_udp6.h"

#include <catch2/catch.hpp>

#include "control/base/random.h"
#include "link_bench.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using test::ip;

namespace {

constexpr std::size_t headers = PlainUdp6::headers;
const IpAddress own = ip("2001:db8::2");

FrameRules rules(UdpChecksum mode) {
    FrameRules r;
    r.link = test::ours;
    r.udp_checksum = mode;
    return r;
}
PlainUdp6 plain_of(const FrameRules& of, const IpAddress& address = own) { return {of, address, all_marked(46), 64}; }

UdpHeaders headers_from(std::uint16_t port) {
    UdpHeaders h;
    h.link_from = test::peer;
    h.link_to = test::ours;
    h.from = {ip("2001:db8::9"), port};
    h.to = {own, 20'000};
    return h;
}

Bytes frame_of(SeededRandom& random) {
    Bytes bytes(headers + random.below(200));
    for (std::size_t i = headers; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(random.below(256));
    UdpHeaders h = headers_from(static_cast<std::uint16_t>(1 + random.below(65'535)));
    h.to.port = static_cast<std::uint16_t>(random.below(65'536));
    if (random.below(16) == 0) h.from.address = ip("::1");
    h.udp_checksum_by_device = random.below(8) == 0;  // left half done, as kernels do
    write_udp_headers(h, &bytes[headers], static_cast<std::uint16_t>(bytes.size() - headers));
    if (random.below(8) == 0) store_be16(&bytes[60], 0);
    if (random.below(8) == 0) bytes.resize(bytes.size() + random.below(20));  // padded by the link
    return bytes;
}

}  // namespace

TEST_CASE("what is read as a plain IPv6 frame is what parse_frame() finds in it, and what that refuses is not plain") {
    SeededRandom random(3);
    std::size_t plain_frames = 0;
    for (int i = 0; i < 200'000; ++i) {
        const auto mode = static_cast<UdpChecksum>(random.below(4));
        Bytes bytes = frame_of(random);
        for (std::uint32_t n = random.below(3); n > 0; --n) {
            const std::size_t at = random.below(static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), 66)));
            bytes[at] = static_cast<std::uint8_t>(random.below(4) == 0 ? random.below(256)
                                                                       : bytes[at] ^ (1u << random.below(8)));
        }
        if (random.below(20) == 0) bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())) + 1);
        const bool good = random.below(4) == 0;
        FrameRules as_seen = rules(mode);
        if (good && mode != UdpChecksum::ignore) as_seen.udp_checksum = UdpChecksum::found_good;
        const Frame frame = parse_frame(bytes, as_seen);
        Packet packet;
        if (!plain_of(rules(mode)).read(bytes.data(), bytes.size(), false, good, packet)) continue;
        ++plain_frames;
        REQUIRE(frame.kind == FrameKind::udp);
        CHECK(frame.from == packet.from);
        CHECK(frame.to == Endpoint{own, packet.local_port});
        CHECK(packet.data == &bytes[frame.payload]);
        CHECK(packet.length == frame.payload_length);
        CHECK(packet.payload_sum == payload_sum_of(frame, packet.data));
    }
    CHECK(plain_frames > 60'000);
}

TEST_CASE("an IPv6 frame as hosts send it is plain; one of another kind, host or VLAN is not") {
    Bytes bytes(headers + 172);
    UdpHeaders h = headers_from(4000);
    const auto reads = [&](const FrameRules& r, const char* address) {
        write_udp_headers(h, &bytes[headers], 172);
        Packet packet;
        return plain_of(r, ip(address)).read(bytes.data(), bytes.size(), false, false, packet);
    };
    const FrameRules plain = rules(UdpChecksum::verify);
    CHECK(reads(plain, "2001:db8::2"));
    CHECK_FALSE(reads(plain, "2001:db8::3"));
    CHECK_FALSE(reads(plain, "192.0.2.2"));
    FrameRules narrow = plain, tagged = plain;
    narrow.mtu = ipv6_header + udp_header + 172;
    CHECK(reads(narrow, "2001:db8::2"));
    --narrow.mtu;
    CHECK_FALSE(reads(narrow, "2001:db8::2"));
    tagged.vlan = 7;
    CHECK_FALSE(reads(tagged, "2001:db8::2"));
    for (const char* no_sender : {"::", "::1", "ff02::1", "2001:db8::2"}) {
        h.from.address = ip(no_sender);
        CHECK_FALSE(reads(plain, "2001:db8::2"));
    }
}

TEST_CASE("plain IPv6 headers are those that write_udp_headers() writes, with a sum that was carried and without") {
    SeededRandom random(5);
    for (int i = 0; i < 20'000; ++i) {
        const auto length = static_cast<std::uint16_t>(random.below(300));
        Marks marks;
        for (auto& dscp : marks) dscp = static_cast<std::uint8_t>(random.below(64));
        Bytes plain_bytes(headers + length), bytes(headers + length);
        for (std::size_t at = headers; at < bytes.size(); ++at)
            plain_bytes[at] = bytes[at] = static_cast<std::uint8_t>(random.below(4) == 0 ? 0xff : random.below(256));
        const auto any = [&] {
            IpAddress address{Family::v6, {}};
            for (auto& octet : address.bytes) octet = static_cast<std::uint8_t>(random.below(256));
            return Endpoint{address, static_cast<std::uint16_t>(random.below(65'536))};
        };
        Packet packet;
        packet.data = &plain_bytes[headers];
        packet.length = length;
        packet.source = any();
        packet.to = any();
        packet.service = static_cast<Service>(random.below(service_count));
        UdpHeaders h;
        h.link_from = test::ours;
        h.link_to = test::peer;
        h.from = packet.source;
        h.to = packet.to;
        h.dscp = marks[static_cast<std::size_t>(packet.service)];
        h.hop_limit = 64;
        if (random.below(2) == 0) {  // as it came with the packet
            Checksum sum;
            h.payload_sum = packet.payload_sum = sum.add({packet.data, length}).folded();
        }
        const PlainUdp6 plain(rules(UdpChecksum::verify), own, marks, 64);
        REQUIRE(plain.writes(packet.to));
        plain.write(packet, test::peer);
        write_udp_headers(h, &bytes[headers], length);
        REQUIRE(plain_bytes == bytes);
    }
    CHECK_FALSE(plain_of(rules(UdpChecksum::verify)).writes({ip("192.0.2.9"), 4000}));
}
