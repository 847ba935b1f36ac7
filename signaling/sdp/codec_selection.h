// Which codecs of one party are shown to the other, and under which payload type numbers. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "signaling/sdp/session_description.h"

namespace sallyport::sdp {

bool same_codec(const Codec& a, const Codec& b);  // name in any case, clock rate, channels
bool is_auxiliary(const Codec& codec);            // telephone-event and CN carry no conversation on their own

// Allowed codecs in the order of `allowed` (any name, order kept, if empty), then telephone-event and CN of a clock
// rate that remained, or, where none did, telephone-event of their clock rates. Formats without a name, and
// those that name other formats by number (rtx, red, FEC), are left out.
std::vector<Codec> apply_policy(const std::vector<Codec>& codecs, const std::vector<std::string>& allowed);

struct Selected {
    std::uint8_t source_type, leg_type;  // payload type numbers of the same codec on the two legs
    Codec codec;
};
// An answer: those of `codecs` that were offered as well, with the offer's numbers.
std::vector<Selected> for_answer(const std::vector<Codec>& codecs, const std::vector<Codec>& offered);
void order_as_offered(std::vector<Selected>& answer, const std::vector<Codec>& offered);
// An offer: all, with the numbers that the leg knows them by; a number that means something else there is not reused.
// `source`: what their party has said, without what apply_policy() adds.
std::vector<Selected> for_offer(const std::vector<Codec>& codecs, const std::vector<Codec>& known,
                                const std::vector<Codec>& source);

}  // namespace sallyport::sdp
