// The composition root: shards, resolver, lines to media and control, record spool, what operators see. Put together in
// order, run until a signal, drained, taken apart.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/base/system_random.h"
#include "control/observe/exposer.h"
#include "control/observe/health.h"
#include "signaling/app/config_file.h"
#include "signaling/app/metrics.h"
#include "signaling/app/pulse.h"
#include "signaling/app/registration_keeper.h"
#include "signaling/app/trust_table.h"
#include "signaling/rpc/rpc_server.h"
#include "signaling/stack/shared.h"

namespace sallyport::app {

namespace asio = boost::asio;

// The configuration's faults end the process with another code than the machine's.
struct StartError {
    std::string sentence;
    bool configuration = false;
};

class Daemon {
public:
    explicit Daemon(Config config);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    std::optional<StartError> start();
    void run();  // until SIGTERM or SIGINT, the end of the drain and of the last call

private:
    using TlsContexts = std::vector<std::shared_ptr<const io::TlsContext>>;
    static Result<TlsContexts, std::string> load_tls(const Config& config);

    std::optional<StartError> make_shards();
    std::optional<StartError> make_lines();
    std::optional<StartError> make_windows();
    std::optional<std::string> fill(stack::StackConfig& config);  // a sentence when it cannot
    io::ShardHooks hooks_for(std::uint32_t shard);
    void write_record(b2bua::CallRecord record);
    void apply(const config::SnapshotPtr& snapshot, const rpc::ConfigWatch::Applied& done);
    config::SnapshotPtr snapshot() const;

    void wait_for_signal();
    void on_signal(int signal);
    void reload_certificates();
    void look_at_certificates();
    void fetch_staples();
    void begin_drain(int signal);
    void set_operator_drain(bool on);  // any thread
    std::pair<bool, TimePoint> drained() const;
    std::uint64_t alive(Counter stack::StackStatistics::*what) const;
    void release_calls();
    bool done();
    void tick();
    void look_at_health();

    Config config_;
    observe::ServiceManager manager_;
    SystemRandom random_;
    io::Clock clock_;
    asio::io_context context_{1};
    asio::signal_set signals_;
    asio::steady_timer timer_;
    stack::Shared shared_;
    std::vector<HookStatistics> hooks_;
    std::unique_ptr<records::Spool> spool_;
    std::unique_ptr<RegistrationKeeper> keeper_;
    std::unique_ptr<io::Shards> shards_;
    std::unique_ptr<io::Resolver> resolver_;
    std::vector<std::unique_ptr<rpc::MediaClient>> media_;
    std::unique_ptr<rpc::ConfigWatch> config_watch_;
    std::unique_ptr<rpc::RpcServer> server_;
    std::unique_ptr<observe::Exposer> exposer_;
    std::unique_ptr<Pulse> pulse_;
    mutable std::mutex snapshot_mutex_;
    config::SnapshotPtr snapshot_;
    TrustTable trust_table_{config_.realms};
    TimePoint certificates_seen_{}, staples_seen_{};
    std::optional<TimePoint> drain_until_, release_until_;
    bool ready_ = false;
    std::atomic<bool> stopping_{false};
    mutable std::mutex drain_mutex_;
    bool operator_drain_ = false;  // asked for by an operator; guarded, as the next one
    TimePoint drain_since_;
};

}  // namespace sallyport::app
