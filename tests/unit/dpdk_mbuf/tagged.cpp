// Frames of a VLAN on the short way: the tag is off, or taken off, and they are as plain as others; what is sent has
// one.
#include "mbufs.h"
#include "media-plane/dpdk/plain_udp6.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;
using namespace sallyport::media::dpdk::test;

namespace {

constexpr std::uint16_t vlan = 100;

template <class Plain>
Plain plain_of(const char* own) {
    return {rules(), IpAddress::parse(own).value(), all_marked(46), limits::hop_limit};
}

// As a device that strips tags hands it over.
rte_mbuf* stripped(const Bytes& untagged, std::uint16_t tag) {
    rte_mbuf* mbuf = chain(untagged, {});
    mbuf->ol_flags = RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    mbuf->vlan_tci = tag;
    return mbuf;
}

template <class Plain>
void tagged_frames_are_plain(const char* from, const char* to) {
    const Plain plain = plain_of<Plain>(to);
    const UdpHeaders untagged = headers_of(from, to);
    UdpHeaders h = untagged;
    h.vlan = vlan;
    h.vlan_priority = 5;
    for (const bool by_device : {false, true}) {
        rte_mbuf* mbuf =
            by_device ? stripped(frame(untagged), static_cast<std::uint16_t>(5 << 13 | vlan)) : chain(frame(h), {});
        Packet packet;
        REQUIRE(take_tag_off(mbuf, vlan));
        REQUIRE(make_plain_packet<true>(mbuf, plain, 3, packet));
        CHECK(packet.from == h.from);
        CHECK(packet.local_port == h.to.port);
        CHECK(packet.length == rtp_bytes);
        CHECK(packet.port == 3);
        packet.source = h.to;
        packet.to = h.from;
        REQUIRE(write_plain_headers<true>(mbuf, packet, peer, plain, static_cast<std::uint16_t>(5 << 13 | vlan)));
        UdpHeaders sent = h;
        sent.link_from = ours;
        sent.link_to = peer;
        sent.from = packet.source;
        sent.to = packet.to;
        sent.dscp = 46;
        const Bytes expected = frame(sent);
        CHECK(mbuf->pkt_len == expected.size());
        CHECK(std::equal(expected.begin(), expected.end(), bytes_of(mbuf).begin(), bytes_of(mbuf).end()));
        rte_pktmbuf_free(mbuf);
    }
}

// What becomes of a frame on a port of that VLAN: the short way, else what the long one says.
Drop received(rte_mbuf* mbuf, std::uint16_t of_port) {
    Packet packet;
    const auto plain_v4 = plain_of<PlainUdp>("192.0.2.2");
    const bool plain = of_port == 0 ? make_plain_packet<false>(mbuf, plain_v4, 0, packet)
                                    : take_tag_off(mbuf, of_port) && make_plain_packet<true>(mbuf, plain_v4, 0, packet);
    const Frame parsed = plain ? Frame{} : parse_mbuf(mbuf, rules(of_port));
    rte_pktmbuf_free(mbuf);
    return parsed.drop;
}

}  // namespace

TEST_CASE("a frame of the port's VLAN takes the short way, and leaves with a tag and its priority") {
    tagged_frames_are_plain<PlainUdp>("192.0.2.9", "192.0.2.2");
    tagged_frames_are_plain<PlainUdp6>("2001:db8::9", "2001:db8::2");
    CHECK(in_use(2048) == 0);
}

TEST_CASE("a frame of another VLAN, of none, or of two, is not the port's, whoever takes the tag off") {
    UdpHeaders h = headers_of("192.0.2.9", "192.0.2.2");
    const Bytes untagged = frame(h);
    h.vlan = vlan;
    const Bytes tagged = frame(h);
    CHECK(received(chain(untagged, {}), 0) == Drop::none);
    CHECK(received(chain(tagged, {}), vlan) == Drop::none);
    CHECK(received(stripped(untagged, vlan), vlan) == Drop::none);
    CHECK(received(stripped(untagged, 5 << 13), 0) == Drop::none);  // a priority and no VLAN
    CHECK(received(chain(untagged, {}), vlan) == Drop::not_for_us);
    CHECK(received(chain(tagged, {}), vlan + 1) == Drop::not_for_us);
    CHECK(received(chain(tagged, {}), 0) == Drop::not_for_us);
    CHECK(received(stripped(untagged, vlan), vlan + 1) == Drop::not_for_us);
    CHECK(received(stripped(untagged, vlan), 0) == Drop::not_for_us);
    CHECK(received(stripped(tagged, vlan), vlan) == Drop::not_ip);
    CHECK(received(stripped(tagged, vlan + 1), vlan) != Drop::none);
    Bytes twice = tagged;
    twice.insert(twice.begin() + 12, tagged.begin() + 12, tagged.begin() + 16);
    CHECK(received(chain(twice, {}), vlan) == Drop::not_ip);
    for (std::size_t size = 0; size < 18; ++size)  // no tag is looked for where none has room
        CHECK(received(chain(Bytes(tagged.begin(), tagged.begin() + static_cast<std::ptrdiff_t>(size)), {}), vlan) !=
              Drop::none);
    CHECK(in_use(2048) == 0);
}
