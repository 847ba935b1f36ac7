// What the media plane has to know of what both parties have described: a leg for each stream and side.
#include <array>

#include "signaling/b2bua/media_endpoint.h"
#include "signaling/b2bua/sdp_bridge.h"

namespace sallyport::b2bua {
namespace {

bool sends(sdp::Direction d) { return d == sdp::Direction::sendrecv || d == sdp::Direction::sendonly; }
bool receives(sdp::Direction d) { return d == sdp::Direction::sendrecv || d == sdp::Direction::recvonly; }

using Views = std::vector<sdp::StreamView>;

template <class Description>
Views views_of(const Description& description) {
    Views out;
    if (!description) return out;
    out.reserve(description->media.size());
    for (std::size_t i = 0; i < description->media.size(); ++i) out.push_back(sdp::view_stream(*description, i));
    return out;
}

}  // namespace

std::vector<MediaLeg> SdpBridge::media_legs() const {
    std::vector<MediaLeg> legs;
    const std::array heard{views_of(at(Side::a).heard), views_of(at(Side::b).heard)};
    for (const Side s : {Side::a, Side::b}) {
        const SideState& side = at(s);
        const SideState& far = at(other(s));
        const Views told = views_of(side.told);
        const Views& far_heard = heard[static_cast<std::size_t>(other(s))];
        for (std::uint32_t i = 0; i < heard[static_cast<std::size_t>(s)].size(); ++i) {
            const auto& view = heard[static_cast<std::size_t>(s)][i];
            MediaLeg leg{.stream = i, .side = s};
            const bool far_refused = i < far.refused.size() && far.refused[i];
            leg.disabled = view.rejected || side.refused[i] || far_refused || !(view.rtp || view.t38);
            if (!leg.disabled) {
                if (view.zero_address) {
                    leg.remote = nowhere(side.profile.family);
                } else {
                    if (view.rtp_endpoint) leg.remote = reached(*view.rtp_endpoint, side.profile);
                    leg.remote_rtcp = rtcp_of(view, side.profile);
                }
                leg.udptl = view.t38;
                leg.direction = view.direction;
                leg.latch_any_address = side.profile.latch_any_address;
                leg.reports = !view.no_rtcp;
                // An offer names more than is agreed upon, and perhaps another clock first.
                leg.video = view.media == "video";
                leg.pace.emplace();
                if (i < told.size()) {
                    leg.pace = sdp::pace_of(view, side.heard->media[i], told[i], side.told->media[i]);
                    if (const auto codec = sdp::spoken_codec(view, told[i])) {
                        leg.clock_rate = codec->clock_rate;
                        leg.codec = codec->name;
                    }
                }
                const auto& keys = side.keys[i];
                if (!side.profile.srtp)
                    leg.keys = MediaKeys{};
                else if (keys.ours && keys.theirs)
                    leg.keys = MediaKeys{.suite = keys.theirs->suite,
                                         .receive = keys.theirs->key,
                                         .send = keys.ours->key,
                                         .used = {},
                                         .receive_mki = sdp::mki_of(*keys.theirs),
                                         .receive_lifetime = sdp::lifetime_of(*keys.theirs)};
                if (i < told.size() && i < far_heard.size()) {
                    leg.payload_map = sdp::payload_map(told[i], far_heard[i]);
                    leg.telephone_events = sdp::telephone_events(told[i], far_heard[i]);
                }
            }
            legs.push_back(std::move(leg));
        }
    }
    return legs;
}

bool SdpBridge::expects_media(Side from, std::uint32_t stream) const {
    const SideState& sender = at(from);
    const SideState& receiver = at(other(from));
    if (!sender.heard || !receiver.heard) return false;
    if (stream >= sender.heard->media.size() || stream >= receiver.heard->media.size()) return false;
    const auto sending = sdp::view_stream(*sender.heard, stream), receiving = sdp::view_stream(*receiver.heard, stream);
    return !sending.rejected && !receiving.rejected && sends(sending.direction) && receives(receiving.direction);
}

}  // namespace sallyport::b2bua
