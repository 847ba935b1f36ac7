// A counter has one writer; readers may look at any time, from any thread, and disturb nobody.
#pragma once

#include <atomic>
#include <cstdint>

namespace sallyport {

class Counter {
public:
    void add(std::uint64_t n = 1) { value_.store(read() + n, std::memory_order_relaxed); }
    void set(std::uint64_t n) { value_.store(n, std::memory_order_relaxed); }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

}  // namespace sallyport
