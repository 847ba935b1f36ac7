// What the core wants done. One vector per handled input, in order.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "signaling/b2bua/call_record.h"
#include "signaling/b2bua/media.h"
#include "signaling/locate/locator.h"
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
};

using Output = std::variant<transaction::Transmit, transaction::CloseFlow, Resolve, MediaCommand, WriteRecord,
                            Checkpoint, LogFact>;
using Outputs = std::vector<Output>;

}  // namespace sallyport::b2bua
