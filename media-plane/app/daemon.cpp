#include "media-plane/app/daemon.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "control/observe/exposer.h"
#include "control/observe/health.h"
#include "media-plane/app/lcore_watch.h"
#include "media-plane/app/metrics.h"
#include "media-plane/dpdk/driver.h"
#include "media-plane/rpc/rpc_server.h"

namespace sallyport::media::app {
namespace {

constexpr Duration tick_interval = 100ms;

observe::Level level_of(dpdk::LogLevel level) {
    switch (level) {
        case dpdk::LogLevel::debug: return observe::Level::debug;
        case dpdk::LogLevel::info: return observe::Level::info;
        case dpdk::LogLevel::warning: return observe::Level::warning;
        case dpdk::LogLevel::error: return observe::Level::error;
    }
    return observe::Level::error;
}

std::uint64_t new_incarnation() {  // grows with every start, and is never 0
    return static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
}

void log_start(const Config& config, const PlaneStatus& status) {
    for (const auto& port : status.ports) {
        std::string addresses;
        for (const auto& address : port.addresses) addresses += (addresses.empty() ? "" : " ") + address;
        observe::log_info("media port", {{"port", port.name},
                                         {"device", port.device},
                                         {"mac", port.link_address},
                                         {"addresses", addresses},
                                         {"udp_pairs", port.udp_ports_total},
                                         {"steering", port.steering.empty() ? "one lcore" : port.steering},
                                         {"link_up", port.link_up}});
    }
    observe::log_info("ready", {{"node", config.driver.node},
                                {"grpc", config.grpc_listen},
                                {"metrics", config.metrics_listen.empty() ? "none" : config.metrics_listen},
                                {"lcores", config.driver.cpus.size()},
                                {"poll", config.driver.poll_always ? "always" : "adaptive"},
                                {"hugepages", status.hugepages},
                                {"mbufs", status.mbufs_total},
                                {"version", SALLYPORT_VERSION}});
}

// A slower path is never taken silently.
void log_srtp(const srtp::Engine& engine) {
    std::string slow;
    for (const auto suite : srtp::slow_suites(engine)) slow.append(slow.empty() ? "" : " ").append(suite);
    if (slow.empty())
        observe::log_info("srtp engine",
                          {{"engine", srtp::burst_engine}, {"instructions", srtp::burst_instructions()}});
    else
        observe::log(
            observe::Level::warning,
            "srtp-slow: these suites are done packet by packet, because the node file says so or this processor "
            "lacks AES or PCLMULQDQ",
            {{"suites", slow}});
}

// Whoever listens to a call is on record here too, where nobody can ask past it.
void log_capture(const rpc::CaptureNote& note) {
    using What = rpc::CaptureNote::What;
    const auto seconds = std::chrono::duration<double>(note.time).count();
    const char* how = note.decrypted ? "decrypted" : "as on the wire";
    switch (note.what) {
        case What::refused:
            return observe::log(observe::Level::warning, "capture refused",
                                {{"who", note.asker.on_behalf},
                                 {"peer", note.asker.peer},
                                 {"asked_for", note.asked_for},
                                 {"how", how},
                                 {"why", note.why}});
        case What::begun:
            return observe::log_info("capture begins", {{"who", note.asker.on_behalf},
                                                        {"peer", note.asker.peer},
                                                        {"session", note.session},
                                                        {"client", note.client},
                                                        {"session_id", note.call},
                                                        {"trunk", note.trunk},
                                                        {"how", how},
                                                        {"seconds_at_most", seconds}});
        case What::ended:
            return observe::log_info("capture ends", {{"who", note.asker.on_behalf},
                                                      {"peer", note.asker.peer},
                                                      {"session", note.session},
                                                      {"client", note.client},
                                                      {"session_id", note.call},
                                                      {"trunk", note.trunk},
                                                      {"how", how},
                                                      {"seconds", seconds},
                                                      {"packets", note.packets},
                                                      {"missed", note.missed},
                                                      {"withheld", note.withheld},
                                                      {"why", note.why}});
    }
}

void report(const std::vector<bool>& stuck, const std::vector<bool>& were_stuck) {
    for (std::size_t i = 0; i < stuck.size(); ++i)
        if (stuck[i] != were_stuck[i])
            observe::log(stuck[i] ? observe::Level::error : observe::Level::info,
                         stuck[i] ? "an lcore stands still" : "an lcore goes round again", {{"lcore", i + 1}});
}

// The daemon goes on: the other ports' calls, and the link may come back.
void report_links(const std::vector<PortStatus>& ports, std::vector<bool>& were_up) {
    were_up.resize(ports.size(), true);
    for (std::size_t i = 0; i < ports.size(); ++i) {
        if (ports[i].link_up == were_up[i]) continue;
        observe::log(ports[i].link_up ? observe::Level::info : observe::Level::error,
                     ports[i].link_up ? "a media port's link is up again" : "a media port's link is down",
                     {{"port", ports[i].name}, {"device", ports[i].device}, {"losses", ports[i].link_losses}});
        were_up[i] = ports[i].link_up;
    }
}

void report_drain(const rpc::DrainState& drain, bool& was_on) {
    if (drain.on == std::exchange(was_on, drain.on)) return;
    observe::log_info(drain.on ? "draining: no new sessions" : "taking new sessions again",
                      {{"sessions", drain.sessions}, {"refused", drain.refused}});
}

// Once a minute a port at most: who has the address goes on saying so.
class ConflictReport {
public:
    void look(const std::vector<PortStatus>& ports, TimePoint now) {
        told_.resize(ports.size());
        for (std::size_t i = 0; i < ports.size(); ++i) {
            const PortStatus& port = ports[i];
            if (port.address_conflicts == told_[i].conflicts || now < told_[i].next) continue;
            observe::log(observe::Level::error, "another device has an address of a media port",
                         {{"port", port.name},
                          {"device", port.device},
                          {"conflict", port.address_conflict},
                          {"frames", port.address_conflicts - told_[i].conflicts}});
            told_[i] = {port.address_conflicts, now + std::chrono::minutes{1}};
        }
    }

private:
    struct Told {
        std::uint64_t conflicts = 0;
        TimePoint next{};
    };
    std::vector<Told> told_;
};

void run_until_signal(Plane& plane, rpc::Dispatcher& dispatcher, rpc::RpcServer& server,
                      observe::ServiceManager& manager) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    const timespec interval{0, tick_interval.count()};
    LcoreWatch watch;
    ConflictReport conflicts;
    TimePoint next_watchdog = plane.now();
    std::vector<bool> were_stuck(plane.lcores(), false), were_up;
    bool was_draining = false;
    for (;;) {
        const int signal = sigtimedwait(&signals, nullptr, &interval);
        if (signal > 0) {
            observe::log_info("stopping", {{"signal", signal}});
            return;
        }
        const TimePoint now = plane.now();
        dispatcher.tick(now);
        if (now < next_watchdog) continue;
        next_watchdog = now + std::min<Duration>(manager.watchdog_interval().value_or(1s), 1s);
        const PlaneStatus status = plane.status();
        report_links(status.ports, were_up);
        report_drain(dispatcher.drain(), was_draining);
        conflicts.look(status.ports, now);
        auto stuck = watch.look(status, now);
        const bool alive = std::none_of(stuck.begin(), stuck.end(), [](bool one) { return one; });
        if (alive) manager.watchdog();  // fed only while all go round
        if (stuck == were_stuck) continue;
        report(stuck, were_stuck);
        dispatcher.set_stuck(stuck);
        server.set_serving(alive);
        were_stuck = std::move(stuck);
    }
}

}  // namespace

int run_daemon(Config config) {
    observe::ServiceManager manager;
    config.driver.log = [](dpdk::LogLevel level, std::string_view text) { observe::log(level_of(level), text); };
    auto opened = dpdk::Driver::open(config.driver);
    if (!opened) {
        observe::log_error(opened.error());
        return 1;
    }
    const rpc::DispatcherConfig identity{
        .node = config.driver.node, .incarnation = new_incarnation(), .default_lease = config.lease};
    rpc::Dispatcher dispatcher(**opened, identity);
    const auto driver = std::move(*opened);  // ends before the dispatcher, whose callbacks it calls to the last
    driver->set_event_sink([&dispatcher](Event event) { dispatcher.on_event(std::move(event)); });
    auto server = rpc::RpcServer::start({config.grpc_listen, SALLYPORT_VERSION, config.grpc_tls, log_capture},
                                        dispatcher, identity);
    const std::string error = server ? driver->launch() : server.error();
    if (!error.empty()) {
        observe::log_error(error);
        return 1;
    }
    int code = 0;
    try {
        const auto srtp_engine = srtp::make_engine(config.driver.srtp_engine);  // to ask, not to use
        const auto collect = [&plane = *driver, &dispatcher, &rpc_server = **server,
                              srtp = srtp_metrics(*srtp_engine)] {
            auto metrics = plane_metrics(plane.status());
            for (const auto& metric : srtp) metrics.push_back(metric);
            for (auto& metric : command_metrics(dispatcher.statistics(), rpc_server.statistics()))
                metrics.push_back(std::move(metric));
            return metrics;
        };
        std::unique_ptr<observe::Exposer> exposer;
        if (!config.metrics_listen.empty())
            exposer = std::make_unique<observe::Exposer>("sallyport-media", config.metrics_listen, collect);
        log_start(config, driver->status());
        log_srtp(*srtp_engine);
        manager.ready("relaying on " + std::to_string(config.driver.ports.size()) + " media ports");
        run_until_signal(*driver, dispatcher, **server, manager);
    } catch (const std::runtime_error& taken) {  // the exposer's address cannot be had
        observe::log_error(taken.what());
        code = 1;
    }
    manager.stopping();
    (*server)->stop();
    return code;
}

}  // namespace sallyport::media::app
