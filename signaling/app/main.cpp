// sallyport-signaling: command line and configuration; everything that runs is put together in daemon.cpp.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "signaling/app/daemon.h"
#include "signaling/app/heap.h"
#include "signaling/app/options.h"

namespace {

using namespace sallyport;

std::optional<std::string> read_file(const std::string& name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

// By default all threads of gRPC wait for one set of sockets, and one of them hears of what concerns another: each
// media command would wake threads that have nothing to do with it. There is a handful of sockets, so poll() is no
// burden. But a TLS handshake is not waited for by anybody then (gRPC 1.51), and times out.
void prepare_grpc(const app::Config& config) {
    const bool plain = config.media.certificate.empty() && config.control.certificate.empty();
    if (plain) setenv("GRPC_POLL_STRATEGY", "poll", 0);
}

int run(app::Config config, const std::string& file) {
    observe::start_log(config.log);
    app::Daemon daemon(std::move(config));
    if (const auto wrong = daemon.start()) {
        if (wrong->configuration) {
            std::fprintf(stderr, "%s: %s\n", file.c_str(), wrong->sentence.c_str());
            return 2;
        }
        observe::log_error(wrong->sentence);
        return 1;
    }
    daemon.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    app::use_huge_pages();
    const auto parsed = app::parse_options(argc, argv);
    if (parsed.exit_code >= 0) return parsed.exit_code;
    const std::string& name = parsed.options.config_file;
    const auto text = read_file(name);
    if (!text) {
        std::fprintf(stderr, "%s: cannot be read; give the configuration with --config FILE\n", name.c_str());
        return 2;
    }
    auto config = app::read_config(*text, std::thread::hardware_concurrency());
    if (!config) {
        for (const auto& problem : config.error()) std::fprintf(stderr, "%s\n", yaml::to_string(problem, name).c_str());
        return 2;
    }
    if (parsed.options.check_config) {
        std::printf("%s: ok\n", name.c_str());
        return 0;
    }
    std::signal(SIGPIPE, SIG_IGN);
    prepare_grpc(*config);
    int code = 1;
    try {
        code = run(std::move(*config), name);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sallyport-signaling: %s\n", error.what());
    }
    observe::stop_log();
    return code;
}
