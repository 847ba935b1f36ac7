#include "signaling/sdp/codec_rate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "signaling/sdp/codec_selection.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

constexpr std::array rates{
    CodecRate{"G722", 64},       CodecRate{"G729", 8},       CodecRate{"G729D", 6.4},     CodecRate{"G729E", 11.8},
    CodecRate{"G7291", 32},      CodecRate{"G723", 6.4, 30}, CodecRate{"G728", 16},       CodecRate{"G7221", 48},
    CodecRate{"GSM", 13.2},      CodecRate{"GSM-EFR", 12.4}, CodecRate{"iLBC", 15.2},     CodecRate{"G726-16", 16},
    CodecRate{"G726-24", 24},    CodecRate{"G726-32", 32},   CodecRate{"G726-40", 40},    CodecRate{"AMR", 12.2},
    CodecRate{"AMR-WB", 23.85},  CodecRate{"EVS", 128},      CodecRate{"speex", 44},      CodecRate{"opus", 255},
    CodecRate{"SILK", 40},       CodecRate{"PCMA-WB", 96},   CodecRate{"PCMU-WB", 96},    CodecRate{"L16", 0, 20, 16},
    CodecRate{"L24", 0, 20, 24}, CodecRate{"L8", 0, 20, 8},  CodecRate{"DVI4", 0, 20, 4}, CodecRate{"PCMA", 0, 20, 8},
    CodecRate{"PCMU", 0, 20, 8}, CodecRate{"CLEARMODE", 64},
};
constexpr CodecRate any_other{"", 0, 20, 8};

namespace allowed {
constexpr std::uint32_t usual_ptime = 20;   // ms; who was asked for longer packets sends these often enough
constexpr std::uint32_t headroom = 2;       // times
constexpr std::uint32_t events = 20;        // packets a second of telephone-event or comfort noise beside the speech
constexpr std::uint32_t header_bytes = 40;  // of RTP with a list of sources or an extension
}  // namespace allowed

// Whole milliseconds: 2.5 as 2, which allows more. 0: not said, or not to be believed.
template <class Text>
std::uint32_t packet_time(const BasicMedia<Text>& media) {
    const auto* said = media.find("ptime");
    if (said == nullptr) return 0;
    const std::string_view text = said->value;
    return number(text.substr(0, text.find('.')), 1'000).value_or(0);
}

// RFC 3890 "TIAS:" in bit/s, RFC 8866 5.8 "AS:" in kbit/s, which has the headers in it.
std::uint64_t stated_bytes(const MediaDescription& media) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t bytes = 0;
    for (const std::string_view line : media.bandwidths) {
        if (line.starts_with("AS:"))
            bytes = std::max(bytes, number(line.substr(3), most).value_or(0) * std::uint64_t{125});
        if (line.starts_with("TIAS:"))
            bytes = std::max(bytes, number(line.substr(5), most).value_or(0) / std::uint64_t{8});
    }
    return bytes;
}

std::uint32_t capped(std::uint64_t value) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

// Payload of the greatest codec that both have named; nothing if there is none, or one of them is not known.
std::optional<std::uint64_t> payload_bytes(const StreamView& heard, const StreamView& told) {
    std::uint64_t most = 0;
    for (const Codec& codec : heard.codecs) {
        const auto is_told = [&](const Codec& t) { return same_codec(codec, t); };
        if (is_auxiliary(codec) || std::none_of(told.codecs.begin(), told.codecs.end(), is_told)) continue;
        const CodecRate& rate = rate_of(codec.name);
        if (!rate.known()) return std::nullopt;
        most = std::max(most, rate.bits_per_second(codec) / 8);
    }
    if (most == 0) return std::nullopt;
    return most;
}

}  // namespace

std::uint64_t CodecRate::bits_per_second(const Codec& codec) const {
    const std::uint64_t of_channel =
        kbps > 0 ? static_cast<std::uint64_t>(kbps * 1'000) : std::uint64_t{codec.clock_rate} * bits_a_sample;
    return of_channel * std::max(codec.channels, 1u);
}

const CodecRate& rate_of(std::string_view codec) {
    const auto found =
        std::find_if(rates.begin(), rates.end(), [&](const CodecRate& rate) { return same_name(rate.name, codec); });
    return found == rates.end() ? any_other : *found;
}

template <class Text>
StreamPace pace_of(const StreamView& heard, const BasicMedia<Text>& heard_media, const StreamView& told,
                   const MediaDescription& told_media) {
    if (!heard.rtp || !told.rtp) return {};
    if (heard.media != "audio") return {0, capped(allowed::headroom * stated_bytes(told_media))};
    std::uint32_t ptime = allowed::usual_ptime;
    for (const std::uint32_t asked : {packet_time(heard_media), packet_time(told_media)})
        if (asked != 0) ptime = std::min(ptime, asked);
    StreamPace pace;
    pace.packets_per_second = allowed::headroom * 1'000 / ptime + allowed::events;
    if (const auto payload = payload_bytes(heard, told))
        pace.bytes_per_second =
            capped(allowed::headroom * *payload + std::uint64_t{pace.packets_per_second} * allowed::header_bytes);
    return pace;
}
template StreamPace pace_of(const StreamView&, const MediaDescription&, const StreamView&, const MediaDescription&);
template StreamPace pace_of(const StreamView&, const BasicMedia<std::string_view>&, const StreamView&,
                            const MediaDescription&);

}  // namespace sallyport::sdp
