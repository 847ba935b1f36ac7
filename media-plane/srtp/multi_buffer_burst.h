// Many messages at a time, each under a key of its own: what the multi-buffer library exists for. One lcore's; the
// arrays are made once.
#pragma once

#include "media-plane/srtp/multi_buffer.h"

namespace sallyport::srtp {

inline constexpr std::size_t burst_lanes = 32;  // measured: 16 cost a tenth more each, 128 no less

// AES in counter mode, in place.
class CounterBurst {
public:
    explicit CounterBurst(std::size_t key_bytes);  // 16 or 32
    ~CounterBurst();
    CounterBurst(const CounterBurst&) = delete;
    CounterBurst& operator=(const CounterBurst&) = delete;
    bool full() const { return count_ == burst_lanes; }
    // Not when full(). Key and data stay where they are until run().
    void add(const AesCounter& key, const std::array<std::uint8_t, 16>& counter, ByteSpan data);
    void run();

private:
    IMB_KEY_SIZE_BYTES key_size_;
    std::size_t count_ = 0;
    std::array<IMB_JOB, burst_lanes> jobs_{};
    std::array<std::array<std::uint8_t, 16>, burst_lanes> counters_;
};

class HmacSha1Burst {
public:
    HmacSha1Burst();
    ~HmacSha1Burst();
    HmacSha1Burst(const HmacSha1Burst&) = delete;
    HmacSha1Burst& operator=(const HmacSha1Burst&) = delete;
    bool full() const { return count_ == burst_lanes; }
    std::size_t add(const HmacSha1& key, ByteView message);  // which digest will be its; not when full()
    // The digests stay until the next run.
    void run();
    const HmacSha1::Digest& digest(std::size_t i) const { return digests_[i]; }

private:
    std::size_t count_ = 0;
    std::array<IMB_JOB, burst_lanes> jobs_{};
    std::array<HmacSha1::Digest, burst_lanes> digests_;
};

}  // namespace sallyport::srtp
