// The SSRCs that one crypto context holds state for, with the order of their use. Bounded, never allocates.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "media-plane/srtp/key_use.h"

namespace sallyport::srtp {

class SsrcSet {
public:
    static constexpr std::size_t capacity = limits::outbound_ssrcs;
    static_assert(limits::inbound_ssrcs <= capacity);

    struct Entry {
        // resumed: it has been used up to `index` before this context was made, and not yet since.
        enum class State : std::uint8_t { fresh, resumed, counting };
        std::uint32_t ssrc = 0;
        State state = State::fresh;
        bool own_stream = false;  // libsrtp was told of this SSRC by name, and has to be told again of a new key
        std::uint64_t index = 0;  // the highest so far
        std::uint64_t floor = 0;  // below it, indices may have been used before this context was made: refused
        std::uint64_t used = 0;   // the value of changes_ when it was last turned to
    };

    std::size_t size() const { return count_; }
    std::span<Entry> entries() { return std::span(entries_).first(count_); }
    std::span<const Entry> entries() const { return std::span(entries_).first(count_); }
    Entry* find(std::uint32_t ssrc) {
        if (count_ > 0 && entries_[last_].ssrc == ssrc) return &entries_[last_];
        for (std::size_t i = 0; i < count_; ++i)
            if (entries_[i].ssrc == ssrc) return &entries_[i];
        return nullptr;
    }
    // If held, it becomes the one used last.
    Entry* touch(std::uint32_t ssrc) {
        if (count_ > 0 && entries_[last_].ssrc == ssrc) return &entries_[last_];
        for (std::size_t i = 0; i < count_; ++i)
            if (entries_[i].ssrc == ssrc) return &use(i);
        return nullptr;
    }
    Entry& insert(std::uint32_t ssrc) {  // one that is not held; size() is below capacity
        entries_[count_] = Entry{.ssrc = ssrc};
        return use(count_++);
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
    Entry& use(std::size_t i) {
        last_ = i;
        entries_[i].used = ++changes_;
        return entries_[i];
    }
    std::array<Entry, capacity> entries_{};
    std::size_t count_ = 0, last_ = 0;
    std::uint64_t changes_ = 0;
};

}  // namespace sallyport::srtp
