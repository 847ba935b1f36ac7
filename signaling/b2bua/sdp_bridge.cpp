#include "signaling/b2bua/sdp_bridge.h"

#include <algorithm>
#include <utility>

#include "control/base/check.h"
#include "control/base/private_address.h"
#include "signaling/b2bua/srtp_keys.h"

namespace sallyport::b2bua {
namespace {

using sdp::SessionDescription;

bool same_content(const SessionDescription& a, const SessionDescription& b) {
    SessionDescription x = a;
    x.origin = b.origin;
    return x == b;
}

bool is_sound(const IpAddress& address, const MediaProfile& profile) {
    if (address.is_multicast() || address.is_unspecified() || address.is_link_local()) return false;
    if (is_v4_mapped(address)) return false;
    return !address.is_loopback() || profile.loopback;
}
bool is_of_family(const IpAddress& address, const MediaProfile& profile) {
    return profile.family == Family::none || address.family == profile.family;
}

// RFC 7362 4: behind a NAT the source of the signalling is the best guess at where media comes from. The port is the
// media plane's to learn.
Endpoint reached(Endpoint said, const MediaProfile& profile) {
    if (!profile.stand_in.empty() && hides_behind_nat(said.address, profile.stand_in)) said.address = profile.stand_in;
    return said;
}

// SIPconnect 16.3: the address that the world knows the media plane by.
Endpoint advertised(Endpoint own, const MediaProfile& profile) {
    for (const auto& address : profile.advertised)
        if (address.family == own.address.family) own.address = address;
    return own;
}

std::optional<BridgeErrc> bad_endpoint(const sdp::StreamView& view, const MediaProfile& profile) {
    if (view.zero_address) return std::nullopt;
    if (!view.rtp_endpoint || !is_sound(view.rtp_endpoint->address, profile)) return BridgeErrc::bad_address;
    if (!is_of_family(view.rtp_endpoint->address, profile)) return BridgeErrc::wrong_family;
    if (profile.no_private && is_private(view.rtp_endpoint->address)) return BridgeErrc::private_address;
    return std::nullopt;
}

// "a=rtcp" may name any address: one that would not do for RTP does not do for RTCP, which then goes where everybody
// assumes it (RFC 3605 2.1).
std::optional<Endpoint> rtcp_of(const sdp::StreamView& view, const MediaProfile& profile) {
    if (!view.rtcp_endpoint) return std::nullopt;
    const IpAddress& address = view.rtcp_endpoint->address;
    const bool usable =
        is_sound(address, profile) && is_of_family(address, profile) && !(profile.no_private && is_private(address));
    if (usable) return reached(*view.rtcp_endpoint, profile);
    if (!view.rtp_endpoint || view.rtp_endpoint->port == 65'535) return std::nullopt;
    return reached({view.rtp_endpoint->address, static_cast<std::uint16_t>(view.rtp_endpoint->port + 1)}, profile);
}

std::optional<BridgeErrc> not_allowed(const sdp::StreamView& view, const MediaProfile& profile) {
    if (profile.srtp && !view.secure) return BridgeErrc::srtp_required;
    if (!profile.srtp && view.secure) return BridgeErrc::srtp_not_allowed;
    return bad_endpoint(view, profile);
}

const MediaLocal* port_of(const std::vector<MediaLocal>& ports, std::uint32_t stream, Side side) {
    const auto found = std::find_if(ports.begin(), ports.end(),
                                    [&](const MediaLocal& p) { return p.stream == stream && p.side == side; });
    return found == ports.end() ? nullptr : &*found;
}

BridgeResult<SessionDescription> read(std::string_view text) {
    auto parsed = sdp::parse(text);
    if (!parsed.has_value() || parsed->media.size() > sdp::limits::media) return BridgeErrc::not_sdp;
    return std::move(*parsed);
}

bool speaks(const SessionDescription& description, std::size_t i) {
    const auto view = sdp::view_stream(description, i);
    return view.rtp && !view.rejected;
}

void keep_spoken(SdpBridge::SideState& side, const SessionDescription& next) {
    if (!side.told) return;
    for (std::size_t i = 0; i < side.told->media.size() && i < next.media.size(); ++i) {
        if (speaks(next, i) || !speaks(*side.told, i)) continue;
        side.spoken.resize(std::max(side.spoken.size(), i + 1));
        auto& media = side.spoken[i].emplace(side.told->media[i]);
        std::erase_if(media.attributes, [](const auto& attribute) { return attribute.name == "crypto"; });
    }
}

// What an offer of so many slots has to agree with.
std::optional<SessionDescription> remembered(const SdpBridge::SideState& side, std::size_t slots) {
    if (!side.told) return std::nullopt;
    std::optional<SessionDescription> out = *side.told;
    for (std::size_t i = 0; i < std::min({side.spoken.size(), out->media.size(), slots}); ++i)
        if (side.spoken[i] && !speaks(*out, i)) out->media[i] = *side.spoken[i];
    return out;
}

// What goes out is also what is remembered: a description that can be written and read.
std::string say(SdpBridge::SideState& side, SessionDescription description) {
    if (description.connection) {
        description.origin.address = description.connection->host;
        description.origin.family = description.connection->family;
    }
    keep_spoken(side, description);
    side.told = description;
    return side.origin.stamp(std::move(description));
}

// Of what one party says to the other: what the one wants to be sent, or else what the other one is to send.
sdp::LegProfile leg_profile(const MediaProfile& hears, const MediaProfile& says) {
    return {hears.srtp, hears.codecs, says.hold,
            says.packet_milliseconds != 0 ? says.packet_milliseconds : hears.packet_milliseconds};
}

std::size_t slots_of(const SdpBridge::SideState& side) {
    return std::max(side.heard ? side.heard->media.size() : 0, side.told ? side.told->media.size() : 0);
}

// Every stream is over.
bool all_closed(const SessionDescription& description) {
    return !description.media.empty() && std::all_of(description.media.begin(), description.media.end(),
                                                     [](const auto& media) { return media.port == 0; });
}

// What the party was told, with every stream ended; payload types keep their meanings for the time after.
std::optional<SessionDescription> closed(const SdpBridge::SideState& side, const SessionDescription& slots) {
    if (!all_closed(slots) || !side.told || side.told->media.size() != slots.media.size()) return std::nullopt;
    SessionDescription out = *side.told;
    for (auto& media : out.media) {
        media.port = 0;
        std::erase_if(media.attributes, [](const auto& attribute) { return attribute.name == "crypto"; });
    }
    return out;
}

bool sends(sdp::Direction d) { return d == sdp::Direction::sendrecv || d == sdp::Direction::sendonly; }
bool receives(sdp::Direction d) { return d == sdp::Direction::sendrecv || d == sdp::Direction::recvonly; }

}  // namespace

std::string_view to_string(BridgeErrc e) {
    switch (e) {
        case BridgeErrc::not_sdp: return "the body is no session description";
        case BridgeErrc::srtp_required: return "this leg takes SRTP only";
        case BridgeErrc::srtp_not_allowed: return "this leg takes plain RTP only";
        case BridgeErrc::no_usable_key: return "no usable crypto line";
        case BridgeErrc::bad_address: return "a media address that cannot be used";
        case BridgeErrc::wrong_family: return "a media address of the other IP version";
        case BridgeErrc::private_address: return "a private media address from behind a NAT, with NAT mode off";
        case BridgeErrc::nothing_in_common: return "no stream or codec in common";
        case BridgeErrc::wrong_answer: return "the answer does not fit the offer";
        case BridgeErrc::too_few_streams: return "an m-line of the session is missing";
        case BridgeErrc::no_port: return "no media port for a stream";
    }
    SALLYPORT_CHECK(false);
}

std::string warning_of(BridgeErrc e) {
    const char* code = "399";  // miscellaneous
    switch (e) {
        case BridgeErrc::wrong_family: code = "301"; break;  // incompatible network address formats
        case BridgeErrc::srtp_required:
        case BridgeErrc::srtp_not_allowed: code = "302"; break;   // incompatible transport protocol
        case BridgeErrc::nothing_in_common: code = "305"; break;  // incompatible media format
        case BridgeErrc::not_sdp:
        case BridgeErrc::no_usable_key:
        case BridgeErrc::bad_address:
        case BridgeErrc::private_address:
        case BridgeErrc::wrong_answer:
        case BridgeErrc::too_few_streams:
        case BridgeErrc::no_port: break;
    }
    return std::string(code) + " sallyport \"" + std::string(to_string(e)) + "\"";
}

BridgeResult<void> SdpBridge::hear_offer(Side from, std::string_view sdp) {
    auto offer = read(sdp);
    if (!offer.has_value()) return offer.error();
    SideState& side = at(from);
    // RFC 3264 8: a stream that is over keeps its m-line. A description without it could be lined up with nothing.
    if (offer->media.size() < slots_of(side)) return BridgeErrc::too_few_streams;
    std::vector<bool> refused(offer->media.size(), true);
    std::vector<Keys> keys(offer->media.size());
    BridgeErrc why = BridgeErrc::nothing_in_common;
    bool usable = false;
    for (std::size_t i = 0; i < offer->media.size(); ++i) {
        const auto view = sdp::view_stream(*offer, i);
        if (!view.rtp && !view.t38) continue;
        if (view.rejected) {
            refused[i] = false;  // it stays as it is, in its slot
            continue;
        }
        const auto& theirs = at(other(from)).profile;
        if (view.t38 && (theirs.srtp || !theirs.fax || !side.profile.fax)) continue;  // not in the clear, or not at all
        if (const auto reason = not_allowed(view, side.profile)) {
            why = *reason;
            continue;
        }
        if (view.secure) {
            keys[i].theirs = choose_offered_key(view.crypto);
            if (!keys[i].theirs) {
                why = BridgeErrc::no_usable_key;
                continue;
            }
        }
        // A party that keeps its key is answered with the one it knows; a new key gets a new one.
        const bool known = i < side.keys.size() && side.keys[i].theirs && keys[i].theirs &&
                           side.keys[i].theirs->key == keys[i].theirs->key;
        if (known) keys[i].ours = side.keys[i].ours;
        refused[i] = false;
        usable = true;
    }
    // RFC 3264 8.2: later on, every stream may be ended and the session go on without one. A call is not begun so.
    if (!usable && !(all_closed(*offer) && offer->media.size() == slots_of(side))) return why;
    side.changed = !side.heard || !same_content(*side.heard, *offer);
    side.heard = std::move(*offer);
    side.refused = std::move(refused);
    side.keys = std::move(keys);
    return {};
}

BridgeResult<std::string> SdpBridge::speak_offer(Side to, const std::vector<MediaLocal>& ports, RandomSource& random) {
    const SideState& source = at(other(to));
    SideState& side = at(to);
    SALLYPORT_CHECK(source.heard.has_value());
    if (auto over = closed(side, *source.heard)) return say(side, std::move(*over));
    std::vector<sdp::StreamAnchor> anchors(source.heard->media.size());
    side.keys.resize(std::max(side.keys.size(), anchors.size()));
    for (std::uint32_t i = 0; i < anchors.size(); ++i) {
        anchors[i].refuse = source.refused[i] || (!side.profile.fax && sdp::view_stream(*source.heard, i).t38);
        const auto* port = port_of(ports, i, to);
        if (port == nullptr) {
            if (!anchors[i].refuse) return BridgeErrc::no_port;
            continue;
        }
        anchors[i].rtp = advertised(port->rtp, side.profile);
        anchors[i].rtcp = advertised(port->rtcp, side.profile);
        if (!side.profile.srtp) continue;
        // A new offer has a new key (SIPconnect 14.4); a repeated one is the same offer, down to its version. It always
        // has the suite that everybody has, whatever was answered before.
        auto& ours = side.keys[i].ours;
        if (source.changed || !ours || ours->suite != default_suite) ours = make_key(1, default_suite, random);
        anchors[i].crypto = *ours;
    }
    // RFC 3264 8: what this party was told before keeps its slots and its payload types' meanings.
    const auto before = remembered(side, anchors.size());
    auto description = sdp::anchor(*source.heard, nullptr, anchors, leg_profile(side.profile, source.profile),
                                   before ? &*before : nullptr);
    if (!description.has_value()) return BridgeErrc::nothing_in_common;
    return say(side, std::move(*description));
}

BridgeResult<void> SdpBridge::hear_answer(Side from, std::string_view sdp) {
    auto answer = read(sdp);
    if (!answer.has_value()) return answer.error();
    SideState& side = at(from);
    SALLYPORT_CHECK(side.told.has_value());
    if (answer->media.size() != side.told->media.size()) return BridgeErrc::wrong_answer;
    std::vector<bool> refused(answer->media.size(), true);
    side.keys.resize(std::max(side.keys.size(), answer->media.size()));
    for (std::size_t i = 0; i < answer->media.size(); ++i) {
        const auto view = sdp::view_stream(*answer, i);
        const bool offered = side.told->media[i].port != 0;
        if (view.rejected || !offered) continue;
        if (view.t38 != sdp::view_stream(*side.told, i).t38) return BridgeErrc::wrong_answer;
        if (!view.t38 && (!view.rtp || view.secure != side.profile.srtp)) return BridgeErrc::wrong_answer;
        if (const auto reason = bad_endpoint(view, side.profile)) return *reason;
        if (view.secure) {
            SALLYPORT_CHECK(side.keys[i].ours.has_value());
            side.keys[i].theirs = accept_answered_key(view.crypto, *side.keys[i].ours);
            if (!side.keys[i].theirs) return BridgeErrc::no_usable_key;
        }
        refused[i] = false;
    }
    side.changed = !side.heard || !same_content(*side.heard, *answer);
    side.heard = std::move(*answer);
    side.refused = std::move(refused);
    return {};
}

BridgeResult<std::string> SdpBridge::speak_answer(Side to, const std::vector<MediaLocal>& ports, RandomSource& random) {
    const SideState& source = at(other(to));
    SideState& side = at(to);
    SALLYPORT_CHECK(source.heard.has_value() && side.heard.has_value());
    if (source.heard->media.size() != side.heard->media.size()) return BridgeErrc::wrong_answer;
    if (auto over = closed(side, *side.heard)) {
        for (std::size_t i = 0; i < over->media.size(); ++i) over->media[i].protocol = side.heard->media[i].protocol;
        return say(side, std::move(*over));
    }
    std::vector<sdp::StreamAnchor> anchors(side.heard->media.size());
    for (std::uint32_t i = 0; i < anchors.size(); ++i) {
        anchors[i].refuse = side.refused[i] || source.refused[i];
        const auto* port = port_of(ports, i, to);
        if (port == nullptr) {
            if (!anchors[i].refuse) return BridgeErrc::no_port;
            continue;
        }
        anchors[i].rtp = advertised(port->rtp, side.profile);
        anchors[i].rtcp = advertised(port->rtcp, side.profile);
        if (!side.profile.srtp || !side.keys[i].theirs) continue;
        const auto& theirs = *side.keys[i].theirs;
        auto& ours = side.keys[i].ours;
        if (!ours || ours->suite != theirs.suite) ours = make_key(theirs.tag, theirs.suite, random);
        ours->tag = theirs.tag;
        anchors[i].crypto = *ours;
    }
    auto description = sdp::anchor(*source.heard, &*side.heard, anchors, leg_profile(side.profile, source.profile));
    if (!description.has_value()) return BridgeErrc::nothing_in_common;
    return say(side, std::move(*description));
}

std::string SdpBridge::repeat(Side to) {
    SideState& side = at(to);
    SALLYPORT_CHECK(side.told.has_value() && side.heard.has_value());
    side.told = sdp::agreed(*side.told, *side.heard);
    return side.origin.stamp(*side.told);
}

// In it is our address, though nothing is sent to it: 0.0.0.0 and "::" would be a hold of the old kind (RFC 6157 5.2).
std::string SdpBridge::speak_refusal(Side to, const std::vector<MediaLocal>& ports) {
    SideState& side = at(to);
    SALLYPORT_CHECK(side.heard.has_value());
    SessionDescription answer;
    answer.connection = sdp::Connection{side.profile.family == Family::v6 ? Family::v6 : Family::v4, "", std::nullopt};
    answer.connection->host = "unknown.invalid";
    if (const auto* port = port_of(ports, 0, to)) {
        const auto address = advertised(port->rtp, side.profile).address;
        answer.connection->host = address.to_string();
        answer.connection->family = address.family;
    }
    answer.origin.address = answer.connection->host;
    answer.origin.family = answer.connection->family;
    for (const auto& offered : side.heard->media) {
        sdp::MediaDescription media;
        media.media = offered.media;
        media.protocol = offered.protocol;
        media.formats = offered.formats;
        answer.media.push_back(std::move(media));
    }
    return side.origin.stamp(std::move(answer));
}

void SdpBridge::rest() {
    for (auto& side : sides_) {
        side.heard.rest();
        side.told.rest(side.origin.shared_last());
    }
}

void SdpBridge::go_back_to(const SdpBridge& before) {
    for (const Side side : {Side::a, Side::b}) {
        auto origin = std::move(at(side).origin);
        at(side) = before.at(side);
        at(side).origin = std::move(origin);
        at(side).changed = false;
    }
}

std::uint32_t SdpBridge::streams() const {
    std::size_t most = 1;
    for (const auto& side : sides_)
        if (side.heard) most = std::max(most, side.heard->media.size());
    return static_cast<std::uint32_t>(most);
}

std::vector<MediaLeg> SdpBridge::media_legs() const {
    std::vector<MediaLeg> legs;
    for (const Side s : {Side::a, Side::b}) {
        const SideState& side = at(s);
        const SideState& far = at(other(s));
        if (!side.heard) continue;
        for (std::uint32_t i = 0; i < side.heard->media.size(); ++i) {
            const auto view = sdp::view_stream(*side.heard, i);
            MediaLeg leg{.stream = i, .side = s};
            const bool far_refused = i < far.refused.size() && far.refused[i];
            leg.disabled = view.rejected || side.refused[i] || far_refused || !(view.rtp || view.t38);
            if (!leg.disabled) {
                if (!view.zero_address) {
                    if (view.rtp_endpoint) leg.remote = reached(*view.rtp_endpoint, side.profile);
                    leg.remote_rtcp = rtcp_of(view, side.profile);
                }
                leg.udptl = view.t38;
                leg.direction = view.direction;
                leg.latch_any_address = side.profile.latch_any_address;
                leg.reports = !view.no_rtcp;
                // An offer names more than is agreed upon, and perhaps another clock first.
                if (side.told && i < side.told->media.size())
                    if (const auto codec = sdp::spoken_codec(view, sdp::view_stream(*side.told, i))) {
                        leg.clock_rate = codec->clock_rate;
                        leg.codec = codec->name;
                    }
                const auto& keys = side.keys[i];
                if (!side.profile.srtp)
                    leg.keys = MediaKeys{};
                else if (keys.ours && keys.theirs)
                    leg.keys = MediaKeys{keys.theirs->suite, keys.theirs->key, keys.ours->key};
                if (side.told && far.heard && i < side.told->media.size() && i < far.heard->media.size()) {
                    const auto told = sdp::view_stream(*side.told, i);
                    leg.payload_map = sdp::payload_map(told, sdp::view_stream(*far.heard, i));
                    leg.telephone_events = sdp::telephone_events(told);
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
