// sallyport-media: command line and configuration; everything that runs is put together in daemon.cpp.
#include <signal.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>

#include "media-plane/app/daemon.h"
#include "media-plane/app/options.h"
#include "media-plane/dpdk/eal.h"
#include "media-plane/rpc/rpc_server.h"

namespace {

using namespace sallyport;

std::optional<std::string> read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

void block_stop_signals() {  // before the first thread, so that all inherit it
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
}

}  // namespace

int main(int argc, char** argv) {
    const auto parsed = media::app::parse_options(argc, argv);
    if (parsed.exit_code >= 0) return parsed.exit_code;
    const std::string& name = parsed.options.config_file;
    const auto text = read_file(name);
    if (!text) {
        std::fprintf(stderr, "%s: cannot be read; give the configuration with --config FILE\n", name.c_str());
        return 2;
    }
    auto config = media::app::read_config(*text, media::dpdk::allowed_cpus());
    if (!config) {
        for (const auto& problem : config.error()) std::fprintf(stderr, "%s\n", yaml::to_string(problem, name).c_str());
        return 2;
    }
    if (config->grpc_tls) {
        if (const auto fault = media::rpc::RpcServer::fault_of(*config->grpc_tls); !fault.empty()) {
            std::fprintf(stderr, "%s: grpc.tls: %s\n", name.c_str(), fault.c_str());
            return 2;
        }
    }
    if (parsed.options.check_config) {
        std::printf("%s: ok\n", name.c_str());
        return 0;
    }
    block_stop_signals();
    int code = 1;
    try {
        observe::start_log(config->log);
        code = media::app::run_daemon(std::move(*config));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sallyport-media: %s\n", error.what());
    }
    observe::stop_log();
    return code;
}
