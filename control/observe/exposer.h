// Serves /metrics (Prometheus text format) over HTTP. Asks the daemon for its values at each scrape and keeps none;
// a scrape takes no lock of anybody's and wakes no worker. Adds build info and the process' own usage.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/observe/metric.h"

namespace sallyport::observe {

class Exposer {
public:
    // Called on the exposer's threads, perhaps two at a time: relaxed reads of counters only.
    using Collect = std::function<std::vector<Metric>()>;

    // listen: "127.0.0.1:9101"; port 0 lets the kernel choose. Throws std::runtime_error with one sentence when the
    // address cannot be had.
    Exposer(const std::string& daemon, const std::string& listen, Collect collect);
    ~Exposer();  // after it returns, collect is not called any more
    Exposer(const Exposer&) = delete;
    Exposer& operator=(const Exposer&) = delete;

    std::uint16_t port() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Resident memory, CPU seconds, file descriptors, start time, under the names that every Prometheus client uses.
std::vector<Metric> process_metrics();

}  // namespace sallyport::observe
