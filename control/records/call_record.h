// A call record: what an operator bills and investigates one call attempt by. Plain values and their JSON line
// (schema 1, documented in control/records/README.md); knows no call and no file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "control/base/time.h"

namespace sallyport::records {

// One stream of one side, as the media plane counted it.
struct LegMedia {
    std::string side;          // "a": where the call came from, "b": where it went
    std::uint32_t stream = 0;  // index of the m-line
    std::uint64_t packets_received = 0, bytes_received = 0;
    std::uint64_t packets_sent = 0, bytes_sent = 0;
    std::uint64_t lost = 0;          // RFC 3550 A.3, of what was received
    double jitter_milliseconds = 0;  // RFC 3550 A.8
    std::uint64_t reordered = 0;
    double round_trip_milliseconds = 0;  // to this side's party, as its last RTCP report told; 0: none did
    double mos = 0, worst_mos = 0;       // ITU-T G.107 estimate; of the whole, and of its worst five seconds; 0: none
    std::uint64_t silences = 0;          // of this side's party, which was to send
    double silent_milliseconds = 0;      // together
    double one_way_milliseconds = 0;     // while the other side was heard
    std::uint64_t telephone_events = 0;  // digits and the like that this side's party dialled in the call, RFC 4733
    std::string srtp_suite;              // "AES_CM_128_HMAC_SHA1_80"; empty: plain RTP
    std::uint64_t srtp_auth_failures = 0;
    std::uint64_t dropped = 0;
    std::string local, remote;  // "192.0.2.1:40000"
    friend bool operator==(const LegMedia&, const LegMedia&) = default;
};

// A PBX has answered with a redirection, and the call was sent on in its place.
struct Forward {
    std::string from, to;           // E.164
    std::string trunk;              // of `from`
    std::uint32_t sip_status = 0;   // with which it was left, 302
    std::uint32_t left_status = 0;  // why `to` was left in turn; 0: it was not
    friend bool operator==(const Forward&, const Forward&) = default;
};

// A party of the call was replaced by another one that took its place with Replaces (RFC 3891).
struct Replacement {
    std::string side;         // "a", "b"
    std::string end;          // who was there before: "trunks/acme-hq"
    std::string sip_call_id;  // of the leg that was left
    std::optional<TimePoint> at;
    friend bool operator==(const Replacement&, const Replacement&) = default;
};

struct CallRecord {
    static constexpr int schema = 1;

    std::string id;                         // of the attempt, unique; what `sallyport call show` takes
    std::string node;                       // "edge-1"
    std::string session_id;                 // RFC 7989
    std::vector<std::string> sip_call_ids;  // leg a first
    std::string trunk, carrier, target;     // target: "sip:192.0.2.9:5060;transport=udp", the last one tried
    std::vector<std::string> ends;          // who was at leg a and leg b: "carriers/one", "trunks/acme-hq"
    std::string direction;                  // "from-pbx", "to-pbx", "on-net", "forwarded"
    std::vector<Forward> forwards;          // as they were tried
    std::vector<Replacement> replaced;      // in order
    std::string from, to;                   // numbers as E.164 where known, else the user part
    std::string asserted_identity;          // whom the caller was vouched for as; empty: nobody
    std::string redirecting_party;          // who sent the call on before it came here; empty: nobody
    std::string request_uri;                // of the INVITE that came, as written, 256 octets at most
    bool emergency = false;
    std::string location;  // of an emergency, what became of it: "area:munich"; empty: nobody looked

    std::optional<TimePoint> started;   // INVITE received
    std::optional<TimePoint> ringing;   // first 18x
    std::optional<TimePoint> answered;  // 2xx
    std::optional<TimePoint> ended;

    std::string ended_by;             // "caller", "callee", "sallyport"
    std::uint32_t sip_status = 0;     // final response to the INVITE
    std::uint32_t q850_cause = 0;     // ITU-T Q.850, 16: normal call clearing
    std::string reason;               // a sentence
    std::vector<std::string> codecs;  // as answered, "PCMA/8000"
    std::vector<LegMedia> media;
    friend bool operator==(const CallRecord&, const CallRecord&) = default;
};

// One line without its end. Times are RFC 3339 with milliseconds; text that is no UTF-8 is repaired, never refused.
std::string to_json(const CallRecord& record);

struct RecordError {
    std::string sentence;
};

// Reads what to_json() wrote; unknown keys of a later minor writer are ignored.
Result<CallRecord, RecordError> parse_call_record(std::string_view line);

// Times as the record writes them: "2026-11-21T12:30:00.125Z". Nothing before 1678 or after 2261.
std::optional<TimePoint> parse_rfc3339(std::string_view text);

}  // namespace sallyport::records
