// How far one direction's key has been used: what a fresh engine needs to go on where one that is gone has stopped.
// RFC 3711 3.2.3 and 3.3.1: the packet index of each SSRC and the SRTCP index. No key material in here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sallyport::srtp {

struct SsrcIndex {
    std::uint32_t ssrc = 0;
    std::uint64_t index = 0;  // 48 bits: rollover counter, sequence number
    friend bool operator==(const SsrcIndex&, const SsrcIndex&) = default;
};
struct KeyUse {
    std::vector<SsrcIndex> rtp;  // the highest index of each SSRC; at most limits::outbound_ssrcs
    std::uint32_t srtcp = 0;     // the last one sent
    // Of what is sent: where an SSRC begins that is not listed, because there were more than are; 0: anywhere.
    std::uint64_t unlisted_from = 0;
    // Of what is received, where each packet says its index: the highest of each SSRC, 31 bits; at most
    // limits::inbound_ssrcs.
    std::vector<SsrcIndex> srtcp_received = {};
    friend bool operator==(const KeyUse&, const KeyUse&) = default;
};

namespace limits {
inline constexpr std::size_t inbound_ssrcs = 16;   // a peer changes its SSRC a few times a call: transfers, hold music
inline constexpr std::size_t outbound_ssrcs = 64;  // the other side's peers; of those before, one index is kept
inline constexpr std::size_t replay_window =
    1024;  // RFC 3711 3.3.2 asks for 64 at least; bursts arrive far out of order
// Packets that come later than a resumed stream is ahead by this much are not told from those of before the restart.
inline constexpr std::uint64_t resumed_reordering = 64;
inline constexpr std::uint64_t packet_index = (std::uint64_t{1} << 48) - 1;  // the highest, RFC 3711 9.2
inline constexpr std::uint32_t srtcp_index = (std::uint32_t{1} << 31) - 1;   // the highest
inline constexpr std::uint64_t news_every = 4'096;                           // packets of an SSRC
inline constexpr std::uint32_t srtcp_news_every = 16'384;                    // packets of a key
inline constexpr std::uint32_t srtcp_resume_margin = 4 * srtcp_news_every;   // three lost reports, and no report yet
inline constexpr std::uint32_t srtcp_received_news_every = 16;               // packets of an SSRC: more than a minute
// What a sender that resumes leaves out behind the last report: signaling writes down every second one of them, and
// some may be lost. Less than half a turn, or its receiver would take the packet for one of the turn before.
inline constexpr std::uint64_t resume_margin = 6 * news_every;
static_assert(resume_margin < 0x8000);
}  // namespace limits

// RFC 3711 appendix A: the index that a sequence number most likely means, after `highest`. As libsrtp has it, for
// which the first half of the first cycle has nothing before it.
constexpr std::uint64_t estimated_index(std::uint64_t highest, std::uint16_t sequence) {
    constexpr std::uint64_t half = 0x8000, cycle = 0x10000;
    if (highest <= half) return sequence;
    const std::uint64_t start = highest & ~(cycle - 1), low = highest & (cycle - 1);
    if (low < half) return sequence > low + half && start >= cycle ? start - cycle + sequence : start + sequence;
    return low - half > sequence ? start + cycle + sequence : start + sequence;
}

// The index of the first packet after a gap of unknown length: the lowest above all that may have been used, so that
// none is used twice. Nothing if the packet is a late one from before the gap. Right for gaps of up to 64,000 packets,
// what was not reported of `used` included.
constexpr std::optional<std::uint64_t> index_after_gap(std::uint64_t used, std::uint16_t sequence) {
    constexpr std::uint64_t cycle = 0x10000;
    const std::uint64_t ahead = (sequence - used) & (cycle - 1);
    if (ahead == 0 || ahead >= cycle - limits::replay_window) return std::nullopt;
    return used + ahead;
}

// SRTCP that has come: whether the step from one highest index to the next is worth telling.
constexpr bool srtcp_is_news(std::uint64_t before, std::uint64_t now) {
    return before / limits::srtcp_received_news_every != now / limits::srtcp_received_news_every;
}
// What one direction of a key can have been used for, as it is told to whoever is to go on.
inline bool can_be_resumed(const KeyUse& used, bool inbound) {
    const auto sound = [](const std::vector<SsrcIndex>& all, std::size_t most, std::uint64_t highest) {
        for (std::size_t i = 0; i < all.size(); ++i)
            if (all[i].index > highest ||
                std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i),
                            [&](const SsrcIndex& before) { return before.ssrc == all[i].ssrc; }))
                return false;
        return all.size() <= most;
    };
    return sound(used.rtp, inbound ? limits::inbound_ssrcs : limits::outbound_ssrcs, limits::packet_index) &&
           sound(used.srtcp_received, limits::inbound_ssrcs, limits::srtcp_index) &&
           used.unlisted_from <= limits::packet_index + 1;
}

// The first packet of an SSRC that reaches us may be of its second round: who starts near 65,535 has turned before the
// key was known, or with its first packets lost. What is taken for the start of the first round is tried as the start
// of the second, where that is nearer than what went before can have been long.
constexpr bool turned_before(std::uint64_t first) { return first < 0x8000; }
constexpr std::uint64_t after_one_turn(std::uint16_t sequence) { return 0x10000u + sequence; }

}  // namespace sallyport::srtp
