// sallyport-control: puts store, API, feed, metrics and log together, and takes them apart again when told to stop.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "control/api/config_state.h"
#include "control/api/control_server.h"
#include "control/app/options.h"
#include "control/observe/exposer.h"
#include "control/observe/health.h"
#include "control/observe/log.h"
#include "control/store/sqlite_store.h"

namespace {

using namespace sallyport;
using namespace std::chrono_literals;

enum Exit : int { done = 0, failed = 1, bad_configuration = 2 };

// Nothing: the problems are on standard error.
std::optional<app::Options> load_options(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) {
        std::cerr << path << ": cannot be read: " << std::strerror(errno) << '\n';
        return std::nullopt;
    }
    yaml::Problems problems;
    auto options = app::parse_options(text.str(), problems);
    for (const auto& problem : problems) std::cerr << yaml::to_string(problem, path) << '\n';
    if (!problems.empty()) return std::nullopt;
    return options;
}

std::vector<observe::Metric> collect(const store::Store& store, const api::ControlServer& server) {
    const auto& stats = store.stats();
    auto metrics = server.metrics();
    metrics.push_back(observe::histogram("sallyport_store_commit_seconds", "Time until a change was durable.",
                                         {observe::histogram_sample(stats.commit_seconds)}));
    metrics.push_back(observe::counter("sallyport_store_commits_total", "Transactions of the store by result.",
                                       {{{{"result", "committed"}}, static_cast<double>(stats.commits.read())},
                                        {{{"result", "conflict"}}, static_cast<double>(stats.conflicts.read())},
                                        {{{"result", "failed"}}, static_cast<double>(stats.failures.read())}}));
    metrics.push_back(observe::counter("sallyport_log_lines_dropped_total",
                                       "Log lines overwritten because the log could not be written fast enough.",
                                       observe::lines_dropped()));
    return metrics;
}

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

// Sleeps until a stop signal; the service manager hears from us meanwhile.
int wait_for_stop(observe::ServiceManager& manager) {
    const auto signals = stop_signals();
    const auto interval = manager.watchdog_interval().value_or(60s);
    const timespec patience{static_cast<time_t>(interval / 1s), static_cast<long>(interval % 1s / 1ns)};
    for (;;) {
        const int signal = sigtimedwait(&signals, nullptr, &patience);
        if (signal > 0) return signal;
        manager.watchdog();
    }
}

int serve(const app::Options& options) {
    observe::start_log(options.log);
    const auto store = store::open_sqlite_store({options.store});
    if (!store) throw std::runtime_error(store.error().sentence);
    const auto state = api::ConfigState::open(**store);
    if (!state) throw std::runtime_error(state.error());
    api::ControlServer server(options.server, **state);
    std::optional<observe::Exposer> exposer;
    if (!options.metrics_listen.empty())
        exposer.emplace(options.log.daemon, options.metrics_listen, [&] { return collect(**store, server); });
    observe::ServiceManager manager;
    const auto revision = (*state)->snapshot()->revision;
    observe::log_info("serving", {{"version", SALLYPORT_VERSION},
                                  {"node", options.server.node},
                                  {"listen", options.server.listen},
                                  {"port", server.port()},
                                  {"metrics_port", exposer ? exposer->port() : 0},
                                  {"feed", options.server.planes_listen},
                                  {"revision", revision}});
    manager.ready("serving revision " + std::to_string(revision));
    const int signal = wait_for_stop(manager);
    manager.stopping();
    observe::log_info("stopping", {{"signal", strsignal(signal)}});
    exposer.reset();
    server.stop(1s);
    return Exit::done;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App arguments{
        "sallyport-control: provisioning, operations and the configuration feed of a Sallyport node.\n"
        "Example: sallyport-control --config /etc/sallyport/control.yaml"};
    std::string config;
    bool check_only = false;
    arguments.set_version_flag("--version", SALLYPORT_VERSION);
    arguments.add_option("--config", config, "node file (YAML), e.g. /etc/sallyport/control.yaml")->required();
    arguments.add_flag("--check-config", check_only, "read the node file, say what is wrong with it, and stop");
    try {
        arguments.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return arguments.exit(e) == 0 ? Exit::done : Exit::bad_configuration;
    }
    const auto options = load_options(config);
    if (!options) return Exit::bad_configuration;
    if (check_only) {
        std::cout << config << ": good\n";
        return Exit::done;
    }
    const auto signals = stop_signals();  // before the first thread: every thread inherits that they are waited for
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    try {
        const int result = serve(*options);
        observe::stop_log();
        return result;
    } catch (const std::exception& e) {
        if (!options->log.file.empty()) observe::log_error("cannot start", {{"reason", e.what()}});
        observe::stop_log();
        std::cerr << "sallyport-control: " << e.what() << '\n';
        return Exit::failed;
    }
}
