#include "signaling/policy/bandwidth.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "signaling/sdp/session_description.h"
#include "signaling/sip/fields.h"

namespace sallyport::policy {
namespace {

struct Rate {
    std::string_view codec;
    double kbps;
    std::uint32_t ptime;  // ms, where the offer says nothing
};
// RFC 3551 table 1 and 4.5; of codecs with several rates the highest.
constexpr std::array rates{
    Rate{"PCMU", 64, 20},    Rate{"PCMA", 64, 20},    Rate{"G722", 64, 20},  Rate{"G729", 8, 20},
    Rate{"G723", 6.4, 30},   Rate{"G728", 16, 20},    Rate{"GSM", 13.2, 20}, Rate{"iLBC", 15.2, 20},
    Rate{"G726-16", 16, 20}, Rate{"G726-24", 24, 20}, Rate{"DVI4", 32, 20},  Rate{"G726-32", 32, 20},
    Rate{"G726-40", 40, 20}, Rate{"AMR", 12.2, 20},   Rate{"EVS", 24.4, 20}, Rate{"AMR-WB", 23.85, 20},
    Rate{"speex", 24.6, 20},
};
constexpr Rate any_other{"", 64, 20};
constexpr std::uint32_t other_media_kbps = 512;  // video and the like that names no b=
constexpr std::uint32_t longest_ptime = 1'000;
constexpr std::uint32_t headers_v4 = 20 + 8 + 12, headers_v6 = 40 + 8 + 12, srtp_tag = 10;

const Rate& rate_of(std::string_view codec) {
    const auto found = std::find_if(rates.begin(), rates.end(),
                                    [&](const Rate& rate) { return sip::equal_ignoring_case(rate.codec, codec); });
    return found == rates.end() ? any_other : *found;
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
std::optional<std::uint32_t> stated(const sdp::MediaDescription& media) {
    constexpr std::string_view kind = "AS:";
    for (const auto& bandwidth : media.bandwidths)
        if (bandwidth.starts_with(kind)) return whole(std::string_view(bandwidth).substr(kind.size()));
    return std::nullopt;
}

std::uint32_t with_headers(const Rate& rate, std::uint32_t ptime, std::uint32_t headers) {
    const std::uint32_t ms = ptime == 0 ? rate.ptime : ptime;
    const auto bits_per_second = static_cast<std::uint64_t>(rate.kbps * 1'000) + headers * 8 * 1'000 / ms;
    return static_cast<std::uint32_t>((bits_per_second + 999) / 1'000);
}

std::uint32_t of_stream(const sdp::SessionDescription& description, std::size_t index, std::uint32_t headers,
                        const config::Trunk& trunk) {
    const auto view = sdp::view_stream(description, index);
    if (view.rejected) return 0;
    const auto& media = description.media[index];
    if (!view.rtp || media.media != "audio") return stated(media).value_or(other_media_kbps);
    const auto* said = media.find("ptime");
    const auto ptime = said == nullptr ? 0 : whole(said->value).value_or(0);
    const auto& allowed = trunk.media.codecs;
    std::uint32_t greatest = 0;
    for (const auto& codec : view.codecs) {
        const auto is_this = [&](const std::string& name) { return sip::equal_ignoring_case(name, codec.name); };
        if (is_auxiliary(codec.name)) continue;
        if (!allowed.empty() && std::none_of(allowed.begin(), allowed.end(), is_this)) continue;
        greatest = std::max(greatest, with_headers(rate_of(codec.name), ptime > longest_ptime ? 0 : ptime, headers));
    }
    return greatest;
}

}  // namespace

std::uint32_t offered_kbps(std::string_view description, const config::Trunk& trunk) {
    const auto parsed = sdp::parse(description);
    const bool v6 = trunk.family() == Family::v6 || (trunk.family() == Family::none && parsed && parsed->connection &&
                                                     parsed->connection->family == Family::v6);
    const std::uint32_t headers =
        (v6 ? headers_v6 : headers_v4) + (trunk.media.srtp == config::SrtpPolicy::required ? srtp_tag : 0);
    if (!parsed) return with_headers(rate_of("PCMA"), 0, headers);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < parsed->media.size(); ++i) sum += of_stream(*parsed, i, headers, trunk);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum, 0xffff'ffff));
}

}  // namespace sallyport::policy
