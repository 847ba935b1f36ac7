// One record per call attempt, made when it ends. Plain values; the shell writes it down.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "control/base/time.h"
#include "signaling/b2bua/history.h"
#include "signaling/b2bua/media.h"

namespace sallyport::b2bua {

// A party that another one has replaced (RFC 3891).
struct Replaced {
    Side side = Side::a;
    std::string end, call_id;  // of the leg that was left
    TimePoint at{};
};

struct CallRecord {
    std::string id;          // unique per node and for all time: the call's internal id
    std::string session_id;  // RFC 7989
    std::string trunk, carrier, realm_a, realm_b;
    std::array<std::string, 2> ends;  // who is at leg a and leg b: "trunks/acme-hq", "carriers/one"
    std::string direction;            // "from-pbx", "to-pbx", "on-net", "forwarded"
    std::vector<Forward> forwards;    // in the order in which they were tried
    std::vector<Replaced> replaced;   // in order
    std::string caller, called;       // as signalled, E.164 where it is one
    std::string asserted_identity;    // whom the caller was vouched for as
    std::string redirecting_party;    // who sent the call on before it came here
    std::string request_uri;          // of the INVITE that came, its beginning if it is long
    bool emergency = false;
    std::string location;  // what became of that of an emergency: "area:munich", "no-area"; empty: nobody looked
    std::string target;    // where leg B went, "tls 192.0.2.7:5061"
    std::string call_id_a, call_id_b;
    TimePoint started{}, rang{}, answered{}, ended{};  // epoch 0: did not happen
    std::uint16_t status = 0;                          // final SIP status towards the caller; 200 for an answered call
    std::uint16_t q850 = 0;                            // cause
    std::string ended_by;                              // "caller", "callee", "node"
    std::string reason;                                // sentence
    std::vector<std::string> codecs;                   // answered, in order
    std::vector<MediaLegStatistics> media;
};

}  // namespace sallyport::b2bua
