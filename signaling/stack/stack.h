// The whole contract of the core: one Stack per shard. handle() is total, deterministic for a given seed and clock, and
// runs to completion; it does no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/base/counter.h"
#include "control/base/histogram.h"
#include "control/base/random.h"
#include "signaling/policy/location_use.h"
#include "signaling/policy/overload.h"
#include "signaling/registrar/location_store.h"
#include "signaling/stack/input.h"
#include "signaling/stack/output.h"
#include "signaling/transaction/layer.h"
#include "signaling/transaction/retry_after.h"
#include "signaling/transaction/timers.h"

namespace sallyport::stack {

// The few things that the shards of a node share.
struct Shared;  // defined in shared.h: LocationStore, call gauges, nonce counts, connections with calls
struct StackConfig {
    std::string node;  // "edge-1": in records, Via received-by texts never
    std::string server_header = "Sallyport";
    RealmTable realms;
    transaction::TimerValues timers;
    std::string nonce_secret;  // 32 bytes
    Duration nonce_life = 300s;
    std::size_t max_calls = 50'000;
    // Server transactions of this shard, and what they keep of requests and answers; of a node: shared out among its
    // shards. More are refused with 503.
    std::size_t max_transactions = 200'000;
    std::size_t max_transaction_bytes = 256u << 20;
    // Of those, that one source address may have: a known trunk's so many, anybody else's a tenth; more are refused
    // with 503. A carrier's: half of max_transactions.
    std::size_t source_transactions = 20'000;
    std::size_t emergency_calls = 1'000;  // beside max_calls, where all of those are taken
    std::size_t recent_calls = 1'000;     // ladders kept
    transaction::RetryWindow retry_window;
    Duration tolerated_busy = 20ms;  // a spell without rest that is no overload yet
    // Call-IDs of our own legs are drawn until this says yes, so that their messages come home to this shard.
    std::function<bool(std::string_view call_id)> is_home = [](std::string_view) { return true; };
    std::uint32_t shard = 0;
    std::size_t remembered_refreshes = 100'000;  // as PBXs say them over UDP, 4 kB each (8 at most); 0: none
    bool checkpoints = true;                     // confirmed calls are given out as text; half of what an answer costs
};

// Written by the shard, read by the exposer at any time.
struct StackStatistics {
    Counter messages_received, parse_errors, dropped_not_sip, requests_refused;
    Counter invites;  // of known parties: each is a call attempt
    Counter calls_answered, calls_failed, calls_refused_media_away, calls_refused_limit, calls_refused_full;
    Counter calls_refused_barred, calls_refused_hours, calls_refused_budget;
    std::array<Counter, policy::location_use_count> locations;  // of emergencies, by LocationUse; not `off`
    Counter registrations_ok, registrations_refused, challenges, authentication_failures;
    Counter refreshes_unparsed;  // REGISTERs and their challenges that said what the last ones had said
    Counter lockouts, refused_locked_out, dropped_locked_out;
    Counter subscriptions;  // alive now (set)
    Counter options_answered, options_sent;
    Counter calls, registrations, transactions;  // alive now (set)
    Counter records_written, carrier_failovers, calls_forwarded, forwards_refused;
    Counter requests_elsewhere;  // within dialogs, that went on to a further place of their peer (RFC 3263 4.3)
    Counter parties_replaced, replaces_refused;                      // INVITEs with Replaces (RFC 3891)
    Counter refused_draining;                                        // requests refused because this node drains
    std::array<Counter, policy::work_class_count> refused_overload;  // by WorkClass
    Counter refused_share;                                           // of sources that have all that one may have
    Counter overload_acks;                                           // ACKs to those refusals, passed over
    Counter overload_permille;                                       // level now, 0..1000 (set)
    SecondsHistogram setup_seconds{seconds_bounds};                  // INVITE to final answer
};

// What operators see; made on the shard between two inputs.
struct CallView {
    std::string id, session_id, trunk, direction, from, to, state, cause;
    std::string ladder;
    TimePoint started{}, answered{}, ended{};
    std::uint16_t status = 0;
    std::vector<std::string> sip_call_ids;
    std::optional<b2bua::CallRecord> record;
};
struct TargetView {
    std::string carrier, trunk;  // whose: one of them
    std::string target, detail;
    bool up = true;
    struct Address {
        std::string text, detail;
        bool up = true;
    };
    std::vector<Address> addresses;  // of a name
};

class Stack {
public:
    Stack(StackConfig config, Shared& shared, RandomSource& random);
    ~Stack();
    Stack(const Stack&) = delete;
    Stack& operator=(const Stack&) = delete;

    void handle(const Input& input, TimePoint now, Outputs& out);
    std::optional<TimePoint> next_deadline();

    // Whether this is an INVITE for help, as far as a glimpse shows: for whoever has several and more than can be done.
    bool calls_for_help(std::string_view bytes) const;
    // Whether it is known whose flow this is: by its registration, its address, or a proof by Digest.
    bool knows(const Flow& flow, TimePoint now) const;
    const StackStatistics& statistics() const;
    const transaction::LayerStatistics& transaction_statistics() const;
    // Newest first, without ladders; `trunk` empty: of all. Costs a look at every call and a copy of those listed.
    std::vector<CallView> calls(bool live_only, std::size_t limit, std::string_view trunk = {}) const;
    std::optional<CallView> call(std::string_view id_or_call_id) const;  // with its ladder
    std::vector<TargetView> targets() const;
    std::uint64_t config_revision() const;
    bool media_up() const;
    const b2bua::MediaFeatures& media_features() const;  // of the media plane that was there last
    // For tests and leak checks: everything that is alive.
    struct Alive {
        std::size_t calls = 0, transactions = 0, timers = 0;
    };
    Alive alive() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sallyport::stack
