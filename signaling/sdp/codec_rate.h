// How much a codec takes: payload bits and packet time, by its encoding name. RFC 3551 table 1 and 4.5, 5574, 6716,
// 7587, 5577, 3GPP TS 26.445; of codecs with several rates the highest.
#pragma once

#include <cstdint>
#include <string_view>

#include "signaling/sdp/session_description.h"

namespace sallyport::sdp {

struct CodecRate {
    std::string_view name;     // "" of what is not known
    double kbps = 0;           // of each channel; 0: by `bits` of each sample
    std::uint32_t ptime = 20;  // ms, where nobody says
    std::uint32_t bits_a_sample = 0;

    bool known() const { return !name.empty(); }
    std::uint64_t bits_per_second(const Codec& codec) const;  // of its payload, all channels
};
// What is not known counts as G.711 at its clock rate.
const CodecRate& rate_of(std::string_view codec);

// What a party may send on one audio stream: what the codecs take that both it and we have named, in packets of 20 ms
// or of the packet time that either has asked for, if that is shorter; twice that much, since packet times are asked
// for in vain and clocks drift, and room for telephone-events beside it. Of video what "b=" allows, twice. Zero:
// nothing says.
struct StreamPace {
    std::uint32_t packets_per_second = 0;  // RTP
    std::uint32_t bytes_per_second = 0;    // of RTP with its header
    friend bool operator==(const StreamPace&, const StreamPace&) = default;
};
// `heard` is what the party has described, `told` what it was told in turn.
template <class Text>
StreamPace pace_of(const StreamView& heard, const BasicMedia<Text>& heard_media, const StreamView& told,
                   const MediaDescription& told_media);

}  // namespace sallyport::sdp
