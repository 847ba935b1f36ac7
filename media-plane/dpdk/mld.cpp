#include "media-plane/dpdk/mld.h"

#include <algorithm>
#include <array>

#include "media-plane/dpdk/checksum.h"

namespace sallyport::media::dpdk {
namespace {

constexpr std::uint8_t query_type = 130, report_type_v1 = 131, report_type_v2 = 143;
constexpr std::size_t query_bytes_v1 = 24, query_bytes_v2 = 28;
constexpr std::uint8_t mode_is_exclude = 2, change_to_exclude_mode = 4;
// Hop-by-hop options before ICMPv6: router alert for MLD (RFC 2711), and padding.
constexpr std::array<std::uint8_t, hop_by_hop_header> router_alert{protocol_icmpv6, 0, 5, 2, 0, 0, 1, 0};

IpAddress all_mld2_routers() {  // ff02::16
    IpAddress group{Family::v6, {0xff, 0x02}};
    group.bytes[15] = 0x16;
    return group;
}

// RFC 3810 5.1.3: milliseconds, above 32767 with an exponent.
Duration response_delay(std::uint16_t code, bool first_version) {
    const std::uint32_t value = code;
    if (first_version || value < 0x8000) return std::chrono::milliseconds{value};
    return std::chrono::milliseconds{((value & 0x0fff) | 0x1000) << (((value >> 12) & 7) + 3)};
}

}  // namespace

std::optional<MldQuery> parse_mld_query(ByteView bytes, const Frame& frame) {
    if (frame.kind != FrameKind::icmpv6 || !frame.router_alert || frame.hop_limit != 1) return std::nullopt;
    if (!frame.from.address.is_link_local() || !frame.to.address.is_multicast()) return std::nullopt;
    const ByteView segment = bytes.subspan(frame.payload, frame.payload_length);
    if (segment.size() < query_bytes_v1 || segment[0] != query_type) return std::nullopt;
    if (segment.size() > query_bytes_v1 && segment.size() < query_bytes_v2) return std::nullopt;
    Checksum sum;
    sum.add_pseudo_header(frame.from.address, frame.to.address, protocol_icmpv6, frame.payload_length);
    if (!sum.add(segment).correct()) return std::nullopt;
    MldQuery query;
    query.first_version = segment.size() == query_bytes_v1;
    query.response_within = response_delay(load_be16(segment.data() + 4), query.first_version);
    query.group.family = Family::v6;
    std::copy_n(segment.data() + 8, 16, query.group.bytes.begin());
    if (!query.group.is_unspecified() && !query.group.is_multicast()) return std::nullopt;
    return query;
}

void write_mld_report(SmallFrame& out, const LinkAddress& link_from, std::uint16_t vlan, const IpAddress& from,
                      const IpAddress& group, MldReport kind) {
    const bool v1 = kind == MldReport::first_version;
    const IpAddress to = v1 ? group : all_mld2_routers();
    const std::uint16_t length = v1 ? 24 : 28;  // v2: one record, no sources
    std::uint8_t* p = out.bytes.data();
    p += write_ethernet(p, LinkAddress::of_multicast(to), link_from, vlan, ethertype_ipv6);
    p += write_ipv6(p, from, to, protocol_hop_by_hop, static_cast<std::uint16_t>(router_alert.size() + length), 1, 0);
    p = std::copy(router_alert.begin(), router_alert.end(), p);
    std::fill_n(p, length, std::uint8_t{0});
    p[0] = v1 ? report_type_v1 : report_type_v2;
    if (!v1) {
        p[7] = 1;  // records
        p[8] = kind == MldReport::joined ? change_to_exclude_mode : mode_is_exclude;
    }
    std::copy(group.bytes.begin(), group.bytes.end(), p + (v1 ? 8 : 12));
    Checksum sum;
    sum.add_pseudo_header(from, to, protocol_icmpv6, length);
    store_be16(p + 2, sum.add({p, length}).value());
    out.length = static_cast<std::size_t>(p + length - out.bytes.data());
}

}  // namespace sallyport::media::dpdk
