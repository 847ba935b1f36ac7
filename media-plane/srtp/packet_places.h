// Which indices an inbound packet may have: RFC 3711 3.3.1, appendix A, and what senders make of it. Both engines look
// in these places, in this order, and no further. An index is 48 bits; what is beyond that is nowhere.
#pragma once

#include <cstdint>
#include <optional>

#include "media-plane/srtp/ssrc_set.h"

namespace sallyport::srtp {

namespace limits {
inline constexpr std::uint32_t free_second_looks = 256;  // five seconds of a stream: more than a change of keys takes
inline constexpr std::uint32_t second_look_every = 16;   // a third of a second of a stream
}  // namespace limits

struct Places {
    std::optional<std::uint64_t> likely;     // nothing: a replay, or it may be one
    std::optional<std::uint64_t> restarted;  // its sender began again at zero with the new key
    std::optional<std::uint64_t> turned;     // and has turned before anything reached us, see turned_before()

    bool has_more() const { return restarted || turned; }
    // Where it is found tells whether its sender went on counting; all senders under the key are taken to do the same.
    bool tells() const { return restarted.has_value(); }
};

// `held`: its SSRC's count, if there is one. `undecided`: nobody knows yet whether the senders went on counting under
// this key, as they must, or began again.
inline Places places_of(const SsrcCount* held, bool undecided, std::uint16_t sequence) {
    Places places;
    places.likely = held ? held->next(sequence) : sequence;
    if (held && !(held->carried && undecided)) return places;
    if (places.likely != sequence) places.restarted = sequence;
    if (turned_before(sequence) && places.likely != after_one_turn(sequence)) places.turned = after_one_turn(sequence);
    return places;
}

// Each further place costs as much as the first, and whoever forges packets could make every one cost it. So after a
// few that were in none of them, only some are looked for there: a sender who is there is still found, a little later.
class SecondLooks {
public:
    bool worth_one() {
        const std::uint32_t before = failed_++;
        return before < limits::free_second_looks || before % limits::second_look_every == 0;
    }
    void found() { failed_ = 0; }

private:
    std::uint32_t failed_ = 0;  // since one was found; may wrap
};

}  // namespace sallyport::srtp
