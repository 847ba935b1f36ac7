// A session's media in words, for records and ladders: codecs and directions, never an address or a key.
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

std::string describe(std::string_view sdp_text) { return sdp::outline(sdp_text); }

}  // namespace sallyport::b2bua
