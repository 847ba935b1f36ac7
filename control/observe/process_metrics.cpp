// The process' own usage from /proc/self, proc(5), under the names of the Prometheus client libraries.
#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "control/observe/exposer.h"

namespace sallyport::observe {
namespace {

struct Usage {
    double cpu_seconds = 0, start_seconds = 0, virtual_bytes = 0, resident_bytes = 0;
};

double boot_time() {
    std::ifstream stat("/proc/stat");
    for (std::string word; stat >> word;)
        if (double seconds = 0; word == "btime" && stat >> seconds) return seconds;
    return 0;
}

Usage read_usage() {
    Usage usage;
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text);
    const auto name_end = text.rfind(')');  // the command name may hold anything, blanks and brackets too
    if (name_end == text.npos) return usage;
    std::istringstream rest(text.substr(name_end + 1));
    const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    static const double booted = boot_time();
    std::string field;
    for (int number = 3; rest >> field; ++number) {  // numbered as in proc(5)
        if (number == 14 || number == 15) usage.cpu_seconds += std::stod(field) / ticks;
        if (number == 22) usage.start_seconds = booted + std::stod(field) / ticks;
        if (number == 23) usage.virtual_bytes = std::stod(field);
        if (number == 24) {
            usage.resident_bytes = std::stod(field) * static_cast<double>(sysconf(_SC_PAGESIZE));
            break;
        }
    }
    return usage;
}

double open_descriptors() {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/fd"), closedir);
    if (!directory) return 0;
    double count = -3;  // ".", ".." and the directory's own descriptor
    while (readdir(directory.get()) != nullptr) ++count;
    return count;
}

}  // namespace

std::vector<Metric> process_metrics() {
    const auto usage = read_usage();
    return {
        counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.",
                std::vector<Sample>{{{}, usage.cpu_seconds}}),
        gauge("process_resident_memory_bytes", "Resident memory, in bytes.", usage.resident_bytes),
        gauge("process_virtual_memory_bytes", "Virtual memory, in bytes.", usage.virtual_bytes),
        gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.", usage.start_seconds),
        gauge("process_open_fds", "Open file descriptors.", open_descriptors()),
    };
}

}  // namespace sallyport::observe
