// What the core would do with an INVITE, and why: a core of its own, with copies of what the shards share, is given the
// message, and nothing leaves it. What answers is the code that answers calls. Names are not looked up, every target
// counts as up. Costs a copy of what the shards share, and the memory for it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/base/result.h"
#include "control/config/snapshot.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/identify.h"
#include "signaling/policy/verdict.h"
#include "signaling/stack/stack.h"

namespace sallyport::stack {

struct Question {
    std::string message = {};  // as on the wire; where its lines end with LF alone, its Content-Length means nothing
    policy::PartyKind kind = policy::PartyKind::trunk;
    std::string id = {};  // of the trunk or carrier that sends it; it counts as proven
    config::SnapshotPtr config = {};
    StackConfig node = {};  // realms and names
    bool draining = false, media_up = true;
    b2bua::MediaFeatures media_features = {};
    std::function<bool()> cancelled = [] { return false; };  // nobody waits for the answer any more
    TimePoint now{}, at{};                                   // of what is shared; of the call
    std::uint64_t seed = 0;
};
struct HeaderChange {
    std::string name;
    std::vector<std::string> before, after;  // its values in the message that came, and in the INVITE that is sent
};
struct LimitUse {
    policy::Level limit;
    policy::Use use;  // before this call
};
struct Explanation {
    std::optional<policy::Verdict> verdict;  // nothing: it was refused as a message
    std::uint16_t status = 0;                // of the final response; 0: it goes on
    std::string response, reason;            // that, and why
    std::string invite, request_uri, target;
    std::vector<HeaderChange> headers;
    std::vector<LimitUse> limits;
};
// What is wrong with which field of the question, as a sentence; empty: it was cancelled.
struct ExplainError {
    std::string field, text;
};

Result<Explanation, ExplainError> explain(const Question& question, const Shared& live);

}  // namespace sallyport::stack
