// Where media may be sent to as a description has it, and what we say of ourselves (SIPconnect 15, 16.3).
#pragma once

#include <optional>

#include "signaling/b2bua/sdp_bridge.h"

namespace sallyport::b2bua {

// Why nothing can be sent to where the stream says; a zero address is a hold, and nothing is.
std::optional<BridgeErrc> unusable_endpoint(const sdp::StreamView& view, const MediaProfile& profile);
// For the media plane: send nothing, RTCP neither (RFC 3264 8.4).
inline Endpoint nowhere(Family family) {
    constexpr std::uint16_t discard_port = 9;
    return {{.family = family == Family::v6 ? Family::v6 : Family::v4}, discard_port};
}
// RFC 7362 4: behind a NAT the source of the signalling is the best guess at where media comes from. The port is the
// media plane's to learn.
Endpoint reached(Endpoint said, const MediaProfile& profile);
// "a=rtcp" may name any address: one that would not do for RTP does not do for RTCP, which then goes where everybody
// assumes it (RFC 3605 2.1).
std::optional<Endpoint> rtcp_of(const sdp::StreamView& view, const MediaProfile& profile);
// SIPconnect 16.3: the address that the world knows the media plane by.
Endpoint advertised(Endpoint own, const MediaProfile& profile);

}  // namespace sallyport::b2bua
