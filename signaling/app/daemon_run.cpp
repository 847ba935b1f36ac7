// What the daemon does while its shards work: signals, the service manager, readiness, the drain.
#include <csignal>
#include <ctime>
#include <memory>

#include "signaling/app/certificate_alarm.h"
#include "signaling/app/daemon.h"

namespace sallyport::app {
namespace {

constexpr Duration tick_interval = 250ms;
constexpr Duration certificates_interval = 1h;
constexpr Duration staples_interval = 15s;
constexpr Duration release_patience = 4s;  // for the last answers, and the media plane's statistics in the records

}  // namespace

void Daemon::run() {
    for (std::size_t i = 0; i < config_.realms.size(); ++i)
        if (config_.tls[i])
            for (const auto& warning : legacy_warnings(config_.realms[i].name, *config_.tls[i]))
                observe::log_warning(warning);
    look_at_certificates();
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
    if (!drain_until_) return begin_drain(signal);
    if (!release_until_) return release_calls();  // asked twice: not to wait for calls
    context_.stop();                              // asked again: at once
}

void Daemon::reload_certificates() {
    auto contexts = load_tls(config_);
    if (!contexts) return observe::log_error("certificates not reloaded, the old ones stay: " + contexts.error());
    shards_->tls().exchange(std::move(*contexts));
    observe::log_info("certificates reloaded; connections that are open keep theirs");
    look_at_certificates();
    fetch_staples();
}

void Daemon::look_at_certificates() {
    certificates_seen_ = clock_.now();
    const auto now = static_cast<long long>(std::time(nullptr));
    for (std::size_t i = 0; i < config_.realms.size(); ++i) {
        const auto context = shards_->tls().of(i);
        if (!context) continue;
        for (const auto& alarm : certificate_alarms(config_.realms[i].name, context->lives(), now))
            observe::log(alarm.urgent ? observe::Level::error : observe::Level::warning, alarm.text,
                         {observe::Field("event", "certificate-expiry")});
    }
}

// OCSP responses about our own certificates, on the client's thread.
void Daemon::fetch_staples() {
    staples_seen_ = clock_.now();
    const auto now = static_cast<long long>(std::time(nullptr));
    for (std::size_t i = 0; i < config_.realms.size(); ++i) {
        const auto context = shards_->tls().of(i);
        if (!context) continue;
        for (const auto& question : context->due_staples(now)) {
            // A context that was exchanged meanwhile is not kept for its answer: its successor asks for itself.
            const std::weak_ptr<const io::TlsContext> weak = context;
            const auto take = [weak, question, now, realm = config_.realms[i].name](const io::StatusAnswer& answer,
                                                                                    const std::string& der) {
                const auto still = weak.lock();
                if (!still) return;
                if (answer.status != io::CertificateStatus::unknown)
                    still->staple(question, der, now, answer.next_update);
                if (answer.status != io::CertificateStatus::good)
                    observe::log_error("realm " + realm + ": the status of its own certificate: " + answer.why,
                                       {{"event", "certificate-status"}});
            };
            shards_->ocsp().ask(question, take, true);
        }
    }
}

void Daemon::begin_drain(int signal) {
    stopping_ = true;
    drain_until_ = clock_.now() + config_.drain;
    observe::log_info("stopping", {{"signal", signal}, {"drain_seconds", config_.drain / 1s}});
    manager_.stopping();
    server_->set_serving(false);
    shards_->broadcast(stack::Drain{true});
}

// What an operator asks for holds until he takes it back, and not over a restart: whoever starts a node wants it to
// work.
void Daemon::set_operator_drain(bool on) {
    const std::lock_guard lock(drain_mutex_);
    if (operator_drain_ == on) return;
    operator_drain_ = on;
    drain_since_ = clock_.now();
    observe::log_info(
        on ? "draining: new work is refused until an operator says otherwise" : "taking work again: the drain is over",
        {});
    if (!stopping_) shards_->broadcast(stack::Drain{on});  // a node that stops drains whatever he says
}

std::pair<bool, TimePoint> Daemon::drained() const {
    const std::lock_guard lock(drain_mutex_);
    return {operator_drain_, drain_since_};
}

std::uint64_t Daemon::alive(Counter stack::StackStatistics::*what) const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < shards_->size(); ++i) sum += (shards_->at(i).stack().statistics().*what).read();
    return sum;
}

// Without us nobody would end these calls: both parties are told so, and each call has its record.
void Daemon::release_calls() {
    observe::log_info("calls in progress are released", {{"calls", alive(&stack::StackStatistics::calls)}});
    release_until_ = clock_.now() + release_patience;
    shards_->broadcast(stack::ReleaseCalls{"the node stops"});
}

bool Daemon::done() {
    using S = stack::StackStatistics;
    const TimePoint now = clock_.now();
    const bool calls = alive(&S::calls) != 0;
    if (release_until_) return !calls || now >= *release_until_;
    if (!calls && alive(&S::transactions) == 0) return true;
    if (now < *drain_until_) return false;
    if (calls) release_calls();
    return !calls;
}

void Daemon::tick() {
    if (drain_until_ && done()) return context_.stop();
    look_at_health();
    if (clock_.now() - certificates_seen_ >= certificates_interval) look_at_certificates();
    if (clock_.now() - staples_seen_ >= staples_interval) fetch_staples();
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
    const bool draining = drained().first;
    bool ready = alive && !drain_until_ && !draining && config_watch_->statistics().revision.read() != 0;
    for (const auto& client : media_) ready = ready && client->statistics().up.read() != 0;
    if (ready == ready_) return;
    ready_ = ready;
    if (!drain_until_) server_->set_serving(ready);
    manager_.status(ready      ? "taking calls"
                    : draining ? "draining"
                    : alive    ? "no configuration or no media plane"
                               : "a shard stands still");
}

}  // namespace sallyport::app
