// The SSRCs that one crypto context holds state for, with the order of their use. Bounded, never allocates.
#pragma once

#include <array>
#include <cstdint>

#include "media-plane/srtp/crypto_context.h"

namespace sallyport::srtp {

class SsrcSet {
public:
    static constexpr std::size_t capacity = limits::outbound_ssrcs;
    static_assert(limits::inbound_ssrcs <= capacity);

    std::size_t size() const { return count_; }
    bool holds(std::uint32_t ssrc) const {
        for (std::size_t i = 0; i < count_; ++i)
            if (entries_[i].ssrc == ssrc) return true;
        return false;
    }
    // True if held; then it becomes the one used last.
    bool touch(std::uint32_t ssrc) {
        if (count_ > 0 && entries_[last_].ssrc == ssrc) return true;
        for (std::size_t i = 0; i < count_; ++i)
            if (entries_[i].ssrc == ssrc) {
                use(i);
                return true;
            }
        return false;
    }
    void insert(std::uint32_t ssrc) {  // one that is not held; size() is below capacity
        entries_[count_].ssrc = ssrc;
        use(count_++);
    }
    std::uint32_t remove_oldest() {  // the one used longest ago; size() is above zero
        std::size_t oldest = 0;
        for (std::size_t i = 1; i < count_; ++i)
            if (entries_[i].used < entries_[oldest].used) oldest = i;
        const std::uint32_t gone = entries_[oldest].ssrc;
        entries_[oldest] = entries_[--count_];
        if (last_ == count_) last_ = oldest;
        return gone;
    }

private:
    void use(std::size_t i) {
        last_ = i;
        entries_[i].used = ++changes_;
    }
    struct Entry {
        std::uint32_t ssrc = 0;
        std::uint64_t used = 0;  // the value of changes_ when it was last turned to
    };
    std::array<Entry, capacity> entries_{};
    std::size_t count_ = 0, last_ = 0;
    std::uint64_t changes_ = 0;
};

}  // namespace sallyport::srtp
