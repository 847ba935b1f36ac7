#include "signaling/b2bua/media_endpoint.h"

#include "control/base/private_address.h"

namespace sallyport::b2bua {
namespace {

bool is_sound(const IpAddress& address, const MediaProfile& profile) {
    if (address.is_multicast() || address.is_unspecified() || address.is_link_local()) return false;
    if (is_v4_mapped(address)) return false;
    return !address.is_loopback() || profile.loopback;
}

std::optional<BridgeErrc> unusable(const IpAddress& address, const MediaProfile& profile) {
    if (!is_sound(address, profile)) return BridgeErrc::bad_address;
    if (profile.family != Family::none && address.family != profile.family) return BridgeErrc::wrong_family;
    if (profile.no_private && is_private(address)) return BridgeErrc::private_address;
    return std::nullopt;
}

}  // namespace

std::optional<BridgeErrc> unusable_endpoint(const sdp::StreamView& view, const MediaProfile& profile) {
    if (view.zero_address) return std::nullopt;
    if (!view.rtp_endpoint) return BridgeErrc::bad_address;
    return unusable(view.rtp_endpoint->address, profile);
}

Endpoint reached(Endpoint said, const MediaProfile& profile) {
    if (!profile.stand_in.empty() && hides_behind_nat(said.address, profile.stand_in)) said.address = profile.stand_in;
    return said;
}

std::optional<Endpoint> rtcp_of(const sdp::StreamView& view, const MediaProfile& profile) {
    if (!view.rtcp_endpoint) return std::nullopt;
    if (!unusable(view.rtcp_endpoint->address, profile)) return reached(*view.rtcp_endpoint, profile);
    if (!view.rtp_endpoint || view.rtp_endpoint->port == 65'535) return std::nullopt;
    return reached({view.rtp_endpoint->address, static_cast<std::uint16_t>(view.rtp_endpoint->port + 1)}, profile);
}

Endpoint advertised(Endpoint own, const MediaProfile& profile) {
    for (const auto& address : profile.advertised)
        if (address.family == own.address.family) own.address = address;
    return own;
}

}  // namespace sallyport::b2bua
