#include "media-plane/dpdk/echo.h"

#include <algorithm>

#include "media-plane/dpdk/checksum.h"

namespace sallyport::media::dpdk {
namespace {

constexpr std::uint8_t icmp_echo_request = 8, icmp_echo_reply = 0;
constexpr std::uint8_t icmpv6_echo_request = 128, icmpv6_echo_reply = 129;
constexpr std::size_t icmp_header = 8;

Checksum sum_of(ByteView bytes, const Frame& frame) {
    Checksum sum;
    if (frame.kind == FrameKind::icmpv6)
        sum.add_pseudo_header(frame.from.address, frame.to.address, protocol_icmpv6, frame.payload_length);
    sum.add(bytes.subspan(frame.payload, frame.payload_length));
    return sum;
}

}  // namespace

bool is_echo_request(ByteView bytes, const Frame& frame) {
    const bool v4 = frame.kind == FrameKind::icmp;
    if (!v4 && frame.kind != FrameKind::icmpv6) return false;
    if (frame.payload_length < icmp_header || frame.link_to.is_group()) return false;
    // Options and extension headers would be reflected too.
    if (frame.transport != frame.network + (v4 ? ipv4_header : ipv6_header)) return false;
    const std::uint8_t* p = bytes.data() + frame.payload;
    if (p[0] != (v4 ? icmp_echo_request : icmpv6_echo_request) || p[1] != 0) return false;
    return sum_of(bytes, frame).correct();
}

void turn_into_echo_reply(ByteSpan bytes, const Frame& frame, const LinkAddress& ours) {
    const bool v4 = frame.kind == FrameKind::icmp;
    std::uint8_t* ip = bytes.data() + frame.network;
    std::copy(frame.link_from.bytes.begin(), frame.link_from.bytes.end(), bytes.data());
    std::copy(ours.bytes.begin(), ours.bytes.end(), bytes.data() + 6);
    if (v4) {
        std::swap_ranges(ip + 12, ip + 16, ip + 16);
        ip[8] = 64;
        store_be16(ip + 10, 0);
        store_be16(ip + 10, Checksum().add({ip, ipv4_header}).value());
    } else {
        std::swap_ranges(ip + 8, ip + 24, ip + 24);
        ip[7] = 64;
    }
    std::uint8_t* p = bytes.data() + frame.payload;
    p[0] = v4 ? icmp_echo_reply : icmpv6_echo_reply;
    store_be16(p + 2, 0);
    store_be16(p + 2, sum_of(bytes, frame).value());  // swapping source and destination leaves the sum as it is
}

}  // namespace sallyport::media::dpdk
