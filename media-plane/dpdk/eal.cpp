#include "media-plane/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

namespace sallyport::media::dpdk {
namespace {

constexpr std::string_view prefix = "sallyport-";

// The sink outlives the EAL, whose threads may log until the process ends; written once, before rte_eal_init.
using LogSink = std::function<void(LogLevel, std::string_view)>;
LogSink& eal_log_sink() {
    static LogSink sink;
    return sink;
}

ssize_t write_log(void*, const char* text, std::size_t size) {
    std::string_view line(text, size);
    while (line.ends_with('\n')) line.remove_suffix(1);
    const int level = rte_log_cur_msg_loglevel();
    const auto ours = level < 0 || level > static_cast<int>(RTE_LOG_NOTICE) ? LogLevel::debug
                      : level <= static_cast<int>(RTE_LOG_ERR)              ? LogLevel::error
                      : level == static_cast<int>(RTE_LOG_WARNING)          ? LogLevel::warning
                                                                            : LogLevel::info;
    if (!line.empty() && eal_log_sink()) eal_log_sink()(ours, line);
    return static_cast<ssize_t>(size);
}

std::string join(const std::vector<unsigned>& numbers) {
    std::string text;
    for (const unsigned n : numbers) text += (text.empty() ? "" : ",") + std::to_string(n);
    return text;
}

// DPDK makes a directory per instance and never takes one away; those of instances that were killed are empty by now.
void remove_left_directories(const std::filesystem::path& ours) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(ours.parent_path(), error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(prefix) || entry.path() == ours) continue;
        const auto process = static_cast<pid_t>(std::strtol(name.c_str() + prefix.size(), nullptr, 10));
        if (process > 0 && kill(process, 0) != 0 && errno == ESRCH) rmdir(entry.path().c_str());
    }
}

void lead_log_to(const LogSink& sink) {
    eal_log_sink() = sink;
    cookie_io_functions_t functions{};
    functions.write = write_log;
    if (FILE* stream = fopencookie(nullptr, "w", functions)) {
        setvbuf(stream, nullptr, _IOLBF, 1024);
        rte_openlog_stream(stream);
    }
}

}  // namespace

std::vector<std::string> eal_arguments(const DriverConfig& config, const std::vector<unsigned>& allowed, bool hugepages,
                                       std::uint32_t memory_mb, long process_id) {
    std::vector<std::string> arguments{"sallyport-media"};
    std::string lcores = "0@(" + join(allowed) + ")";
    for (std::size_t i = 0; i < config.cpus.size(); ++i)
        lcores += "," + std::to_string(i + 1) + "@" + std::to_string(config.cpus[i]);
    arguments.insert(arguments.end(), {"--lcores", lcores, "--main-lcore", "0"});
    // Several instances may live on one host: no shared configuration, no telemetry socket, a prefix of our own.
    arguments.insert(arguments.end(),
                     {"--file-prefix", std::string(prefix) + std::to_string(process_id), "--no-telemetry"});
    if (hugepages)
        arguments.push_back("--in-memory");  // nothing left in the file system
    else
        arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});  // --no-huge excludes --in-memory
    arguments.insert(arguments.end(), {"-m", std::to_string(memory_mb)});
    bool pci = false;
    for (const auto& port : config.ports) {
        const bool physical = is_pci_device(port.device);
        pci |= physical;
        arguments.push_back(physical ? "-a" : "--vdev");
        arguments.push_back(port.device);
    }
    if (!pci) arguments.push_back("--no-pci");
    return arguments;
}

std::vector<unsigned> allowed_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> cpus;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
    for (unsigned i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &set)) cpus.push_back(i);
    return cpus;
}

std::uint64_t free_hugepage_megabytes() {
    std::uint64_t kilobytes = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
        const std::string name = entry.path().filename();  // hugepages-2048kB
        const auto dash = name.find('-');
        if (dash == name.npos) continue;
        std::uint64_t free_pages = 0;
        std::ifstream(entry.path() / "free_hugepages") >> free_pages;
        kilobytes += free_pages * std::strtoull(name.c_str() + dash + 1, nullptr, 10);
    }
    return kilobytes / 1024;
}

Result<std::unique_ptr<Eal>, std::string> Eal::start(const DriverConfig& config, std::uint32_t memory_mb) {
    const auto allowed = allowed_cpus();
    for (const unsigned cpu : config.cpus)
        if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
            return "CPU " + std::to_string(cpu) + " is not one this process may run on (" + join(allowed) + ")";
    std::unique_ptr<Eal> eal(new Eal);
    const std::uint64_t free_megabytes = free_hugepage_megabytes();
    eal->hugepages_ =
        config.hugepages == Hugepages::on || (config.hugepages == Hugepages::automatic && free_megabytes >= memory_mb);
    if (config.hugepages == Hugepages::automatic && !eal->hugepages_ && config.log)
        config.log(LogLevel::warning, "running without hugepages: " + std::to_string(free_megabytes) +
                                          " MB are free, " + std::to_string(memory_mb) +
                                          " MB needed; see vm.nr_hugepages");
    lead_log_to(config.log);
    eal->arguments_ = eal_arguments(config, allowed, eal->hugepages_, memory_mb, getpid());
    for (auto& argument : eal->arguments_) eal->argv_.push_back(argument.data());
    if (rte_eal_init(static_cast<int>(eal->argv_.size()), eal->argv_.data()) < 0) {
        const std::string why = rte_strerror(rte_errno);
        static_cast<void>(eal.release());  // half started: there is nothing DPDK could clean up
        return "DPDK did not start: " + why + (config.hugepages == Hugepages::on ? " (eal.hugepages is on)" : "");
    }
    remove_left_directories(rte_eal_get_runtime_dir());
    return eal;
}

Eal::~Eal() {
    const std::string runtime_directory = rte_eal_get_runtime_dir();
    rte_eal_cleanup();
    rmdir(runtime_directory.c_str());  // ours alone, by its prefix; stays if something is left in it
}

}  // namespace sallyport::media::dpdk
