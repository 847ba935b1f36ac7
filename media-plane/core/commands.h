// What signaling asks of the media plane, as plain values: the mirror of proto/sallyport/media/v1, without it.
// Commands cross a ring to the lcore that owns the session; replies and events come back the same way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "media-plane/core/pace.h"
#include "media-plane/core/packet.h"
#include "media-plane/srtp/key_use.h"
#include "media-plane/srtp/secret_bytes.h"
#include "media-plane/srtp/suite.h"

namespace sallyport::media {

inline constexpr std::uint32_t max_streams = 16;

enum class Side : std::uint8_t { a, b };
inline Side other(Side s) { return s == Side::a ? Side::b : Side::a; }
// As the SDP of this side's peer has it: sendonly means the peer sends and does not want to receive.
enum class Direction : std::uint8_t { sendrecv, sendonly, recvonly, inactive };
enum class Latching : std::uint8_t { signalled_address, any_address, off };

struct SessionKey {
    std::string client, session;  // session is unique per client
    friend bool operator==(const SessionKey&, const SessionKey&) = default;
    friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};
struct PayloadMap {
    std::uint8_t from = 0, to = 0;
};
struct TelephoneEventType {  // RFC 4733, as received
    std::uint8_t payload_type = 0;
    std::uint32_t clock_rate = 8000;
    std::uint32_t sent_clock_rate = 8000;  // as the other leg sends it
};
struct KeyUse {  // of both keys of a leg
    srtp::KeyUse received, sent;
    std::uint64_t received_packets = 0, received_srtcp = 0;  // authentic ones, of a key with a lifetime
};
struct LegKeyUse {
    std::uint32_t stream = 0;
    Side side = Side::a;
    KeyUse used;
};
struct Latched {         // of a leg; what is empty was not seen
    Endpoint rtp, rtcp;  // where the peer is
    Endpoint signalled;  // where signaling had put it: for another place it means nothing
    bool authenticated = false;
};
struct LegLatched {
    std::uint32_t stream = 0;
    Side side = Side::a;
    Latched latched;
};
struct Keys {
    srtp::Suite suite = srtp::Suite::none;
    srtp::SecretBytes receive, send;  // master key followed by master salt, RFC 4568 order
    std::optional<KeyUse> used;       // on a media plane that is gone; concerns keys that the leg does not have yet
    Bytes receive_mki;                // of the peer's packets, at most 128 octets; empty: they have none
    std::uint64_t receive_lifetime =
        0;  // so many packets, of SRTP or of SRTCP, are one too many; 0: as the suite has it
};
struct LegChange {  // absent: unchanged
    std::uint32_t stream = 0;
    Side side = Side::a;
    std::optional<Endpoint> remote, remote_rtcp;
    std::optional<Keys> keys;
    std::optional<Direction> direction;
    std::optional<Latching> latching;
    std::optional<std::vector<PayloadMap>> payload_map;
    bool drop_unmapped = false;                        // with payload_map: the types that it does not name
    std::vector<TelephoneEventType> telephone_events;  // likewise: which of them those are
    std::optional<std::uint32_t> clock_rate;
    std::optional<std::string> codec;  // encoding name of what its peer sends most likely
    std::optional<Pace> pace;          // of what its peer sends; not of an emergency
    std::optional<bool> video;         // it is no voice, and may be marked otherwise on the wire
    std::optional<bool> udptl;         // ITU-T T.38 instead of RTP
    std::optional<bool> reports;       // false: its peer wants no RTCP of ours, RFC 3556
    std::optional<Latched> latched;    // on a media plane that is gone; concerns a leg that has not latched by itself
    bool relearn = false;              // with an unspecified remote: its peer is gone
    bool disabled = false;             // stated with every change: true is an m-line with port 0
};
struct LocalEndpoint {
    std::uint32_t stream = 0;
    Side side = Side::a;
    Endpoint rtp, rtcp;
};
struct Allocate {
    SessionKey key;
    std::string port_a, port_b;                               // names of media ports
    Family family_a = Family::none, family_b = Family::none;  // none: the port's first
    std::uint32_t streams = 1;
    std::vector<LegChange> legs;
    std::uint32_t inactivity_seconds = 0;
    std::string call, trunk;
    std::vector<LocalEndpoint> restore;
    bool answered = false;   // see Modify
    bool emergency = false;  // may have what is kept for such sessions
};
struct Modify {
    SessionKey key;
    std::vector<LegChange> legs;
    std::uint32_t streams = 0;  // 0: unchanged; never shrinks
    bool answered = false;      // and stays so: who sends nothing from now on is silent
};
struct Release {
    SessionKey key;
    bool by_lease = false;   // the lease ended: an Event{released} is due instead of a reply
    bool call_ends = false;  // its peers are told BYE; otherwise they go on elsewhere, or nobody knows
};

enum class Code : std::uint8_t {
    ok,
    invalid,
    no_ports,
    no_session,
    stale_epoch,
    overloaded,
    unknown_port,
    unsupported,
    draining
};

struct LegStatistics {
    std::uint32_t stream = 0;
    Side side = Side::a;
    std::uint64_t packets_received = 0, bytes_received = 0, packets_sent = 0, bytes_sent = 0;
    std::uint64_t rtcp_received = 0, rtcp_sent = 0, lost = 0;
    double jitter_seconds = 0;
    std::uint64_t srtp_auth_failures = 0, srtp_replays = 0;
    std::vector<std::pair<Drop, std::uint64_t>> drops;
    Endpoint local, remote;
    bool latched = false;
    srtp::Suite suite = srtp::Suite::none;
    bool udptl = false;
    std::optional<Duration> last_packet_age;
    // Of what was received; see quality.h.
    std::uint64_t reordered = 0, silences = 0;
    std::optional<Duration> round_trip;
    double mos = 0, worst_mos = 0, recent_mos = 0;  // 0: not estimated
    double recent_loss = 0;                         // 0 to 1
    double packets_per_second = 0, drops_per_second = 0;
    Duration silent{}, one_way{};
    bool is_silent = false;
    std::uint64_t telephone_events = 0;
    std::string codec;
};
struct SessionStatistics {
    SessionKey key;
    std::string call, trunk;
    Duration age{};
    std::vector<LegStatistics> legs;
};
struct Reply {
    Code code = Code::ok;
    std::string text;                             // says which field and why when code is not ok
    std::vector<LocalEndpoint> local;             // allocate, modify
    std::optional<SessionStatistics> statistics;  // release
    std::vector<LegKeyUse> used;                  // allocate
    std::vector<LegLatched> latched;              // allocate
};
enum class EventKind : std::uint8_t {
    first_packet,
    latched,
    inactivity,
    srtp_auth_failures,
    released,
    key_use,
    silence,          // count: milliseconds without RTP so far
    heard_again,      // count: milliseconds that there was none
    telephone_event,  // count: those that are over since the last one was said
    not_sent,         // count: packets to the leg's peer that were dropped since the last one left; drop: why, at last
    sent_again,       // count: milliseconds that nothing was
    key_ends,         // count: packets that the lifetime of the peer's key leaves
};
struct TelephoneEvent {  // RFC 4733 2.3
    std::uint8_t code = 0;
    Duration duration{};
    bool ended = false;  // else its end did not arrive
};
struct Event {
    EventKind kind = EventKind::first_packet;
    SessionKey key;
    std::uint32_t stream = 0;
    Side side = Side::a;
    Endpoint endpoint;
    std::uint64_t count = 0;
    std::optional<SessionStatistics> statistics;
    KeyUse used;
    std::optional<Latched> latched;
    bool one_way = false;      // silence: the other side's stream flows
    TelephoneEvent telephone;  // telephone_event
    Drop drop = Drop::none;    // not_sent
};

}  // namespace sallyport::media
