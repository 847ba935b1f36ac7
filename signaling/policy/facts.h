// What policy knows about a call attempt: gathered by the caller, read by the rules, changed by nobody.
#pragma once

#include <string>
#include <vector>

#include "control/base/time.h"
#include "control/config/snapshot.h"
#include "signaling/policy/holding.h"
#include "signaling/policy/identify.h"
#include "signaling/registrar/location_store.h"
#include "signaling/sip/message.h"
#include "signaling/sip/uri.h"

namespace sallyport::policy {

struct CallFacts {
    const config::Snapshot& config;
    const registrar::LocationStore& locations;
    TimePoint now{};
    Party party;  // identified: never unknown
    Transport transport = Transport::udp;
    sip::Uri request_uri;                  // decides where the call goes; To never does (SIPconnect 10.2.2)
    const sip::Message* invite = nullptr;  // for what it says of its caller
    const Realm* realm = nullptr;          // it came through: whose names are ours
    std::uint32_t draw = 0;                // random: which of several equals is first
    bool draining = false;
    bool media_up = true;
    bool full = false;                      // as many calls as this shard carries
    bool overfull = false;                  // and what it keeps for emergencies beside them
    std::size_t turns = 0;                  // this session has made through here, each with fewer hops left
    std::vector<std::string> been_at = {};  // E.164: where a call that is sent on was before
    std::string caller_trunk = {};          // of a call between PBXs that is sent on: the trunk at its beginning
    const Holding* holding = nullptr;       // what the same call holds by now, to be given back if it is admitted
};

}  // namespace sallyport::policy
