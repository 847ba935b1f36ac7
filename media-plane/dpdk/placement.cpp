#include "media-plane/dpdk/placement.h"

#include "media-plane/dpdk/config.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace sallyport::media::dpdk {
namespace {

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

// cgroup v2 has "max 100000" or "150000 100000" in one file of the group, v1 quota and period in two.
std::optional<double> quota_of(const std::string& root) {
    std::string group;
    std::ifstream groups(root + "/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);)
        if (line.starts_with("0::")) group = line.substr(3);
    double quota = -1, period = 0;
    std::istringstream v2(first_line(root + "/sys/fs/cgroup" + (group == "/" ? "" : group) + "/cpu.max"));
    if (!(v2 >> quota >> period)) {
        std::istringstream(first_line(root + "/sys/fs/cgroup/cpu/cpu.cfs_quota_us")) >> quota;
        std::istringstream(first_line(root + "/sys/fs/cgroup/cpu/cpu.cfs_period_us")) >> period;
    }
    if (quota <= 0 || period <= 0) return std::nullopt;
    return quota / period;
}

std::string text(double cpus) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.4g", cpus);
    return digits;
}

// The kernel links a CPU to its node as "node0".
std::optional<int> node_of(unsigned cpu, const std::string& root) {
    constexpr std::string_view prefix = "node";
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu), error)) {
        const std::string name = entry.path().filename();
        if (name.starts_with(prefix) && name.find_first_not_of("0123456789", prefix.size()) == name.npos)
            return static_cast<int>(std::strtol(name.c_str() + prefix.size(), nullptr, 10));
    }
    return std::nullopt;
}

// A PCI device; -1 where the machine has no nodes.
std::optional<int> node_of(const std::string& device, const std::string& root) {
    if (!is_pci_device(device)) return std::nullopt;
    const std::string address((device.find(':') == 2 ? "0000:" : "") + std::string(device_name(device)));
    int node = -1;
    std::istringstream(first_line(root + "/sys/bus/pci/devices/" + address + "/numa_node")) >> node;
    return node < 0 ? std::nullopt : std::optional(node);
}

// Works, at a price: each packet crosses between the processors.
void object_to_nodes(const Placement& p, const Machine& machine, Objections& out) {
    for (const auto& [device, node] : machine.node_of_device)
        for (const unsigned cpu : p.cpus) {
            const auto found = machine.node_of_cpu.find(cpu);
            if (found == machine.node_of_cpu.end() || found->second == node) continue;
            out.warnings.push_back("device " + device + " is on NUMA node " + std::to_string(node) +
                                   ", the lcore on CPU " + std::to_string(cpu) + " on node " +
                                   std::to_string(found->second) + ": each packet crosses between them");
        }
}

void object_to_memory(const Placement& p, Objections& out) {
    const std::uint32_t memory = p.memory_mb != 0 ? p.memory_mb : p.needed_mb;
    if (memory < p.needed_mb)
        out.refusal = "eal.memory_mb: " + std::to_string(memory) +
                      " MB, and the packet buffers of these ports and lcores "
                      "alone take " +
                      std::to_string(p.needed_mb) + " MB; 0 takes what is needed";
    else if (p.hugepages_demanded && p.free_hugepages_mb < memory)
        out.refusal = "eal.hugepages is on, but of hugepages " + std::to_string(p.free_hugepages_mb) +
                      " MB are free, and " + std::to_string(memory) + " MB are needed; see vm.nr_hugepages";
}

}  // namespace

std::vector<unsigned> cpu_list(const std::string& text) {
    std::vector<unsigned> cpus;
    std::istringstream in(text);
    for (unsigned first = 0; in >> first;) {
        unsigned last = first;
        if (in.peek() == '-') {
            in.ignore();
            if (!(in >> last)) return cpus;
        }
        constexpr unsigned most = 65'536;  // no kernel has more
        for (unsigned cpu = first; cpu <= last && cpus.size() < most; ++cpu) cpus.push_back(cpu);
        if (in.peek() != ',') return cpus;
        in.ignore();
    }
    return cpus;
}

Machine read_machine(const std::vector<unsigned>& cpus, const std::vector<std::string>& devices,
                     const std::string& root) {
    Machine machine;
    for (const unsigned cpu : cpus)
        machine.siblings[cpu] = cpu_list(
            first_line(root + "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list"));
    machine.cpu_quota = quota_of(root);
    for (const unsigned cpu : cpus)
        if (const auto node = node_of(cpu, root)) machine.node_of_cpu[cpu] = *node;
    for (const auto& device : devices)
        if (const auto node = node_of(device, root)) machine.node_of_device[device] = *node;
    return machine;
}

Objections objections_to(const Placement& p, const Machine& machine) {
    Objections out;
    if (machine.cpu_quota && *machine.cpu_quota < static_cast<double>(p.cpus.size())) {
        const std::string why = std::to_string(p.cpus.size()) + " lcores, but the control group grants this process " +
                                text(*machine.cpu_quota) + " CPUs' time (cpu.max)";
        if (p.poll_always)
            out.refusal = "poll is always: " + why + ": the kernel would stop every lcore for part of the time";
        else
            out.warnings.push_back(why + ": under load they will be stopped for part of the time");
    }
    if (out.refusal.empty()) object_to_memory(p, out);
    object_to_nodes(p, machine, out);
    for (auto cpu = p.cpus.begin(); cpu != p.cpus.end(); ++cpu) {
        const auto found = machine.siblings.find(*cpu);
        if (found == machine.siblings.end()) continue;
        for (auto other = std::next(cpu); other != p.cpus.end(); ++other)
            if (std::find(found->second.begin(), found->second.end(), *other) != found->second.end())
                out.warnings.push_back("lcores on CPUs " + std::to_string(*cpu) + " and " + std::to_string(*other) +
                                       " share one core, and take each other's time");
    }
    return out;
}

}  // namespace sallyport::media::dpdk
