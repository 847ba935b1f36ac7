#include "signaling/app/daemon.h"

#include <boost/asio/post.hpp>
#include <chrono>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "signaling/app/record_convert.h"

namespace sallyport::app {
namespace {

constexpr std::size_t nonce_secret_bytes = 32;
constexpr Duration media_keep_alive = 10s;

// The node's places, shared out among its shards.
std::size_t calls_of_shard(const Config& config) { return std::max<std::size_t>(1, config.max_calls / config.shards); }
std::size_t emergency_calls_of_shard(const Config& config) {
    return (config.emergency_calls + config.shards - 1) / config.shards;
}

std::uint64_t new_epoch() {  // grows with every start, and is never 0
    return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

observe::Level level_of(b2bua::Severity severity) {
    switch (severity) {
        case b2bua::Severity::info: return observe::Level::info;
        case b2bua::Severity::warning: return observe::Level::warning;
        case b2bua::Severity::error: return observe::Level::error;
    }
    return observe::Level::error;
}

void log_fact(const b2bua::LogFact& fact) {
    const auto level = level_of(fact.severity);
    const observe::Field event("event", fact.event), call("call", fact.call), trunk("trunk", fact.trunk);
    const observe::Field session("session_id", fact.session);
    if (fact.call.empty() && fact.trunk.empty()) return observe::log(level, fact.text, {event});
    if (fact.call.empty()) return observe::log(level, fact.text, {event, trunk});
    if (fact.trunk.empty()) return observe::log(level, fact.text, {event, call, session});
    observe::log(level, fact.text, {event, call, trunk, session});
}

}  // namespace

Daemon::Daemon(Config config)
    : config_(std::move(config)),
      signals_(context_, SIGTERM, SIGINT, SIGHUP),
      timer_(context_),
      hooks_(config_.shards),
      drain_since_(clock_.now()) {}

// Whoever calls into others goes before them; the spool last, with what is still to be written.
Daemon::~Daemon() {
    exposer_.reset();
    server_.reset();
    pulse_.reset();
    config_watch_.reset();
    if (shards_) shards_->stop();
    media_.clear();
    resolver_.reset();
    shards_.reset();
    keeper_.reset();
    spool_.reset();
}

std::optional<StartError> Daemon::start() {
    if (auto wrong = make_shards()) return wrong;
    keeper_ = std::make_unique<RegistrationKeeper>(
        config_.registrations, shared_.locations, config_.realms, clock_,
        UnwritableAnswer{config_.unwritable_registrations, shared_.register_refusal});
    if (auto wrong = make_lines()) return wrong;
    if (auto wrong = make_windows()) return wrong;
    for (std::uint32_t i = 0; i < shards_->size(); ++i) shards_->at(i).set_hooks(hooks_for(i));
    shards_->start();
    for (const auto& client : media_) client->start();
    config_watch_->start();
    for (const auto& realm : config_.realms)
        for (const auto& listener : realm.listeners)
            observe::log_info("listening", {{"realm", realm.name},
                                            {"transport", to_string(listener.transport)},
                                            {"address", listener.bind.to_string()}});
    return std::nullopt;
}

std::optional<StartError> Daemon::make_shards() {
    auto contexts = load_tls(config_);
    if (!contexts) return StartError{contexts.error(), true};
    stack::StackConfig stack;
    if (auto wrong = fill(stack)) return StartError{*wrong, true};
    auto spool = records::Spool::open(config_.records);
    if (!spool) return StartError{spool.error()};
    spool_ = std::move(*spool);
    shared_.lockouts.set_policy(config_.lockout);
    shared_.nonce_counts.set_maker(std::uint64_t{random_.u32()} << 32 | random_.u32());
    io::Shards::Options options{config_.shards, config_.streams, config_.connections, {}, config_.dscp};
    random_.fill(options.hash_key);
    shards_ = std::make_unique<io::Shards>(context_, clock_, options, stack, shared_);
    shards_->tls().exchange(std::move(*contexts));
    if (auto wrong = shards_->listen()) return StartError{*wrong};
    return std::nullopt;
}

std::optional<StartError> Daemon::make_lines() {
    auto resolver = io::Resolver::create(context_, clock_, config_.dns);
    if (!resolver) return StartError{resolver.error(), true};
    resolver_ = std::move(*resolver);
    const std::uint64_t epoch = new_epoch();
    for (std::uint32_t i = 0; i < shards_->size(); ++i) {
        auto channel = rpc::make_channel(config_.media, media_keep_alive);
        if (!channel) return StartError{"media.tls: " + channel.error(), true};
        rpc::MediaClientOptions options;
        options.client = config_.node + '/' + std::to_string(i);
        options.epoch = epoch;
        options.lease_seconds = config_.media_lease_seconds;
        options.telephone_event_codes = config_.show_digits;
        io::Shard& shard = shards_->at(i);
        media_.push_back(std::make_unique<rpc::MediaClient>(
            shard.context(), shard.gathering(), *channel, options,
            [&shard](stack::Input input) { shard.post(std::move(input)); }, log_fact));
    }
    auto channel = rpc::make_channel(config_.control, {});
    if (!channel) return StartError{"control.tls: " + channel.error(), true};
    config_watch_ = std::make_unique<rpc::ConfigWatch>(
        context_, *channel, config_.node + "/signaling", config_.config_cache,
        [this](const config::SnapshotPtr& s, const rpc::ConfigWatch::Applied& done) { apply(s, done); }, log_fact);
    return std::nullopt;
}

std::optional<StartError> Daemon::make_windows() {
    rpc::StateSources state{*shards_,
                            shared_.locations,
                            shared_.lockouts,
                            clock_,
                            config_.realms,
                            config_.node,
                            SALLYPORT_VERSION,
                            [this] { return snapshot(); },
                            [this] { return config_watch_->statistics().up.read() != 0; },
                            [this](const b2bua::CallRecord& r) { return records::to_json(to_spool(r, config_.node)); },
                            &shared_,
                            [this](bool on) { set_operator_drain(on); },
                            [this] { return drained(); },
                            calls_of_shard(config_),
                            emergency_calls_of_shard(config_)};
    auto server = rpc::RpcServer::start(config_.grpc_listen, std::move(state));
    if (!server) return StartError{server.error()};
    server_ = std::move(*server);
    pulse_ = std::make_unique<Pulse>(*shards_, clock_.now());
    if (config_.metrics_listen.empty()) return std::nullopt;
    const auto gather = [this] {
        return collect({*shards_, config_.realms, shared_.locations, shared_.lockouts, keeper_->statistics(),
                        resolver_->statistics(), media_, config_watch_->statistics(), spool_->stats(), hooks_,
                        shared_.trunk_states, shared_.digest_in_clear, drained().first, &shared_.gauges, snapshot()});
    };
    try {
        exposer_ = std::make_unique<observe::Exposer>("sallyport-signaling", config_.metrics_listen, gather);
    } catch (const std::runtime_error& taken) {
        return StartError{taken.what()};
    }
    return std::nullopt;
}

Result<Daemon::TlsContexts, std::string> Daemon::load_tls(const Config& config) {
    TlsContexts contexts(config.realms.size());
    for (std::size_t i = 0; i < contexts.size(); ++i) {
        if (!config.tls[i]) continue;
        auto context = io::TlsContext::load(*config.tls[i]);
        if (!context) return "realms[" + std::to_string(i) + "].tls: " + context.error();
        contexts[i] = std::move(*context);
    }
    return contexts;
}

std::optional<std::string> Daemon::fill(stack::StackConfig& config) {
    config.node = config_.node;
    config.realms = config_.realms;
    config.timers = config_.timers;
    config.retry_window = config_.retry_window;
    config.tolerated_busy = config_.tolerated_busy;
    config.nonce_life = config_.nonce_life;
    config.max_calls = calls_of_shard(config_);
    config.emergency_calls = emergency_calls_of_shard(config_);
    config.recent_calls = config_.recent_calls / config_.shards;
    config.source_transactions = (config_.source_transactions + config_.shards - 1) / config_.shards;
    config.remembered_refreshes /= config_.shards;
    config.checkpoints = false;  // nobody here would keep them
    config.nonce_secret.resize(nonce_secret_bytes);
    if (config_.nonce_secret_file.empty()) {
        random_.fill({reinterpret_cast<std::uint8_t*>(config.nonce_secret.data()), nonce_secret_bytes});
        return std::nullopt;
    }
    std::ifstream file(config_.nonce_secret_file, std::ios::binary);
    if (!file.read(config.nonce_secret.data(), nonce_secret_bytes))
        return "digest.nonce_secret_file: " + config_.nonce_secret_file +
               ": cannot be read, or has fewer than 32 bytes; example: head -c 32 /dev/urandom > FILE";
    return std::nullopt;
}

io::ShardHooks Daemon::hooks_for(std::uint32_t i) {
    io::ShardHooks hooks;
    hooks.resolve = [this, i](std::uint64_t token, const locate::Question& question) {
        asio::post(context_, [this, i, token, question] {
            resolver_->ask(question, [this, i, token](const locate::Answer& answer) {
                shards_->at(i).post(stack::Input{stack::DnsAnswer{token, answer}});
            });
        });
    };
    hooks.media = [client = media_[i].get()](const b2bua::MediaCommand& command) { client->submit(command); };
    hooks.write_record = [this](b2bua::CallRecord record) { write_record(std::move(record)); };
    hooks.checkpoint = [&counters = hooks_[i]](const b2bua::Checkpoint&) { counters.checkpoints.add(); };
    hooks.log = log_fact;
    return hooks;
}

void Daemon::write_record(b2bua::CallRecord record) {
    const records::CallRecord spooled = to_spool(std::move(record), config_.node);
    spool_->append(records::to_json(spooled), [id = spooled.id](bool durable) {
        if (!durable) observe::log_error("call record lost: the spool took it not", {{"call", id}});
    });
}

void Daemon::apply(const config::SnapshotPtr& snapshot, const rpc::ConfigWatch::Applied& done) {
    {
        const std::lock_guard lock(snapshot_mutex_);
        snapshot_ = snapshot;
    }
    std::vector<std::string> problems;
    shards_->tls().exchange_trusts(trust_table_.make(snapshot, problems));
    for (const auto& problem : problems) observe::log_error(problem);
    shards_->connections().provision([snapshot, &realms = config_.realms](RealmIndex realm, const IpAddress& source) {
        const Realm& at = realms[realm];
        if (at.trusted) return snapshot->carrier_by_source(at.name, source) != nullptr;
        return snapshot->trunk_by_source(at.name, source) != nullptr;
    });
    const auto left = std::make_shared<std::atomic<std::uint32_t>>(shards_->size());
    const io::Task applied = [left, done](stack::Stack&) {
        if (left->fetch_sub(1) == 1) done();
    };
    for (std::uint32_t i = 0; i < shards_->size(); ++i) {
        shards_->at(i).post(stack::Input{stack::ConfigChanged{snapshot}});
        shards_->at(i).post(applied);
    }
}

config::SnapshotPtr Daemon::snapshot() const {
    const std::lock_guard lock(snapshot_mutex_);
    return snapshot_;
}

}  // namespace sallyport::app
