// What /metrics shows, as plain values that daemons fill from their single-writer counters. No client library here.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "control/base/histogram.h"

namespace sallyport::observe {

using Labels = std::vector<std::pair<std::string, std::string>>;  // low cardinality: never a call id or a number

struct Sample {
    Labels labels;
    double value = 0;
};
struct HistogramSample {
    Labels labels;
    std::vector<double> bounds;          // upper bounds, ascending
    std::vector<std::uint64_t> buckets;  // not cumulative; one more than bounds: what lies above the last
    double sum = 0;
};
enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct Metric {
    std::string name;  // "sallyport_calls_total", "sallyport_sessions": base units in the name
    std::string help;  // a sentence
    MetricKind kind = MetricKind::gauge;
    std::vector<Sample> samples;              // counter, gauge
    std::vector<HistogramSample> histograms;  // histogram
};

inline Metric counter(std::string name, std::string help, std::vector<Sample> samples) {
    return {std::move(name), std::move(help), MetricKind::counter, std::move(samples), {}};
}
inline Metric counter(std::string name, std::string help, std::uint64_t value) {
    return counter(std::move(name), std::move(help), std::vector<Sample>{{{}, static_cast<double>(value)}});
}
inline Metric gauge(std::string name, std::string help, std::vector<Sample> samples) {
    return {std::move(name), std::move(help), MetricKind::gauge, std::move(samples), {}};
}
inline Metric gauge(std::string name, std::string help, double value) {
    return gauge(std::move(name), std::move(help), std::vector<Sample>{{{}, value}});
}
template <std::size_t N>
HistogramSample histogram_sample(const Histogram<N>& h, Labels labels = {}) {
    HistogramSample sample{std::move(labels), {h.bounds().begin(), h.bounds().end()}, {}, h.sum()};
    for (std::size_t i = 0; i <= N; ++i) sample.buckets.push_back(h.bucket(i));
    return sample;
}
inline Metric histogram(std::string name, std::string help, std::vector<HistogramSample> samples) {
    return {std::move(name), std::move(help), MetricKind::histogram, {}, std::move(samples)};
}

}  // namespace sallyport::observe
