#include "control/observe/exposer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <thread>

#include "control/base/endpoint.h"

namespace sallyport::observe {
namespace {

std::vector<prometheus::ClientMetric::Label> to_labels(const Labels& labels) {
    std::vector<prometheus::ClientMetric::Label> out;
    out.reserve(labels.size());
    for (const auto& [name, value] : labels) out.push_back({name, value});
    return out;
}

prometheus::ClientMetric to_client(const HistogramSample& sample) {
    prometheus::ClientMetric metric;
    metric.label = to_labels(sample.labels);
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < sample.buckets.size(); ++i) {
        cumulative += sample.buckets[i];
        const double bound = i < sample.bounds.size() ? sample.bounds[i] : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({cumulative, bound});
    }
    metric.histogram.sample_count = cumulative;
    metric.histogram.sample_sum = sample.sum;
    return metric;
}

prometheus::MetricFamily to_family(const Metric& metric) {
    prometheus::MetricFamily family;
    family.name = metric.name;
    family.help = metric.help;
    for (const auto& sample : metric.samples) {
        prometheus::ClientMetric client;
        client.label = to_labels(sample.labels);
        client.counter.value = sample.value;
        client.gauge.value = sample.value;
        family.metric.push_back(std::move(client));
    }
    for (const auto& sample : metric.histograms) family.metric.push_back(to_client(sample));
    switch (metric.kind) {
        case MetricKind::counter: family.type = prometheus::MetricType::Counter; break;
        case MetricKind::gauge: family.type = prometheus::MetricType::Gauge; break;
        case MetricKind::histogram: family.type = prometheus::MetricType::Histogram; break;
    }
    return family;
}

class Collector final : public prometheus::Collectable {
public:
    Collector(std::string daemon, Exposer::Collect collect)
        : daemon_(std::move(daemon)), collect_(std::move(collect)) {}

    std::vector<prometheus::MetricFamily> Collect() const override {
        std::vector<prometheus::MetricFamily> families;
        const auto info = gauge("sallyport_build_info", "Version of this daemon; the value is always 1.",
                                {{{{"daemon", daemon_}, {"version", SALLYPORT_VERSION}}, 1}});
        families.push_back(to_family(info));
        for (const auto& metric : process_metrics()) families.push_back(to_family(metric));
        for (const auto& metric : collect_()) families.push_back(to_family(metric));
        return families;
    }

private:
    std::string daemon_;
    Exposer::Collect collect_;
};

// A connection to our own port that says nothing.
void knock(const std::string& listen, std::uint16_t port) {
    const auto colon = listen.rfind(':');
    const auto address = IpAddress::parse(listen.substr(0, colon));
    const bool v6 = address && address->family == Family::v6;
    const int s = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return;
    if (v6) {
        sockaddr_in6 to{.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
        if (!address->is_unspecified()) std::memcpy(&to.sin6_addr, address->bytes.data(), 16);
        (void)connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to);
    } else {
        sockaddr_in to{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
        if (address && !address->is_unspecified()) std::memcpy(&to.sin_addr, address->bytes.data(), 4);
        (void)connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    close(s);
}

}  // namespace

struct Exposer::Impl {
    std::string listen;
    std::shared_ptr<Collector> collector;
    std::unique_ptr<prometheus::Exposer> server;  // last: its threads end before the collector does
};

Exposer::Exposer(const std::string& daemon, const std::string& listen, Collect collect)
    : impl_(std::make_unique<Impl>()) {
    impl_->listen = listen;
    impl_->collector = std::make_shared<Collector>(daemon, std::move(collect));
    // Four threads and a short patience: a client that dribbles its request cannot keep Prometheus out for long.
    const std::vector<std::string> options{"listening_ports",    listen, "num_threads",       "4",
                                           "request_timeout_ms", "2000", "enable_keep_alive", "no"};
    try {
        impl_->server = std::make_unique<prometheus::Exposer>(options);
    } catch (const std::exception& e) {
        throw std::runtime_error("cannot serve /metrics on " + listen + " (" + e.what() +
                                 "): is the address this host's, and the port free?");
    }
    impl_->server->RegisterCollectable(impl_->collector);
}

// The HTTP server looks at its stop flag every two seconds, or when somebody connects: a daemon that is told to stop
// does not wait for that.
Exposer::~Exposer() {
    const auto port_now = port();
    std::atomic<bool> stopped{false};
    std::thread stopper([&] {
        impl_->server.reset();
        stopped = true;
    });
    while (!stopped) {
        knock(impl_->listen, port_now);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stopper.join();
}

std::uint16_t Exposer::port() const {
    const auto ports = impl_->server->GetListeningPorts();
    return ports.empty() ? std::uint16_t{0} : static_cast<std::uint16_t>(ports.front());
}

}  // namespace sallyport::observe
