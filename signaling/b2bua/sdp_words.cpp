// A session's media in words, for records and ladders: codecs and directions, never an address or a key; and what is
// wrong with a description, for its sender; whether two say the same.
#include <set>

#include "control/base/check.h"
#include "signaling/b2bua/sdp_bridge.h"
#include "signaling/sdp/outline.h"

namespace sallyport::b2bua {

std::vector<std::string> SdpBridge::codecs() const {
    constexpr std::size_t most_named = 32, most_letters = 32;  // a record is read by people; real names are short
    std::vector<std::string> out;
    const SideState& answered = at(Side::a).told ? at(Side::a) : at(Side::b);
    if (!answered.told) return out;
    for (std::size_t i = 0; i < answered.told->media.size(); ++i) {
        const auto view = sdp::view_stream(*answered.told, i);
        if (view.rejected) continue;
        if (view.t38) out.push_back("t38");
        for (const auto& codec : view.codecs)
            if (!codec.name.empty() && out.size() < most_named)
                out.push_back(codec.name.substr(0, most_letters) + "/" + std::to_string(codec.clock_rate));
    }
    return out;
}

bool means_the_same(const sdp::DescriptionView& a, const sdp::DescriptionView& b) {
    if (a.media.size() != b.media.size()) return false;
    for (std::size_t i = 0; i < a.media.size(); ++i) {
        const auto x = sdp::view_stream(a, i), y = sdp::view_stream(b, i);
        if (a.media[i].formats != b.media[i].formats || x.direction != y.direction || x.rejected != y.rejected)
            return false;
    }
    return true;
}

namespace {

// What comes about in a stream between what is told and what was heard: who sends, and the codecs, by the heard types.
struct Effect {
    bool off = false, in = false, out = false;
    std::set<std::uint8_t> types;
    friend bool operator==(const Effect&, const Effect&) = default;
};
Effect effect_of(const sdp::StreamView& told, const sdp::StreamView& heard) {
    using enum sdp::Direction;
    Effect effect;
    effect.off = told.rejected || heard.rejected;
    if (effect.off) return effect;
    const auto sends = [](sdp::Direction d) { return d == sendrecv || d == sendonly; };
    const auto receives = [](sdp::Direction d) { return d == sendrecv || d == recvonly; };
    effect.in = sends(told.direction) && receives(heard.direction);
    effect.out = receives(told.direction) && sends(heard.direction);
    for (const auto& [ours, theirs] : sdp::payload_map(told, heard)) effect.types.insert(theirs);
    return effect;
}

}  // namespace

bool has_same_effect(const sdp::SessionDescription& told, const sdp::SessionDescription& other,
                     const sdp::DescriptionView& heard) {
    if (told.media.size() != other.media.size() || told.media.size() != heard.media.size()) return false;
    for (std::size_t i = 0; i < told.media.size(); ++i) {
        const auto said = sdp::view_stream(heard, i);
        if (effect_of(sdp::view_stream(told, i), said) != effect_of(sdp::view_stream(other, i), said)) return false;
    }
    return true;
}

std::string describe(std::string_view sdp_text) { return sdp::outline(sdp_text); }

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

}  // namespace sallyport::b2bua
