// A media session: two sides, n streams, and what is known of it as a whole. Owns its legs; holds no port by itself.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "media-plane/core/leg.h"
#include "media-plane/core/rtcp_compound.h"

namespace sallyport::media {

// What a call is called, for lists and logs. Seldom read, so both names are one piece of memory.
class CallNames {
public:
    CallNames() = default;
    CallNames(std::string_view call, std::string_view trunk)
        : text_(std::make_unique<char[]>(call.size() + trunk.size())),
          call_(static_cast<std::uint16_t>(call.size())),
          trunk_(static_cast<std::uint16_t>(trunk.size())) {
        std::copy(trunk.begin(), trunk.end(), std::copy(call.begin(), call.end(), text_.get()));
    }
    std::string call() const { return {text_.get(), call_}; }
    std::string trunk() const { return {text_.get() + call_, trunk_}; }

private:
    std::unique_ptr<char[]> text_;
    std::uint16_t call_ = 0, trunk_ = 0;
};

// One side of a session on its media port.
struct SessionSide {
    MediaPortIndex port = 0;
    IpAddress address;                                              // ours
    std::array<std::uint8_t, rtcp::longest_cname / 4 * 3> cname{};  // under which we report to its peer, RFC 7022
    std::uint8_t unheard = 0;  // reports to hosts that nothing ever came from; see Reporter::most_unheard
    bool inactivity_reported = false;
    TimePoint active_at{};  // the last activity when inactivity was last judged
};

struct Session {
    SessionKey key;
    CallNames names;
    TimePoint created{};
    TimePoint answered{};  // the call was; the epoch: not yet
    std::array<SessionSide, 2> sides;
    std::vector<std::unique_ptr<Stream>> streams;
    std::uint32_t inactivity_seconds = 0;  // zero: nobody asked
    std::uint32_t place = 0;               // in the table's list of all sessions
    bool emergency = false;                // somebody calls for help
    std::uint32_t captures = 0;            // of it that are under way

    SessionSide& side(Side s) { return sides[static_cast<std::size_t>(s)]; }
    const SessionSide& side(Side s) const { return sides[static_cast<std::size_t>(s)]; }
    Leg& leg(std::uint32_t stream, Side s) { return streams[stream]->leg(s); }

    // So many captures more or fewer: what is captured goes through the stages.
    void count_captures(int more) {
        captures = static_cast<std::uint32_t>(static_cast<int>(captures) + more);
        for (auto& stream : streams)
            for (Leg& leg : stream->legs) leg.settle_flow();
    }
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
