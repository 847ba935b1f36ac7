// A histogram with fixed upper bounds and one writer, readable at any time (Prometheus' cumulative form is
// made by the reader).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>

#include "control/base/counter.h"

namespace sallyport {

template <std::size_t N>
class Histogram {
public:
    explicit constexpr Histogram(std::array<double, N> upper_bounds) : bounds_(upper_bounds) {}

    void observe(double value) { observe(value, 1); }
    void observe(double value, std::uint64_t times) {
        const auto i = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
        buckets_[static_cast<std::size_t>(i)].add(times);
        sum_.store(sum_.load(std::memory_order_relaxed) + value * static_cast<double>(times),
                   std::memory_order_relaxed);
    }
    const std::array<double, N>& bounds() const { return bounds_; }
    std::uint64_t bucket(std::size_t i) const { return buckets_[i].read(); }  // i == N: above the last bound
    double sum() const { return sum_.load(std::memory_order_relaxed); }

private:
    std::array<double, N> bounds_;
    std::array<Counter, N + 1> buckets_;
    std::atomic<double> sum_{0};
};

// Seconds, from a media round trip to a long ring.
inline constexpr std::array<double, 14> seconds_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                       0.25,  0.5,    1,     2.5,  5,     10,   60};
using SecondsHistogram = Histogram<seconds_bounds.size()>;

}  // namespace sallyport
