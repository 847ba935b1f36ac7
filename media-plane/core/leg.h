// One side of one stream: a pair of local UDP ports, the peer behind them, SRTP, and what was counted. The stages read
// and write it packet by packet; commands change it between bursts. Its address stays while the session lives.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "media-plane/core/codec_name.h"
#include "media-plane/core/commands.h"
#include "media-plane/core/flow.h"
#include "media-plane/core/key_terms.h"
#include "media-plane/core/latch.h"
#include "media-plane/core/numbering.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/payload_types.h"
#include "media-plane/core/policer.h"
#include "media-plane/core/quality.h"
#include "media-plane/core/reception.h"
#include "media-plane/core/reporter.h"
#include "media-plane/core/rtp.h"
#include "media-plane/core/same_place.h"
#include "media-plane/core/sending.h"
#include "media-plane/core/telephone_events.h"
#include "media-plane/srtp/engine.h"

namespace sallyport::media {

struct Leg;
struct Session;

// Whom a packet is from, as far as its source tells.
enum class Judgement : std::uint8_t {
    stranger,  // cannot be the peer
    possible,  // may be, if authentication or its bearing shows it
    peer,
};

// Counters beside those of the flow. They are full one day, and stay so, rather than begin anew: only a flood of weeks
// gets there.
struct LegCounter {
    std::uint32_t count = 0;
    void add() { count += count != std::numeric_limits<std::uint32_t>::max() ? 1u : 0u; }
    void take_back() { count -= count != 0 ? 1u : 0u; }
};
struct Amount {  // of RTP
    std::uint64_t packets = 0, bytes = 0;
};

// What process() has seen and tick() is to report.
struct LegNotes {
    bool first_packet = false, latched = false;
};
struct LegReported {  // and what it has
    std::uint32_t auth_failures = 0;
    TimePoint next_auth{}, next_key_use{};
};

// Where a peer was before signaling moved it: what it has sent until it knows comes from there still.
struct Departed {
    static constexpr Duration time = std::chrono::seconds{5};  // and who sends from there for longer is there
    Endpoint rtp, rtcp;
    TimePoint until{};
};

// The receiving key before this one, for a changeover.
struct RetiredKey {
    std::unique_ptr<srtp::CryptoContext> context;
    std::unique_ptr<KeyTerms> terms;  // there if it has any
    TimePoint until{};
};

struct LegExtras {  // most legs have none
    Departed departed;
    RetiredKey retired;
    std::unique_ptr<KeyTerms> key_terms;  // of the receiving key, where its sender has stated any
};

struct LegLink {  // its place in a LegList
    Leg* previous = nullptr;
    Leg* next = nullptr;  // itself, where it is the last; null: it is in none
    bool listed() const { return next != nullptr; }
};

struct alignas(64) Leg {
    // The first cache line: both directions. Why a packet is dropped is signaling's word boiled down by settle();
    // Drop::none if it is not.
    Leg* opposite = nullptr;
    Flow* flow = nullptr;  // of what is received here; there from open to close of its ports
    std::unique_ptr<srtp::CryptoContext> receive_context;
    Drop refuse = Drop::none;                                    // received here, RTP or RTCP
    Drop refuse_rtp = Drop::none;                                // received here, after the latch has seen it
    Drop withhold_rtp = Drop::none, withhold_rtcp = Drop::none;  // to be sent from here
    bool maps_payload : 1 = false;
    bool in_changeover : 1 = false;  // there is a retired key
    bool has_key_terms : 1 = false;  // there are key_terms()
    bool udptl : 1 = false;          // fax: no RTP header, no RTCP, no SRTP
    bool quiet : 1 = false;          // its latched source says nothing: it may have moved, see Latch::quiet_after
    bool sought : 1 = false;         // and what may be it has come from elsewhere: worth a learner
    MediaPortIndex port = 0;
    Latching latching = Latching::signalled_address;
    srtp::Suite suite = srtp::Suite::none;  // none: plain RTP
    std::unique_ptr<srtp::CryptoContext> send_context;

    // The second: where.
    Latch rtp;
    Endpoint local;            // RTP; RTCP is on the port above
    bool source_left = false;  // what was sent from here has said BYE, or we have for it, and nothing came since
    Side side = Side::a;
    Numbering numbering;  // of RTP under `send_context`

    // What only some packets need. What changes seldom fills the places between.
    Latch rtcp;
    bool disabled : 1 = false;
    bool held : 1 = false;          // its peer's address is 0.0.0.0 or ::, the hold of RFC 3264 8.4's older form
    bool wants_reports : 1 = true;  // no b=RS:0 with b=RR:0, RFC 3556
    bool video : 1 = false;
    Direction direction = Direction::sendrecv;
    std::uint8_t stream = 0;
    Pace pace;  // of what its peer sends
    LegNotes notes;
    LegCounter rtcp_received, rtcp_sent;  // sent: our own included
    LegCounter replays;
    LegReported reported;
    Reception reception;
    Amount kept_back;  // received, and not sent by the other leg
    Policer possible_police, rtcp_police;
    // With keys, of what is not yet shown to be authentic: of the SSRC that was heard last, of others, and of SRTCP.
    Policer cipher_police, strange_police, srtcp_police;
    Reporter reporter;
    PayloadTypes payload_types;  // as received here -> as sent by the opposite leg

    std::unique_ptr<TelephoneEvents> telephone;  // where signaling has named such types

    // What changes seldom.
    std::unique_ptr<LegExtras> extras;       // once its peer has moved, and while a key needs any
    std::unique_ptr<SourceLearner> learner;  // plain RTP: any_address until it has latched; `quiet`
    Session* session = nullptr;
    TimePoint expected_since{};  // from when on its peer should be sending; the epoch: it should not
    LegLink in_notes, in_due_reports;
    std::array<LegCounter, drop_count - first_of_leg> drops;  // see count_drop()
    Quality quality;
    Sending sending;
    CodecName codec;  // as signaling names it; empty: not said

    bool secure() const { return suite != srtp::Suite::none; }
    bool answered() const { return !rtp.signalled().empty(); }
    bool has_key_news() const {
        return (receive_context && receive_context->has_news()) || (send_context && send_context->has_news());
    }
    KeyUse key_use() const;
    bool peer_sends() const { return direction == Direction::sendrecv || direction == Direction::sendonly; }
    bool peer_receives() const { return direction == Direction::sendrecv || direction == Direction::recvonly; }

    Judgement judge(bool is_rtcp, const Endpoint& from) const {
        const Latch& latch = is_rtcp ? rtcp : rtp;
        if (latch.latched()) [[likely]]
            return same_place(from, latch.remote()) ? Judgement::peer
                   : quiet && !is_rtcp              ? judge_moved(from)
                                                    : Judgement::stranger;
        return judge_unlatched(is_rtcp, from);
    }
    // Its peer is there and hears of us, or is about to: it is to have reports, RFC 3550 6.
    bool takes_reports() const {
        return wants_reports && withhold_rtcp == Drop::none && !udptl && (reporter.reported() || opposite->answered());
    }
    // RTCP has come from there, or RTP from the port below, where signaling had put it. Another port of a host that was
    // heard says nothing: behind a carrier's NAT it is another subscriber's.
    bool heard_where_rtcp_goes() const;
    // It has been heard, or has not yet been told much in vain.
    bool may_be_told() const;
    // So early after signaling has moved the peer this does not show where it is.
    bool is_from_before(bool is_rtcp, const Endpoint& from, TimePoint now) const {
        return extras && now < extras->departed.until &&
               from == (is_rtcp ? extras->departed.rtcp : extras->departed.rtp);
    }
    bool has_received() const { return flow->packets + rtcp_received.count > 0; }
    // RTP with its header, before protect: all that crosses comes from the other leg.
    std::uint64_t packets_sent() const { return opposite->flow->packets - opposite->kept_back.packets; }
    std::uint64_t bytes_sent() const { return opposite->flow->bytes - opposite->kept_back.bytes; }
    std::uint32_t sent_ssrc() const { return opposite->flow->sent_ssrc; }
    // Of the stream that the peer hears.
    std::uint64_t packets_of_source() const {
        const std::uint64_t packets = packets_sent();
        return packets - std::min(reporter.packets_before_ssrc, packets);
    }
    // Another source's stream is relayed to the peer from now on, after so much of others.
    void begin_sending(std::uint32_t ssrc, Amount before);
    // A datagram is to be counted as sent that is none of that stream's; and it was not sent after all.
    void keep_from_reports(std::uint64_t bytes) {
        ++reporter.packets_before_ssrc;
        reporter.bytes_before_ssrc += bytes;
    }
    void take_back(std::uint64_t bytes) {
        reporter.packets_before_ssrc -= std::min<std::uint64_t>(reporter.packets_before_ssrc, 1);
        reporter.bytes_before_ssrc -= std::min(reporter.bytes_before_ssrc, bytes);
    }
    // After any change by signaling.
    void settle();
    // What settle() has found, and the latches of both legs, as the flow has it; after any change of those, for both.
    void settle_flow();
    void count_drop(Drop why) {
        const std::size_t place = static_cast<std::size_t>(why) - first_of_leg;
        if (place < drops.size()) drops[place].add();  // the others are of frames that are nobody's yet
    }
    std::uint32_t dropped(Drop why) const { return drops[static_cast<std::size_t>(why) - first_of_leg].count; }
    void settle_flows() {
        settle_flow();
        opposite->settle_flow();
    }
    // The source that the peer hears has left: reports have to know when it comes back.
    void note_source_left() {
        source_left = true;
        opposite->settle_flow();
    }
    // Keeps accepting the receiving key that is about to be replaced, until its sender must have heard of the new one.
    void retire_key(srtp::Engine& engine, TimePoint now);
    void forget_retired_key();
    KeyTerms* key_terms() const { return has_key_terms ? extras->key_terms.get() : nullptr; }
    void set_key_terms(std::unique_ptr<KeyTerms> terms);
    void remember_departed(const Departed& place);
    // Forgets where the peer was seen; the signalled address counts again.
    void relearn();
    // Where it has latched, if it has; and the same on a media plane that is gone, as far as it still may be believed.
    std::optional<Latched> latched() const;
    void resume_latch(const Latched& before);
    bool is_flowing(TimePoint now) const;  // RTP has come within Quality::patience
    // Whether RTP from elsewhere may take the latch now. Looked for between packets: a learner is memory.
    void look_for_quiet(TimePoint now);
    bool is_quiet(TimePoint now) const;
    LegStatistics statistics(TimePoint now) const;

private:
    Judgement judge_unlatched(bool is_rtcp, const Endpoint& from) const;
    Judgement judge_moved(const Endpoint& from) const;
    void settle_learner();
    void drop_extras();  // where there are none any more
};

// There are tens of thousands; what a session may take is measured by bench/media/session_memory.cpp.
static_assert(sizeof(Leg) <= 704);

// Both legs of one m-line, side by side in memory.
struct Stream {
    std::array<Leg, 2> legs;  // by Side
    Leg& leg(Side side) { return legs[static_cast<std::size_t>(side)]; }
    const Leg& leg(Side side) const { return legs[static_cast<std::size_t>(side)]; }
};

}  // namespace sallyport::media
