// Which of the last indices have been seen: RFC 3711 3.3.2. Nothing is behind index 0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::srtp {

template <std::size_t bits>
class ReplayWindow {
    static_assert(bits % 64 == 0 && (bits & (bits - 1)) == 0);

public:
    std::uint64_t highest() const { return highest_; }

    // True if this index may still be taken: it is new, and not too old to know.
    bool takes(std::uint64_t index) const {
        if (index > highest_) return true;
        return highest_ - index < bits && (word(index) >> (index % 64) & 1) == 0;
    }

    void take(std::uint64_t index) {  // one that it takes()
        if (index > highest_) {
            const std::uint64_t ahead = index - highest_;
            if (ahead >= bits)
                seen_.fill(0);
            else  // what leaves the window makes room for what enters it; within one word nothing does
                for (std::uint64_t entered = highest_ / 64 + 1; entered <= index / 64; ++entered)
                    seen_[entered % seen_.size()] = 0;
            highest_ = index;
        }
        word(index) |= std::uint64_t{1} << (index % 64);
    }

    void forget() { seen_.fill(0); }  // as under a new key: the count goes on, and what it has passed may come

private:
    // One word more than the window has, so that the word which the highest index is in holds nothing older.
    std::array<std::uint64_t, bits / 64 + 1> seen_{};
    std::uint64_t highest_ = 0;

    const std::uint64_t& word(std::uint64_t index) const { return seen_[index / 64 % seen_.size()]; }
    std::uint64_t& word(std::uint64_t index) { return seen_[index / 64 % seen_.size()]; }
};

}  // namespace sallyport::srtp
