// Frames that a device hands over in several buffers, as it does where one is too small or headers are split off
// (reliability 18): joined or refused, never read past the end of the first.
#include "mbufs.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using namespace sallyport::media::dpdk::test;

TEST_CASE("a frame in two buffers is the frame in one, wherever it is cut [reliability 18]") {
    for (const Bytes& bytes : {frame("192.0.2.9", "192.0.2.2"), frame("2001:db8::9", "2001:db8::2")}) {
        const Frame whole = parse_frame(bytes, rules());
        REQUIRE(whole.kind == FrameKind::udp);
        for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
            rte_mbuf* mbuf = chain(bytes, {cut});
            REQUIRE(mbuf->nb_segs == 2);
            const Frame joined = parse_mbuf(mbuf, rules());
            CHECK(joined.kind == FrameKind::udp);
            CHECK(joined.from == whole.from);
            CHECK(joined.payload == whole.payload);
            CHECK(joined.payload_length == whole.payload_length);
            CHECK(mbuf->nb_segs == 1);
            Packet packet;
            REQUIRE(make_packet(mbuf, joined, 0, packet));
            CHECK(std::equal(packet.data, packet.data + packet.length, bytes.end() - 172, bytes.end()));
            rte_pktmbuf_free(mbuf);
        }
    }
    CHECK(in_use(2048) == 0);
}

TEST_CASE("many small buffers are joined, and the short way takes none of them [reliability 18]") {
    const Bytes bytes = frame("192.0.2.9", "192.0.2.2");
    const PlainUdp plain(rules(), IpAddress::parse("192.0.2.2").value(), Marks{}, limits::hop_limit);
    Packet packet;
    rte_mbuf* whole = chain(bytes, {});
    CHECK(make_plain_packet<false>(whole, plain, 0, packet));
    rte_pktmbuf_free(whole);
    std::vector<std::size_t> cuts;
    for (std::size_t cut = 7; cut < bytes.size(); cut += 7) cuts.push_back(cut);
    rte_mbuf* mbuf = chain(bytes, cuts);
    CHECK_FALSE(make_plain_packet<false>(mbuf, plain, 0, packet));
    CHECK(parse_mbuf(mbuf, rules()).kind == FrameKind::udp);
    rte_pktmbuf_free(mbuf);
    // The headers in one buffer say more than the others bring.
    Bytes cut_short(bytes.begin(), bytes.end() - 20);
    mbuf = chain(cut_short, {ethernet_header + ipv4_header + udp_header});
    CHECK_FALSE(make_plain_packet<false>(mbuf, plain, 0, packet));
    CHECK(parse_mbuf(mbuf, rules()).drop == Drop::truncated);
    rte_pktmbuf_free(mbuf);
    CHECK(in_use(2048) == 0);
}

TEST_CASE("what the first buffer has no room for is refused with a reason, and no buffer is lost [reliability 18]") {
    constexpr std::uint16_t small = 128;
    const Bytes bytes = frame("192.0.2.9", "192.0.2.2");
    rte_mbuf* mbuf = chain(bytes, {100, 200}, small);
    const Frame refused = parse_mbuf(mbuf, rules());
    CHECK(refused.kind == FrameKind::none);
    CHECK(refused.drop == Drop::too_big);
    rte_pktmbuf_free(mbuf);
    CHECK(in_use(small) == 0);
}
