// Frames of the port's own making (ARP, neighbour and listener discovery): short, by value, a bounded list per call.
#pragma once

#include <array>
#include <cstdint>

#include "control/base/bytes.h"

namespace sallyport::media::dpdk {

struct SmallFrame {
    std::array<std::uint8_t, 96> bytes;  // the longest is a tagged MLDv2 report, 94 bytes
    std::size_t length = 0;
    ByteView view() const { return {bytes.data(), length}; }
};

class SmallFrames {
public:
    // Nothing when the list is full: what did not fit is asked again by the next tick.
    SmallFrame* add() { return count_ < frames_.size() ? &frames_[count_++] : nullptr; }
    std::span<const SmallFrame> view() const { return {frames_.data(), count_}; }
    std::size_t size() const { return count_; }
    void clear() { count_ = 0; }

private:
    std::array<SmallFrame, 32> frames_;
    std::size_t count_ = 0;
};

}  // namespace sallyport::media::dpdk
