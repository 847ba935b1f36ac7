// What of the machine speaks against a choice of CPUs and memory, before DPDK is started with it: what cannot work is
// refused with the reason, what works badly is told. Reads files of the kernel; starts nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::media::dpdk {

struct Machine {
    std::map<unsigned, std::vector<unsigned>> siblings;  // by CPU: those that share its core, itself included
    std::optional<double> cpu_quota;                     // CPUs' worth of time that the control group grants
    std::map<unsigned, int> node_of_cpu;                 // NUMA; without those that have none
    std::map<std::string, int> node_of_device;           // likewise, PCI devices
};
// `root`: "" but for tests.
Machine read_machine(const std::vector<unsigned>& cpus, const std::vector<std::string>& devices = {},
                     const std::string& root = "");
// "0-3,8": a list of CPUs as the kernel writes it; what is none of that ends it.
std::vector<unsigned> cpu_list(const std::string& text);

struct Placement {
    std::vector<unsigned> cpus;
    bool poll_always = false;
    std::uint32_t memory_mb = 0, needed_mb = 0;  // configured (0: as needed), and what the packet buffers alone take
    std::uint64_t free_hugepages_mb = 0;
    bool hugepages_demanded = false;
};
struct Objections {
    std::string refusal;                // a sentence; empty: nothing forbids it
    std::vector<std::string> warnings;  // sentences
};
Objections objections_to(const Placement& placement, const Machine& machine);

}  // namespace sallyport::media::dpdk
