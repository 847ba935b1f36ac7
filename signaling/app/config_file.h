// The node's file (/etc/sallyport/signaling.yaml) as values: every problem with its place, what is wrong and an
// example. Reads no other file and starts nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "control/base/time.h"
#include "control/observe/log.h"
#include "control/records/spool.h"
#include "control/yaml/node.h"
#include "signaling/io/connection_limits.h"
#include "signaling/io/resolver.h"
#include "signaling/io/stream_session.h"
#include "signaling/io/tls_context.h"
#include "signaling/registrar/lockouts.h"
#include "signaling/rpc/channel.h"
#include "signaling/transaction/flow.h"
#include "signaling/transaction/retry_after.h"
#include "signaling/transaction/timers.h"

namespace sallyport::app {

struct Config {
    std::string node;
    std::uint32_t shards = 1;
    RealmTable realms;
    std::vector<std::optional<io::TlsOptions>> tls;  // one per realm
    std::vector<std::uint8_t> dscp;                  // of SIP packets; one per realm
    io::StreamLimits streams;
    io::ConnectionQuota connections;
    io::ResolverOptions dns;
    transaction::TimerValues timers;
    std::size_t max_calls = 0, emergency_calls = 0, recent_calls = 0;  // of the node
    std::size_t source_transactions = 0;                               // of the node
    std::string nonce_secret_file;                                     // empty: drawn at every start
    Duration nonce_life{};
    registrar::LockoutPolicy lockout;
    rpc::RpcPeer media, control;
    std::uint32_t media_lease_seconds = 0;
    bool show_digits = false;                    // that are dialled in a call, in its ladder
    std::string config_cache;                    // empty: none
    std::string registrations;                   // the file that keeps them; empty: none
    std::uint16_t unwritable_registrations = 0;  // what REGISTER is answered meanwhile; 0: it is taken
    std::string grpc_listen;
    std::string metrics_listen;  // empty: none
    observe::LogOptions log;
    records::SpoolOptions records;
    Duration drain{};
    transaction::RetryWindow retry_window;
    Duration tolerated_busy{};
};

// `cores`: of this machine; `shards: 0` takes all but one.
Result<Config, std::vector<yaml::Problem>> read_config(std::string_view text, unsigned cores);

}  // namespace sallyport::app
