#include "media-plane/app/daemon.h"

#include <signal.h>
#include <time.h>

#include <chrono>
#include <stdexcept>

#include "control/observe/exposer.h"
#include "control/observe/health.h"
#include "media-plane/app/metrics.h"
#include "media-plane/dpdk/driver.h"
#include "media-plane/rpc/rpc_server.h"

namespace sallyport::media::app {
namespace {

constexpr Duration tick_interval = 100ms;
constexpr Duration lcore_patience = 5s;  // an lcore whose loop stands still that long is reported as dead

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

// Says which lcores go round: the service manager's watchdog is fed only while all do.
class LcoreWatch {
public:
    bool all_alive(const Plane& plane, TimePoint now) {
        const PlaneStatus status = plane.status();
        seen_.resize(status.lcores.size());
        bool alive = true;
        for (std::size_t i = 0; i < seen_.size(); ++i) {
            if (status.lcores[i].polls != seen_[i].polls || seen_[i].at == TimePoint{})
                seen_[i] = {status.lcores[i].polls, now};
            alive &= now - seen_[i].at < lcore_patience;
        }
        return alive;
    }

private:
    struct Seen {
        std::uint64_t polls = 0;
        TimePoint at{};
    };
    std::vector<Seen> seen_;
};

void run_until_signal(Plane& plane, rpc::Dispatcher& dispatcher, observe::ServiceManager& manager) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    const timespec interval{0, tick_interval.count()};
    LcoreWatch watch;
    TimePoint next_watchdog = plane.now();
    bool was_alive = true;
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
        const bool alive = watch.all_alive(plane, now);
        if (alive) manager.watchdog();
        if (alive != was_alive)
            observe::log(alive ? observe::Level::info : observe::Level::error,
                         alive ? "all lcores go round again" : "an lcore stands still");
        was_alive = alive;
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
    auto server = rpc::RpcServer::start({config.grpc_listen, SALLYPORT_VERSION}, dispatcher, identity);
    const std::string error = server ? driver->launch() : server.error();
    if (!error.empty()) {
        observe::log_error(error);
        return 1;
    }
    int code = 0;
    try {
        const auto collect = [&plane = *driver, &dispatcher, &rpc_server = **server] {
            auto metrics = plane_metrics(plane.status());
            for (auto& metric : command_metrics(dispatcher.statistics(), rpc_server.statistics()))
                metrics.push_back(std::move(metric));
            return metrics;
        };
        std::unique_ptr<observe::Exposer> exposer;
        if (!config.metrics_listen.empty())
            exposer = std::make_unique<observe::Exposer>("sallyport-media", config.metrics_listen, collect);
        log_start(config, driver->status());
        manager.ready("relaying on " + std::to_string(config.driver.ports.size()) + " media ports");
        run_until_signal(*driver, dispatcher, manager);
    } catch (const std::runtime_error& taken) {  // the exposer's address cannot be had
        observe::log_error(taken.what());
        code = 1;
    }
    manager.stopping();
    (*server)->stop();
    return code;
}

}  // namespace sallyport::media::app
