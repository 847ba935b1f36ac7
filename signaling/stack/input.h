// Everything that can happen to the core.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "control/config/snapshot.h"
#include "signaling/b2bua/media.h"
#include "signaling/locate/locator.h"
#include "signaling/policy/identify.h"
#include "signaling/transaction/flow.h"

namespace sallyport::stack {

// `busy`: for how long the shard has not had a moment of rest when it comes to this message.
struct Datagram {  // one UDP datagram; bytes live for the call of handle()
    Flow flow;
    std::string_view bytes;
    Duration busy{};
};
struct StreamMessage {  // one framed message of a TCP or TLS connection
    Flow flow;
    std::string_view bytes;
    Duration busy{};
};
struct HandedOver {  // an INVITE with Replaces about a call of this shard, by the shard that its sender was identified
                     // in
    Flow flow;
    std::string bytes;
    policy::Party party;
};
struct FlowClosed {  // or could not be opened: connection == 0
    Flow flow;
    std::string reason;
};
struct TimerDue {};  // the deadline named by next_deadline() has come
struct DnsAnswer {
    std::uint64_t token = 0;
    locate::Answer answer;
};
struct ConfigChanged {
    config::SnapshotPtr snapshot;
};
struct Restore {  // a Checkpoint of an earlier process; to be given before MediaState, which releases unknown sessions
    std::string state;
};
struct Drain {
    bool on = true;
};
struct ReleaseCalls {  // the process ends: nobody will be left to answer for them
    std::string reason;
};

using Input = std::variant<Datagram, StreamMessage, HandedOver, FlowClosed, TimerDue, DnsAnswer, b2bua::MediaReply,
                           b2bua::MediaEvent, b2bua::MediaState, ConfigChanged, Restore, Drain, ReleaseCalls>;

}  // namespace sallyport::stack
