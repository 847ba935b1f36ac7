// A media session: two sides, n streams, and what is known of it as a whole. Owns its legs; holds no port by itself.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "media-plane/core/leg.h"
#include "media-plane/core/rtcp_compound.h"

namespace sallyport::media {

// One side of a session on its media port.
struct SessionSide {
    MediaPortIndex port = 0;
    IpAddress address;         // ours
    std::array<char, rtcp::longest_cname> cname{};  // under which we report to this side's peer, RFC 7022
    std::uint8_t unheard = 0;  // reports to hosts that nothing ever came from; see Reporter::most_unheard
    bool inactivity_reported = false;
    TimePoint active_at{};  // the last activity when inactivity was last judged
};

struct Session {
    SessionKey key;
    std::string call, trunk;
    TimePoint created{};
    Duration inactivity{};  // zero: nobody asked
    TimePoint answered{};   // the call was; the epoch: not yet
    std::array<SessionSide, 2> sides;
    std::vector<std::unique_ptr<Stream>> streams;
    std::size_t place = 0;  // in the table's list of all sessions

    SessionSide& side(Side s) { return sides[static_cast<std::size_t>(s)]; }
    const SessionSide& side(Side s) const { return sides[static_cast<std::size_t>(s)]; }
    Leg& leg(std::uint32_t stream, Side s) { return streams[stream]->leg(s); }

    // Decides anew from when on each peer should be sending; after any change of the legs.
    void settle(TimePoint now);
    // True once per silence of that side, when it has lasted as long as was asked for.
    bool has_fallen_silent(Side side, TimePoint now);
    // The first stream that something should come from that side on; 0 if there is none.
    std::uint32_t first_expected(Side side) const;
    std::vector<LocalEndpoint> local_endpoints() const;
    std::vector<LegKeyUse> key_use() const;   // of the legs with keys
    std::vector<LegLatched> latched() const;  // of the legs that have
    SessionStatistics statistics(TimePoint now) const;
};

}  // namespace sallyport::media
