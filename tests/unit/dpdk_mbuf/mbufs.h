// DPDK's buffers for tests: a pool, frames in them, whole or cut.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "media-plane/dpdk/eal.h"
#include "media-plane/dpdk/mbuf_packet.h"

namespace sallyport::media::dpdk::test {

inline constexpr std::uint8_t past = 0xee;  // what lies behind a segment, and is none of the frame's
inline constexpr std::uint16_t rtp_bytes = 172;

inline const LinkAddress ours = LinkAddress::parse("02:00:00:00:00:01").value(),
                         peer = LinkAddress::parse("02:00:00:00:00:99").value();

// DPDK starts once in a process. `room`: of a buffer, behind its headroom.
inline rte_mempool* pool_of(std::uint16_t room) {
    static const auto eal = [] {
        DriverConfig config;
        config.cpus = {allowed_cpus().front()};
        config.hugepages = Hugepages::off;
        auto started = Eal::start(config, 64);
        REQUIRE(started.has_value());
        return std::move(*started);
    }();
    const std::string name = "mbufs" + std::to_string(room);
    if (rte_mempool* made = rte_mempool_lookup(name.c_str())) return made;
    rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), 63, 0, 0,
                                                static_cast<std::uint16_t>(RTE_PKTMBUF_HEADROOM + room), SOCKET_ID_ANY);
    REQUIRE(pool != nullptr);
    return pool;
}
inline unsigned in_use(std::uint16_t room) { return rte_mempool_in_use_count(pool_of(room)); }

inline UdpHeaders headers_of(const char* from, const char* to) {
    UdpHeaders h;
    h.link_from = peer;
    h.link_to = ours;
    h.from = {IpAddress::parse(from).value(), 4000};
    h.to = {IpAddress::parse(to).value(), 20'000};
    return h;
}

// As many octets as RTP of 160 has, with both checksums.
inline Bytes frame(const UdpHeaders& h) {
    const std::size_t headers = udp_headers_length(h.to.address.family, h.vlan);
    Bytes bytes(headers + rtp_bytes);
    for (std::size_t i = 0; i < rtp_bytes; ++i) bytes[headers + i] = static_cast<std::uint8_t>(i + 1);
    write_udp_headers(h, bytes.data() + headers, rtp_bytes);
    return bytes;
}
inline Bytes frame(const char* from, const char* to) { return frame(headers_of(from, to)); }

// The frame cut at these places, each part in a buffer of its own with `past` behind it.
inline rte_mbuf* chain(const Bytes& bytes, std::vector<std::size_t> cuts, std::uint16_t room = 2048) {
    rte_mbuf* first = nullptr;
    std::size_t at = 0;
    cuts.push_back(bytes.size());
    for (const std::size_t end : cuts) {
        rte_mbuf* segment = rte_pktmbuf_alloc(pool_of(room));
        REQUIRE(segment != nullptr);
        auto* data = rte_pktmbuf_mtod(segment, std::uint8_t*);
        std::memset(data, past, rte_pktmbuf_tailroom(segment));
        std::copy(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin() + static_cast<std::ptrdiff_t>(end),
                  data);
        segment->data_len = static_cast<std::uint16_t>(end - at);
        segment->pkt_len = segment->data_len;
        hops_of(segment) = 0;
        at = end;
        if (first)
            REQUIRE(rte_pktmbuf_chain(first, segment) == 0);
        else
            first = segment;
    }
    return first;
}

inline FrameRules rules(std::uint16_t vlan = 0) {
    FrameRules rules;
    rules.link = ours;
    rules.mtu = 1500;
    rules.vlan = vlan;
    return rules;
}

}  // namespace sallyport::media::dpdk::test
