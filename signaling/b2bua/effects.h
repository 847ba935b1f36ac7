// What the core wants done. One vector per handled input, in order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "signaling/b2bua/call_record.h"
#include "signaling/b2bua/media.h"
#include "signaling/locate/locator.h"
#include "signaling/policy/identify.h"
#include "signaling/transaction/effects.h"

namespace sallyport::b2bua {

struct Resolve {  // a DNS question; the answer comes back with the same token
    std::uint64_t token = 0;
    locate::Question question;
};
struct WriteRecord {
    CallRecord record;
};
struct Checkpoint {    // a confirmed call as text, to be kept until `gone`
    std::string call;  // key
    std::string state;
    bool gone = false;
};
// A fact for the log; the core writes no log itself. Never a secret in it.
enum class Severity : std::uint8_t { info, warning, error };
struct LogFact {
    Severity severity = Severity::info;
    std::string event;  // short, stable: "registration", "call-refused"
    std::string call, trunk, text;
    std::string session;  // of a call: RFC 7989, as its caller has it
};

// An INVITE with Replaces (RFC 3891) about a call that another shard has, from a peer that has been identified; a copy
// of it, or its CANCEL.
struct HandOver {
    Flow flow;
    std::string bytes;
    std::string call_id, tag;  // of the dialog that is to be replaced: its Call-ID, the tag of its peer
    policy::Party party;
};

using Output = std::variant<transaction::Transmit, transaction::CloseFlow, Resolve, MediaCommand, WriteRecord,
                            Checkpoint, LogFact, HandOver>;
using Outputs = std::vector<Output>;

}  // namespace sallyport::b2bua
