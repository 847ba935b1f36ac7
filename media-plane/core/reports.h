// The reports that the plane makes itself, RFC 3550 6: which legs' peers are to have one, what it says, and BYE at the
// end. Made a few at a time, so that ten thousand calls on hold are no burst. Sends nothing: whoever has packet buffers
// asks.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "control/base/random.h"
#include "media-plane/core/captures.h"
#include "media-plane/core/leg_list.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/rtcp_compound.h"
#include "media-plane/core/session.h"
#include "media-plane/core/statistics.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media {

class Reports {
public:
    // Room for a compound and for what SRTCP adds to it.
    static constexpr std::size_t packet_bytes = rtcp::compound_bytes + 32;

    Reports(RandomSource& random, srtp::Engine& engine, Notes& notes, Captures& captures,
            PipelineStatistics& statistics);

    // A session that is new: the names under which its sides report, RFC 7022. Nothing of them tells who or where we
    // are, or which two legs belong together.
    void name(Session& session);
    // After any change of its legs: whose peers are to have reports from now on.
    void settle(Session& session, TimePoint now);
    // Now and then, about once a second: which of its legs' reports are due.
    void look(Session& session, TimePoint now);
    // The leg is about to end, as it still is: BYE, if its peer has had anything from us.
    void say_goodbye(Leg& leg, TimePoint now);
    // The leg is about to be destroyed.
    void forget(Leg& leg) { due_.remove(leg); }

    bool any() const { return due_.size() > 0 || !goodbyes_.empty(); }
    // See Pipeline::write_reports().
    std::size_t write(std::span<Packet> room, TimePoint now);

private:
    struct Goodbye {  // ready to be sent: its leg may be gone by then
        std::array<std::uint8_t, packet_bytes> bytes;
        std::uint16_t length = 0;
        MediaPortIndex out_port = 0;
        Service service = Service::rtcp;
        Endpoint to, source;
    };
    std::uint32_t own_source_of(Leg& leg) const;
    rtcp::Compound compound_of(Leg& leg, TimePoint now);  // whose name is good until the next one
    std::string_view cname_of(const SessionSide& side);
    bool write(Leg& leg, const rtcp::Compound& compound, Packet& packet, TimePoint now);
    static void count_unheard(Leg& leg);
    bool write_due(Leg& leg, Packet& packet, TimePoint now);
    Duration between(Duration least, Duration most);

    RandomSource& random_;
    srtp::Engine& engine_;
    Notes& notes_;
    Captures& captures_;
    PipelineStatistics& statistics_;
    DueReports due_;
    std::vector<Goodbye> goodbyes_;
    std::array<char, rtcp::longest_cname> cname_{};
};

}  // namespace sallyport::media
