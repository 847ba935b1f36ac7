#include "signaling/policy/bandwidth.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "signaling/sdp/codec_rate.h"
#include "signaling/sdp/session_description.h"
#include "signaling/sip/fields.h"

namespace sallyport::policy {
namespace {

// Other media than audio, headers included: what one takes that names no b=, and the least that one counts as, whatever
// it names. Nobody polices what flows; a stream that says 0 must not come free.
struct OtherMedia {
    std::string_view media;
    std::uint32_t unstated, least;
};
constexpr std::array other_media{
    OtherMedia{"video", 512, 256},
    OtherMedia{"image", 80, 80},  // T.38 with redundancy: what the G.711 takes that it comes in place of
    OtherMedia{"text", 24, 24},
};
constexpr OtherMedia any_media{"", 512, 80};
constexpr std::uint32_t longest_ptime = 1'000;
constexpr std::uint32_t headers_v4 = 20 + 8 + 12, headers_v6 = 40 + 8 + 12, srtp_tag = 10;

const OtherMedia& other_media_of(std::string_view media) {
    const auto found =
        std::find_if(other_media.begin(), other_media.end(), [&](const auto& other) { return other.media == media; });
    return found == other_media.end() ? any_media : *found;
}

bool is_auxiliary(std::string_view codec) {
    return sip::equal_ignoring_case(codec, "telephone-event") || sip::equal_ignoring_case(codec, "CN");
}

std::optional<std::uint32_t> whole(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// RFC 8866 5.8: "AS:" in kbit/s, headers included.
std::optional<std::uint32_t> stated(const sdp::BasicMedia<std::string_view>& media) {
    constexpr std::string_view kind = "AS:";
    for (const auto& bandwidth : media.bandwidths)
        if (bandwidth.starts_with(kind)) return whole(bandwidth.substr(kind.size()));
    return std::nullopt;
}

std::uint32_t with_headers(const sdp::Codec& codec, std::uint32_t ptime, std::uint32_t headers) {
    const sdp::CodecRate& rate = sdp::rate_of(codec.name);
    const std::uint32_t ms = ptime == 0 ? rate.ptime : ptime;
    const auto payload = rate.bits_per_second(codec);
    const auto kbps = (payload + headers * 8 * 1'000 / ms + 999) / 1'000;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(kbps, 0xffff'ffff));
}

std::uint32_t of_stream(const sdp::DescriptionView& description, std::size_t index, std::uint32_t headers,
                        const config::Trunk& trunk) {
    const auto view = sdp::view_stream(description, index);
    if (view.rejected) return 0;
    const auto& media = description.media[index];
    if (!view.rtp || media.media != "audio") {
        const auto& other = other_media_of(media.media);
        return std::max(stated(media).value_or(other.unstated), other.least);
    }
    const auto* said = media.find("ptime");
    const auto ptime = said == nullptr ? 0 : whole(said->value).value_or(0);
    const auto& allowed = trunk.media.codecs;
    std::uint32_t greatest = 0;
    for (const auto& codec : view.codecs) {
        const auto is_this = [&](const std::string& name) { return sip::equal_ignoring_case(name, codec.name); };
        if (is_auxiliary(codec.name)) continue;
        if (!allowed.empty() && std::none_of(allowed.begin(), allowed.end(), is_this)) continue;
        greatest = std::max(greatest, with_headers(codec, ptime > longest_ptime ? 0 : ptime, headers));
    }
    return greatest;
}

}  // namespace

std::uint32_t offered_kbps(std::string_view description, const config::Trunk& trunk) {
    const auto parsed = sdp::view(description);
    const bool v6 = trunk.family() == Family::v6 || (trunk.family() == Family::none && parsed && parsed->connection &&
                                                     parsed->connection->family == Family::v6);
    const std::uint32_t headers =
        (v6 ? headers_v6 : headers_v4) + (trunk.media.srtp == config::SrtpPolicy::required ? srtp_tag : 0);
    if (!parsed) return with_headers({8, "PCMA"}, 0, headers);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < parsed->media.size(); ++i) sum += of_stream(*parsed, i, headers, trunk);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, 0xffff'ffff));
}

}  // namespace sallyport::policy
