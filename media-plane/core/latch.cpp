#include "media-plane/core/latch.h"

#include <algorithm>

namespace sallyport::media {

SourceLearner::Candidate& SourceLearner::place_for(const Endpoint& from) {
    for (Candidate& c : candidates_)
        if (c.run > 0 && c.from == from) return c;
    // The weakest makes room, so that many invented sources do not push out one that has begun to prove itself.
    Candidate& weakest = *std::min_element(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) {
        return a.run != b.run ? a.run < b.run : a.last < b.last;
    });
    weakest = Candidate{};
    return weakest;
}

bool SourceLearner::offer(const Endpoint& from, std::uint32_t ssrc, std::uint16_t sequence, TimePoint now) {
    Candidate& c = place_for(from);
    const auto ahead = static_cast<std::uint16_t>(sequence - c.sequence);
    if (c.run == 0 || c.ssrc != ssrc || ahead > largest_gap) {
        c = Candidate{from, ssrc, sequence, 1, now, now};
        return false;
    }
    if (ahead == 0) return false;  // a duplicate proves nothing
    c.sequence = sequence;
    c.last = now;
    ++c.run;
    return c.run >= packets_to_prove && now - c.since >= time_to_prove;
}

bool Latch::signal(const Endpoint& endpoint) {
    if (endpoint == signalled_) return false;
    signalled_ = endpoint;
    forget();
    return true;
}

}  // namespace sallyport::media
