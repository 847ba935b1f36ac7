// What the B2BUA asks of the media plane and hears from it: signaling's own plain types (rpc/ converts them).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/base/bytes.h"
#include "control/base/endpoint.h"
#include "control/base/id.h"
#include "signaling/sdp/codec_rate.h"
#include "signaling/sdp/session_description.h"

namespace sallyport::b2bua {

using CallId = Id<struct CallTag>;

enum class Side : std::uint8_t { a, b };  // a: where the call came from
inline Side other(Side s) { return s == Side::a ? Side::b : Side::a; }

struct SsrcIndex {
    std::uint32_t ssrc = 0;
    std::uint64_t index = 0;  // RFC 3711 3.3.1: rollover counter, sequence number
    friend bool operator==(const SsrcIndex&, const SsrcIndex&) = default;
};
// How far a leg's keys have been used: the media plane tells it now and then, and is told it again when it has
// restarted, lest it use keystream twice.
struct KeyUse {
    std::uint32_t stream = 0;
    Side side = Side::a;
    std::vector<SsrcIndex> received, sent;
    std::uint32_t srtcp_sent = 0;
    std::vector<SsrcIndex> srtcp_received = {};                      // of each SSRC the highest index of SRTCP
    std::uint64_t sent_unlisted_from = 0;                            // where an SSRC begins that `sent` does not list
    std::uint64_t received_packets = 0, received_srtcp_packets = 0;  // under a key with a lifetime
    friend bool operator==(const KeyUse&, const KeyUse&) = default;
};
// Where a leg has latched, and under which word of ours: the media plane tells it, and is told it again when it has
// restarted, lest somebody else take the leg.
struct MediaLatched {
    std::uint32_t stream = 0;
    Side side = Side::a;
    Endpoint rtp, rtcp;  // empty: not seen
    Endpoint signalled;
    bool authenticated = false;
    friend bool operator==(const MediaLatched&, const MediaLatched&) = default;
};
struct MediaKeys {
    std::string suite;                   // SDES name; empty: no SRTP
    Bytes receive, send;                 // master key followed by salt
    std::optional<KeyUse> used;          // on a media plane that is gone
    Bytes receive_mki = {};              // of the peer's packets; empty: they have none
    std::uint64_t receive_lifetime = 0;  // so many packets under `receive` are one too many; 0: as the suite has it
};
struct MediaLeg {  // absent: unchanged
    std::uint32_t stream = 0;
    Side side = Side::a;
    std::optional<Endpoint> remote, remote_rtcp;
    std::optional<MediaKeys> keys;
    std::optional<sdp::Direction> direction;  // as the side's peer has it
    std::optional<bool> latch_any_address;
    std::optional<std::vector<std::pair<std::uint8_t, std::uint8_t>>>
        payload_map;  // received -> sent on the other side; other types are dropped
    std::vector<sdp::TelephoneEventType> telephone_events;  // with payload_map
    std::optional<std::uint32_t> clock_rate;
    std::optional<std::string> codec;     // encoding name of what its peer sends most likely
    std::optional<sdp::StreamPace> pace;  // of what its peer may send
    std::optional<bool> video;            // it is no audio
    std::optional<bool> udptl;            // T.38 (true) or RTP
    std::optional<bool> reports;          // false: its peer wants no RTCP of ours
    std::optional<MediaLatched> latched;  // on a media plane that is gone
    bool relearn = false;                 // with an unspecified remote: its peer is gone
    bool disabled = false;                // stated with every change
};
struct MediaLocal {
    std::uint32_t stream = 0;
    Side side = Side::a;
    Endpoint rtp, rtcp;
};
enum class MediaVerb : std::uint8_t { allocate, modify, release };
struct MediaCommand {
    MediaVerb verb = MediaVerb::allocate;
    CallId call;              // comes back in the reply
    std::uint64_t token = 0;  // comes back in the reply; 0: no reply wanted
    std::string session;      // key of the media session, unique per node incarnation
    bool emergency = false;   // goes before all others, and its allocate has what is kept for it
    // allocate:
    std::string port_a, port_b;
    Family family_a = Family::none, family_b = Family::none;
    std::uint32_t streams = 1;  // modify: grows the session to so many, never shrinks it
    std::uint32_t inactivity_seconds = 0;
    std::string call_label, trunk;
    std::vector<MediaLocal> restore;
    // allocate, modify:
    std::vector<MediaLeg> legs;
    bool answered = false;  // the call is: who sends nothing from now on is silent
    // release: its peers are told BYE. Not if they go on elsewhere, or nobody here knows of them.
    bool call_ends = false;
};
struct MediaLegStatistics {
    std::uint32_t stream = 0;
    Side side = Side::a;
    std::uint64_t packets_received = 0, bytes_received = 0, packets_sent = 0, bytes_sent = 0, lost = 0, dropped = 0;
    std::uint64_t srtp_auth_failures = 0;
    double jitter_seconds = 0;
    std::uint64_t reordered = 0;
    double round_trip_seconds = 0;       // 0: no report told
    double mos = 0, worst_mos = 0;       // 0: not estimated
    std::uint64_t silences = 0;          // of a peer that was to send
    double silent_seconds = 0;           // together
    double one_way_seconds = 0;          // while the other side's stream flowed
    std::uint64_t telephone_events = 0;  // of RFC 4733, each counted once
    std::string suite;
    Endpoint local, remote;
};
struct MediaReply {
    CallId call;
    std::uint64_t token = 0;
    bool ok = false;
    std::string error;  // why not: "no ports", "media plane away", ...
    std::vector<MediaLocal> local;
    std::vector<MediaLegStatistics> statistics;  // release
    std::vector<KeyUse> used;                    // allocate: of the legs with keys
    std::vector<MediaLatched> latched;           // allocate: of the legs that have
};
enum class MediaEventKind : std::uint8_t {
    first_packet,
    latched,
    inactivity,
    srtp_auth_failures,
    released,
    key_use,
    silence,          // of a stream, for milliseconds `count`; it may be heard again
    heard_again,      // after `count`
    telephone_event,  // of RFC 4733, `count` of them; the last one is told
    not_sent,         // nothing is sent to the leg's peer: `count` packets were dropped, at last because of `drop`
    sent_again,       // after `count` milliseconds
    key_ends,         // of the packets that the lifetime of the peer's key allows `count` are left
};
struct MediaEvent {
    MediaEventKind kind = MediaEventKind::first_packet;
    std::string session;
    std::uint32_t stream = 0;
    Side side = Side::a;
    Endpoint endpoint;
    std::uint64_t count = 0;
    std::vector<MediaLegStatistics> statistics;
    KeyUse used;                           // key_use
    MediaLatched latched;                  // latched
    bool one_way = false;                  // silence: the other side's stream flows
    std::string drop;                      // not_sent
    struct {                               // telephone_event
        std::optional<std::uint8_t> code;  // where the operator wants it; it may be a digit of a PIN
        std::uint32_t milliseconds = 0;
        bool unended = false;  // its end was lost
    } telephone{};
};
// Of a media plane, as far as signaling does something else without it.
struct MediaFeatures {
    bool fax = true;  // UDPTL; without it T.38 is refused
    bool mki = true;  // without it lines of SDES that have one are passed over
};
// The media plane came or went. `incarnation` changes when it has restarted: then its sessions are gone, and live calls
// are programmed anew; `sessions`: those it still has of ours (unknown ones are released).
struct MediaState {
    bool up = false;
    std::uint64_t incarnation = 0;
    std::vector<std::string> sessions;
    MediaFeatures features{};
};

}  // namespace sallyport::b2bua
