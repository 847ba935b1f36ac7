// A session's media in words, for records and ladders: codecs and directions, never an address or a key.
#include "signaling/b2bua/sdp_bridge.h"

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

namespace {

std::string short_name(const sdp::Codec& codec) {
    if (codec.name.empty()) return std::to_string(codec.payload_type);
    return codec.name == "telephone-event" ? "te" : codec.name.substr(0, 16);
}

}  // namespace

std::string describe(std::string_view sdp_text) {
    const auto parsed = sdp::parse(sdp_text);
    if (!parsed.has_value()) return "SDP?";
    std::string out;
    for (std::size_t i = 0; i < parsed->media.size(); ++i) {
        const auto view = sdp::view_stream(*parsed, i);
        if (!out.empty()) out += " + ";
        out += view.media.substr(0, 8);
        if (view.rejected) {
            out += " off";
            continue;
        }
        if (view.secure) out += " srtp";
        if (view.t38) out += " t38";
        if (view.direction != sdp::Direction::sendrecv) out += " " + std::string(sdp::to_string(view.direction));
        for (std::size_t c = 0; c < view.codecs.size() && c < 3; ++c)
            out += (c == 0 ? " " : ",") + short_name(view.codecs[c]);
    }
    return out.empty() ? "SDP without media" : out;
}

}  // namespace sallyport::b2bua
