// What the shards have counted, each for itself, added up for /metrics. Reads counters that others write; keeps
// nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/observe/metric.h"
#include "signaling/io/shards.h"

namespace sallyport::app {

inline observe::Sample labelled(const char* label, std::string_view value, std::uint64_t count) {
    return {{{label, std::string(value)}}, static_cast<double>(count)};
}

// One value per shard, added up.
class Sums {
public:
    explicit Sums(const io::Shards& shards) : shards_(shards) {}

    std::uint64_t stack(Counter stack::StackStatistics::*member) const {
        return over([&](const io::Shard& s) { return (s.stack().statistics().*member).read(); });
    }
    std::uint64_t highest(Counter stack::StackStatistics::*member) const {
        std::uint64_t most = 0;
        for (std::uint32_t i = 0; i < shards_.size(); ++i)
            most = std::max(most, (shards_.at(i).stack().statistics().*member).read());
        return most;
    }
    std::uint64_t locations(std::size_t use) const {
        return over([&](const io::Shard& s) { return s.stack().statistics().locations[use].read(); });
    }
    std::uint64_t refused_overload(std::size_t work) const {
        return over([&](const io::Shard& s) { return s.stack().statistics().refused_overload[work].read(); });
    }
    std::uint64_t transactions(Counter transaction::LayerStatistics::*member) const {
        return over([&](const io::Shard& s) { return (s.stack().transaction_statistics().*member).read(); });
    }
    std::uint64_t io(Counter io::IoStatistics::*member) const {
        return over([&](const io::Shard& s) { return (s.statistics().*member).read(); });
    }
    template <class Enum>
    std::uint64_t io(io::CounterPer<Enum> io::IoStatistics::*member, Enum which) const {
        return over([&](const io::Shard& s) { return (s.statistics().*member)[which].read(); });
    }
    observe::HistogramSample setup_seconds() const {
        auto sum = observe::histogram_sample(shards_.at(0).stack().statistics().setup_seconds);
        for (std::uint32_t i = 1; i < shards_.size(); ++i) add(sum, shards_.at(i).stack().statistics().setup_seconds);
        return sum;
    }
    static void add(observe::HistogramSample& sum, const SecondsHistogram& more) {
        for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += more.bucket(i);
        sum.sum += more.sum();
    }

private:
    template <class Read>
    std::uint64_t over(Read&& read) const {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < shards_.size(); ++i) sum += read(shards_.at(i));
        return sum;
    }
    const io::Shards& shards_;
};

template <class Enum, std::size_t N>
std::vector<observe::Sample> per_reason(const Sums& sums, io::CounterPer<Enum> io::IoStatistics::*member,
                                        const char* label, const std::array<std::string_view, N>& names) {
    std::vector<observe::Sample> samples;
    for (std::size_t i = 0; i < N; ++i)
        samples.push_back(labelled(label, names[i], sums.io(member, static_cast<Enum>(i))));
    return samples;
}

}  // namespace sallyport::app
