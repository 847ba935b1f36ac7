// DPDK's environment (EAL): its arguments made from our configuration, its log led into ours, its start and end.
// Once per process: DPDK cannot be started a second time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/base/result.h"
#include "media-plane/dpdk/config.h"

namespace sallyport::media::dpdk {

// What rte_eal_init is given. Worker lcore i+1 runs on config.cpus[i]; the main lcore floats over `allowed_cpus`.
std::vector<std::string> eal_arguments(const DriverConfig& config, const std::vector<unsigned>& allowed_cpus,
                                       bool hugepages, std::uint32_t memory_mb, long process_id);
std::vector<unsigned> allowed_cpus();
std::uint64_t free_hugepage_megabytes();

class Eal {
public:
    // The error is a sentence for the operator.
    static Result<std::unique_ptr<Eal>, std::string> start(const DriverConfig& config, std::uint32_t memory_mb);
    ~Eal();
    Eal(const Eal&) = delete;
    Eal& operator=(const Eal&) = delete;

    bool hugepages() const { return hugepages_; }

private:
    Eal() = default;
    bool hugepages_ = false;
    std::vector<std::string> arguments_;  // DPDK keeps pointers into them
    std::vector<char*> argv_;
};

}  // namespace sallyport::media::dpdk
