// What a step of a call may touch beside the call itself: the parts of its shard, handed in with every event. Effects
// are written to the two buffers; nobody is called back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "control/base/counter.h"
#include "control/base/histogram.h"
#include "control/base/random.h"
#include "signaling/b2bua/effects.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/verdict.h"
#include "signaling/registrar/location_store.h"
#include "signaling/transaction/layer.h"
#include "signaling/transaction/retry_after.h"
#include "signaling/transaction/timers.h"

namespace sallyport::b2bua {

class CallIndex;
class AckKeeper;
class PartingRequests;
class TargetHealth;

struct Settings {
    std::string node;
    std::string server_header;
    RealmTable realms;
    transaction::TimerValues timers;
    std::function<bool(std::string_view call_id)> is_home;
    transaction::RetryWindow retry_window = {};
    bool checkpoints = true;  // false: nobody keeps them, and confirmed calls are not written down
    // A leg of a call here has a Call-ID that another shard would be asked for, or has it no longer.
    std::function<void(std::string_view call_id, std::string_view peers_tag, bool ours, TimePoint now)> adopt = {};
};
// The stack's counters, as far as calls move them.
struct CallCounters {
    Counter &answered, &failed, &records, &failovers, &forwards, &forwards_refused, &replaced, &elsewhere;
    SecondsHistogram& setup_seconds;
};
struct Context {
    const Settings& settings;
    const CallCounters& counters;
    transaction::Layer& layer;
    transaction::Timers& timers;
    RandomSource& random;
    registrar::LocationStore& locations;
    policy::CallGauges& gauges;
    TargetHealth& health;
    CallIndex& index;
    AckKeeper& acks;
    PartingRequests& partings;
    bool media_up = false;
    MediaFeatures media_features;
    TimePoint now{};
    transaction::Effects& effects;
    Outputs& out;
    policy::Decisions* decisions = nullptr;  // of a core that is asked what it would do

    void remember(const policy::Verdict& later) const {
        if (decisions != nullptr) decisions->add(later);
    }
    const Realm& realm(RealmIndex i) const { return settings.realms.at(i); }
    void transmit(const Flow& flow, std::string text, const std::string& tls_name) {
        effects.emplace_back(
            transaction::Transmit{flow, std::make_shared<const std::string>(std::move(text)), tls_name});
    }
};

inline constexpr Duration setup_patience = 10s;  // with DNS and the media plane together
inline constexpr Duration media_patience = 2s;   // with a reply of the media plane
// Of who has asked by UPDATE, whose transaction ends after 64*T1.
inline Duration update_patience(const transaction::TimerValues& timers) {
    return std::min<Duration>(20s, timers.t64() * 5 / 8);
}

// What a deadline of a call is for: TimerKey::kind with owner call.
enum class CallTimer : std::uint8_t {
    setup,       // no route or no media ports in time
    media,       // no reply of the media plane in time
    no_answer,   // timer C, RFC 3261 16.6
    repeat_2xx,  // RFC 3261 13.3.1.4
    no_ack,      // 64*T1 after the 2xx
    glare,       // the pause after a 491, RFC 3261 14.1
    record,      // the media plane's last word is overdue
    repeat_18x,  // RFC 3262 3
    early,       // an offer before the 2xx has waited long enough
    session,     // to renew a leg's session, or its peer has not: RFC 4028
    rest,        // nothing has been exchanged for a while
};

}  // namespace sallyport::b2bua
