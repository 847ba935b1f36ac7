// What the daemon does while its shards work: signals, the service manager, readiness, the drain.
#include <csignal>

#include "signaling/app/daemon.h"

namespace sallyport::app {
namespace {

constexpr Duration tick_interval = 250ms;

}  // namespace

void Daemon::run() {
    wait_for_signal();
    tick();
    observe::log_info("ready", {{"node", config_.node},
                                {"shards", shards_->size()},
                                {"grpc", config_.grpc_listen},
                                {"metrics", config_.metrics_listen.empty() ? "none" : config_.metrics_listen},
                                {"version", SALLYPORT_VERSION}});
    manager_.ready("taking SIP in " + std::to_string(config_.realms.size()) + " realms");
    context_.run();
}

void Daemon::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code ec, int signal) {
        if (ec) return;
        on_signal(signal);
        wait_for_signal();
    });
}

void Daemon::on_signal(int signal) {
    if (signal == SIGHUP) return reload_certificates();
    if (drain_until_) return context_.stop();  // asked twice: at once
    begin_drain(signal);
}

void Daemon::reload_certificates() {
    auto contexts = load_tls(config_);
    if (!contexts) return observe::log_error("certificates not reloaded, the old ones stay: " + contexts.error());
    shards_->tls().exchange(std::move(*contexts));
    observe::log_info("certificates reloaded; connections that are open keep theirs");
}

void Daemon::begin_drain(int signal) {
    drain_until_ = clock_.now() + config_.drain;
    observe::log_info("stopping", {{"signal", signal}, {"drain_seconds", config_.drain / 1s}});
    manager_.stopping();
    server_->set_serving(false);
    shards_->broadcast(stack::Drain{true});
}

bool Daemon::drained() const {
    std::uint64_t alive = 0;
    for (std::uint32_t i = 0; i < shards_->size(); ++i) {
        const auto& statistics = shards_->at(i).stack().statistics();
        alive += statistics.calls.read() + statistics.transactions.read();
    }
    return alive == 0 || clock_.now() >= *drain_until_;
}

void Daemon::tick() {
    if (drain_until_ && drained()) return context_.stop();
    look_at_health();
    timer_.expires_after(tick_interval);
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) tick();
    });
}

// Live: every shard goes round. Ready: they also have a configuration and a media plane.
void Daemon::look_at_health() {
    const TimePoint now = clock_.now();
    const bool alive = pulse_->all_alive(now);
    pulse_->ask(now);
    if (alive) manager_.watchdog();
    bool ready = alive && !drain_until_ && config_watch_->statistics().revision.read() != 0;
    for (const auto& client : media_) ready = ready && client->statistics().up.read() != 0;
    if (ready == ready_) return;
    ready_ = ready;
    if (!drain_until_) server_->set_serving(ready);
    manager_.status(ready ? "taking calls" : alive ? "no configuration or no media plane" : "a shard stands still");
}

}  // namespace sallyport::app
