// Choices of CPUs and memory that the machine speaks against.
#include "media-plane/dpdk/placement.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace sallyport::media::dpdk;

namespace {

struct Root {
    Root() { std::filesystem::create_directories(path); }
    ~Root() { std::filesystem::remove_all(path); }
    void file(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path + name).parent_path());
        std::ofstream(path + name) << text << '\n';
    }
    std::string path = "/tmp/sallyport-placement-" + std::to_string(getpid());
};
using Cpus = std::vector<unsigned>;

}  // namespace

TEST_CASE("lists of CPUs are read as the kernel writes them") {
    CHECK(cpu_list("0") == Cpus{0});
    CHECK(cpu_list("0,2") == Cpus{0, 2});
    CHECK(cpu_list("0-2,8") == Cpus{0, 1, 2, 8});
    CHECK(cpu_list("").empty());
    CHECK(cpu_list("x").empty());
    CHECK(cpu_list("3-").empty());
}

TEST_CASE("siblings and the control group's share come from the kernel's files") {
    const Root root;
    root.file("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,5");
    CHECK(read_machine({1}, {}, root.path).siblings.at(1) == Cpus{1, 5});
    CHECK_FALSE(read_machine({1}, {}, root.path).cpu_quota);
    SECTION("cgroup v2") {
        root.file("/proc/self/cgroup", "0::/system.slice/sallyport-media.service");
        root.file("/sys/fs/cgroup/system.slice/sallyport-media.service/cpu.max", "150000 100000");
        CHECK(read_machine({1}, {}, root.path).cpu_quota == 1.5);
    }
    SECTION("cgroup v2 without a limit") {
        root.file("/proc/self/cgroup", "0::/");
        root.file("/sys/fs/cgroup/cpu.max", "max 100000");
        CHECK_FALSE(read_machine({1}, {}, root.path).cpu_quota);
    }
    SECTION("cgroup v1") {
        root.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000");
        root.file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
        CHECK(read_machine({1}, {}, root.path).cpu_quota == 2);
    }
    SECTION("cgroup v1 without a limit") {
        root.file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
        root.file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
        CHECK_FALSE(read_machine({1}, {}, root.path).cpu_quota);
    }
}

TEST_CASE("lcores that never rest are refused where the kernel would stop them; those that rest are warned of") {
    const Machine machine{.siblings = {}, .cpu_quota = 1.5, .node_of_cpu = {}, .node_of_device = {}};
    CHECK(objections_to({.cpus = {1, 2}, .poll_always = true}, machine).refusal ==
          "poll is always: 2 lcores, but the control group grants this process 1.5 CPUs' time (cpu.max): the kernel "
          "would "
          "stop every lcore for part of the time");
    const auto resting = objections_to({.cpus = {1, 2}}, machine);
    CHECK(resting.refusal.empty());
    CHECK(resting.warnings.size() == 1);
    CHECK(objections_to({.cpus = {1}, .poll_always = true}, machine).refusal.empty());
}

TEST_CASE("two lcores on one core are told") {
    const Machine machine{
        .siblings = {{1, {1, 5}}, {2, {2, 6}}, {5, {1, 5}}}, .cpu_quota = {}, .node_of_cpu = {}, .node_of_device = {}};
    CHECK(objections_to({.cpus = {1, 2}}, machine).warnings.empty());
    CHECK(objections_to({.cpus = {1, 2, 5}}, machine).warnings ==
          std::vector<std::string>{"lcores on CPUs 1 and 5 share one core, and take each other's time"});
}

TEST_CASE("memory that cannot be enough, and hugepages that are not there, are refused with numbers") {
    const Machine machine;
    CHECK(
        objections_to({.cpus = {1}, .memory_mb = 10, .needed_mb = 64}, machine).refusal.find("eal.memory_mb: 10 MB") ==
        0);
    CHECK(objections_to({.cpus = {1}, .memory_mb = 64, .needed_mb = 64}, machine).refusal.empty());
    CHECK(objections_to({.cpus = {1}, .needed_mb = 64}, machine).refusal.empty());
    CHECK(objections_to({.cpus = {1}, .needed_mb = 64, .free_hugepages_mb = 32, .hugepages_demanded = true}, machine)
              .refusal.find("eal.hugepages is on, but of hugepages 32 MB are free, and 64 MB are needed") == 0);
    CHECK(objections_to({.cpus = {1}, .needed_mb = 64, .free_hugepages_mb = 64, .hugepages_demanded = true}, machine)
              .refusal.empty());
}

TEST_CASE("the NUMA nodes of CPUs and PCI devices come from the kernel's files, where there are any") {
    const Root root;
    std::filesystem::create_directories(root.path + "/sys/devices/system/cpu/cpu1/node0");
    std::filesystem::create_directories(root.path + "/sys/devices/system/cpu/cpu9/node12");
    std::filesystem::create_directories(root.path + "/sys/devices/system/cpu/cpu3/node_of_none");
    root.file("/sys/bus/pci/devices/0000:03:00.0/numa_node", "1");
    root.file("/sys/bus/pci/devices/0000:04:00.0/numa_node", "-1");
    const Machine machine =
        read_machine({1, 3, 9}, {"03:00.0", "0000:04:00.0", "0000:05:00.0", "net_af_packet0,iface=eth1"}, root.path);
    CHECK(machine.node_of_cpu == std::map<unsigned, int>{{1, 0}, {9, 12}});
    CHECK(machine.node_of_device == std::map<std::string, int>{{"03:00.0", 1}});
}

TEST_CASE("an lcore on another NUMA node than a device is told, and starts all the same") {
    Machine machine;
    machine.node_of_cpu = {{1, 0}, {2, 1}};
    machine.node_of_device = {{"0000:03:00.0", 1}};
    const auto objections = objections_to({.cpus = {1, 2, 3}}, machine);
    CHECK(objections.refusal.empty());
    CHECK(objections.warnings ==
          std::vector<std::string>{"device 0000:03:00.0 is on NUMA node 1, the lcore on CPU 1 on node 0: each packet "
                                   "crosses between them"});
    CHECK(objections_to({.cpus = {2}}, machine).warnings.empty());
}
