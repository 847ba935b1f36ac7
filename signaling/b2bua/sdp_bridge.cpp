#include "signaling/b2bua/sdp_bridge.h"

#include <algorithm>
#include <utility>

#include "control/base/check.h"
#include "signaling/b2bua/media_endpoint.h"
#include "signaling/b2bua/srtp_keys.h"

namespace sallyport::b2bua {
namespace {

using sdp::SessionDescription;

bool same_content(const sdp::DescriptionView& a, const sdp::DescriptionView& b) {
    sdp::DescriptionView x = a;
    x.origin = b.origin;
    return x == b;
}

std::optional<BridgeErrc> not_allowed(const sdp::StreamView& view, const MediaProfile& profile) {
    if (profile.srtp && !view.secure) return BridgeErrc::srtp_required;
    if (!profile.srtp && view.secure) return BridgeErrc::srtp_not_allowed;
    return unusable_endpoint(view, profile);
}

const MediaLocal* port_of(const std::vector<MediaLocal>& ports, std::uint32_t stream, Side side) {
    const auto found = std::find_if(ports.begin(), ports.end(),
                                    [&](const MediaLocal& p) { return p.stream == stream && p.side == side; });
    return found == ports.end() ? nullptr : &*found;
}

// Names our ports in a stream; false: the media plane has given none for it.
bool place(sdp::StreamAnchor& anchor, const MediaLocal* port, const MediaProfile& profile) {
    if (port == nullptr) return false;
    anchor.rtp = advertised(port->rtp, profile);
    anchor.rtcp = advertised(port->rtcp, profile);
    return true;
}

BridgeResult<HeardDescription> read(std::string_view text) {
    auto heard = HeardDescription::read(text);
    if (!heard.has_value()) return BridgeErrc::not_sdp;
    return std::move(*heard);
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
bool all_closed(const sdp::DescriptionView& description) {
    return !description.media.empty() && std::all_of(description.media.begin(), description.media.end(),
                                                     [](const auto& media) { return media.port == 0; });
}

// What the party was told, with every stream ended; payload types keep their meanings for the time after.
std::optional<SessionDescription> closed(const SdpBridge::SideState& side, const sdp::DescriptionView& slots) {
    if (!all_closed(slots) || !side.told || side.told->media.size() != slots.media.size()) return std::nullopt;
    SessionDescription out = *side.told;
    for (auto& media : out.media) {
        media.port = 0;
        std::erase_if(media.attributes, [](const auto& attribute) { return attribute.name == "crypto"; });
    }
    return out;
}

}  // namespace

BridgeResult<void> SdpBridge::hear_offer(Side from, std::string_view sdp) {
    auto heard = read(sdp);
    if (!heard.has_value()) return heard.error();
    const sdp::DescriptionView& offer = **heard;
    SideState& side = at(from);
    // RFC 3264 8: a stream that is over keeps its m-line. A description without it could be lined up with nothing.
    if (offer.media.size() < slots_of(side)) return BridgeErrc::too_few_streams;
    std::vector<bool> refused(offer.media.size(), true);
    std::vector<Keys> keys(offer.media.size());
    BridgeErrc why = BridgeErrc::nothing_in_common;
    bool usable = false;
    for (std::size_t i = 0; i < offer.media.size(); ++i) {
        const auto view = sdp::view_stream(offer, i);
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
            keys[i].theirs = choose_offered_key(view.crypto, side.profile.takes_mki);
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
    if (!usable && !(all_closed(offer) && offer.media.size() == slots_of(side))) return why;
    side.changed = !side.heard || !same_content(*side.heard, offer);
    side.heard = std::move(*heard);
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
        if (!place(anchors[i], port_of(ports, i, to), side.profile)) {
            if (!anchors[i].refuse) return BridgeErrc::no_port;
            continue;
        }
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
    auto heard = read(sdp);
    if (!heard.has_value()) return heard.error();
    const sdp::DescriptionView& answer = **heard;
    SideState& side = at(from);
    SALLYPORT_CHECK(side.told.has_value());
    if (answer.media.size() != side.told->media.size()) return BridgeErrc::wrong_answer;
    std::vector<bool> refused(answer.media.size(), true);
    side.keys.resize(std::max(side.keys.size(), answer.media.size()));
    for (std::size_t i = 0; i < answer.media.size(); ++i) {
        const auto view = sdp::view_stream(answer, i);
        const bool offered = side.told->media[i].port != 0;
        if (view.rejected || !offered) continue;
        if (view.t38 != sdp::view_stream(*side.told, i).t38) return BridgeErrc::wrong_answer;
        if (!view.t38 && (!view.rtp || view.secure != side.profile.srtp)) return BridgeErrc::wrong_answer;
        if (const auto reason = unusable_endpoint(view, side.profile)) return *reason;
        if (view.secure) {
            SALLYPORT_CHECK(side.keys[i].ours.has_value());
            side.keys[i].theirs = accept_answered_key(view.crypto, *side.keys[i].ours, side.profile.takes_mki);
            if (!side.keys[i].theirs) return BridgeErrc::no_usable_key;
        }
        refused[i] = false;
    }
    side.changed = !side.heard || !same_content(*side.heard, answer);
    side.heard = std::move(*heard);
    side.refused = std::move(refused);
    return {};
}

BridgeResult<std::string> SdpBridge::speak_answer(Side to, const std::vector<MediaLocal>& ports, RandomSource& random,
                                                  sdp::AnswerOrder order) {
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
        if (!place(anchors[i], port_of(ports, i, to), side.profile)) {
            if (!anchors[i].refuse) return BridgeErrc::no_port;
            continue;
        }
        if (!side.profile.srtp || !side.keys[i].theirs) continue;
        const auto& theirs = *side.keys[i].theirs;
        auto& ours = side.keys[i].ours;
        if (!ours || ours->suite != theirs.suite) ours = make_key(theirs.tag, theirs.suite, random);
        ours->tag = theirs.tag;
        anchors[i].crypto = *ours;
    }
    auto profile = leg_profile(side.profile, source.profile);
    profile.order = order;
    auto description = sdp::anchor(*source.heard, &*side.heard, anchors, profile);
    if (!description.has_value()) return BridgeErrc::nothing_in_common;
    return say(side, std::move(*description));
}

void SdpBridge::renew_keys(Side to) {
    for (Keys& keys : at(to).keys) keys.ours.reset();
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
        media.formats.assign(offered.formats.begin(), offered.formats.end());
        answer.media.push_back(std::move(media));
    }
    return say(side, std::move(answer));
}

void SdpBridge::take_given_up(Side to, std::string_view offer, std::string_view answer) {
    auto told = sdp::parse(offer);
    if (!told.has_value() || told->media.size() > slots_of(at(other(to)))) return;
    SideState before = at(to);
    SideState& side = at(to);
    keep_spoken(side, *told);
    side.keys.resize(std::max(side.keys.size(), told->media.size()));
    for (std::size_t i = 0; i < told->media.size(); ++i) {
        const auto view = sdp::view_stream(*told, i);
        if (!view.crypto.empty()) side.keys[i].ours = view.crypto.front();
    }
    side.told = std::move(*told);
    if (!hear_answer(to, answer).has_value()) side = std::move(before);
}

bool SdpBridge::has_refused(Side to) const {
    const SideState& side = at(to);
    return side.told && side.heard && !all_closed(*side.heard) &&
           std::all_of(side.told->media.begin(), side.told->media.end(), [](const auto& m) { return m.port == 0; });
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

bool SdpBridge::leave_unsaid(Side side, const SdpBridge& before) {
    SideState& now = at(side);
    const SideState& then = before.at(side);
    const bool differs = now.told && now.heard && (!then.told || !has_same_effect(*then.told, *now.told, *now.heard));
    now.told = then.told;
    now.origin = then.origin;
    return differs;
}

std::uint32_t SdpBridge::streams() const {
    std::size_t most = 1;
    for (const auto& side : sides_)
        if (side.heard) most = std::max(most, side.heard->media.size());
    return static_cast<std::uint32_t>(most);
}

}  // namespace sallyport::b2bua
