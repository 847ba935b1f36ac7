// The way of captured packets from the lcore that copies them to whoever writes them down: a ring with one writer and
// one reader, made and freed outside the lcore. Never blocks; what finds no place is counted.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "control/base/counter.h"
#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "media-plane/core/commands.h"
#include "media-plane/core/drop.h"

namespace sallyport::media {

struct CapturedPacket {
    static constexpr std::size_t most_bytes = 2048;
    TimePoint at{};
    Endpoint from, to;
    std::uint32_t stream = 0;
    Side side = Side::a;
    bool sent = false;  // from us; else received
    bool rtcp = false;
    bool decrypted = false;  // SRTP that is shown in clear
    bool withheld = false;   // without what SRTP hides on the other leg
    Drop drop = Drop::none;
    std::uint16_t length = 0;  // of the whole
    std::uint16_t kept = 0;    // of it, in `bytes`
    std::array<std::uint8_t, most_bytes> bytes;
};

enum class CaptureEnd : std::uint8_t { running, seconds, packets, session, stopped };

class CaptureRing {
public:
    explicit CaptureRing(std::size_t places) : places_(places) {}

    // The writer: the place that is `ahead` of those published, or nullptr; then so many of them at once.
    CapturedPacket* place(std::size_t ahead) {
        const std::size_t head = head_.load(std::memory_order_relaxed) + ahead;
        return head - tail_.load(std::memory_order_acquire) < places_.size() ? &places_[head % places_.size()]
                                                                             : nullptr;
    }
    void publish(std::size_t count) {
        head_.store(head_.load(std::memory_order_relaxed) + count, std::memory_order_release);
    }
    void miss() { missed_.add(); }
    void withhold() { withheld_.add(); }
    bool abandoned() const { return abandoned_.load(std::memory_order_acquire); }
    void end(CaptureEnd why) { end_.store(why, std::memory_order_release); }  // nothing is published after it

    // The reader. What was published before the end is there when the end is seen.
    CaptureEnd ended() const { return end_.load(std::memory_order_acquire); }
    const CapturedPacket* front() const {
        const std::size_t tail = tail_.load(std::memory_order_relaxed);
        return tail == head_.load(std::memory_order_acquire) ? nullptr : &places_[tail % places_.size()];
    }
    void pop() { tail_.store(tail_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
    std::uint64_t missed() const { return missed_.read(); }
    std::uint64_t withheld() const { return withheld_.read(); }
    // Nobody will read on. The writer ends it when it looks next, also if no command of the reader's ever reaches it.
    void abandon() { abandoned_.store(true, std::memory_order_release); }

private:
    std::vector<CapturedPacket> places_;
    alignas(64) std::atomic<std::size_t> head_{0};
    Counter missed_, withheld_;
    std::atomic<CaptureEnd> end_{CaptureEnd::running};
    std::atomic<bool> abandoned_{false};
    alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace sallyport::media
