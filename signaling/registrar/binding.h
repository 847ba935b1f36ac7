// A binding: what a PBX registered (RFC 3261 10, RFC 6140, RFC 3327), keyed by the flow it came over (RFC 5626), not by
// the text of its Contact.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "control/base/time.h"
#include "signaling/transaction/flow.h"

namespace sallyport::registrar {

struct Binding {
    std::string trunk;    // id
    std::string aor;      // that was registered, "user@domain": the trunk's own, as long as it has that one
    std::string contact;  // URI as registered, bnc and expires removed
    bool bulk = false;    // ;bnc: a template for all numbers of the trunk
    Flow flow;
    std::string call_id;
    std::uint32_t cseq = 0;
    double q = 1.0;
    std::vector<std::string> path;  // Path values, topmost first
    std::string instance;           // +sip.instance
    std::string user_agent;
    TimePoint registered_at{}, expires_at{};
    bool flow_closed = false;  // the stream is gone: kept till it expires, not called
    bool silent = false;       // over UDP: it has answered probes and does not any more; not called until it does
    friend bool operator==(const Binding&, const Binding&) = default;
};

}  // namespace sallyport::registrar
