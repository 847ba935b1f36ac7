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
        if (index / 64 > highest_ / 64) advance(index);
        if (index > highest_) highest_ = index;
        word(index) |= std::uint64_t{1} << (index % 64);
    }

    // As if everything up to it had been seen.
    void resume(std::uint64_t highest) {
        highest_ = highest;
        newest_ = ~std::uint64_t{0} >> (63 - highest % 64);
        older_.fill(~std::uint64_t{0});
    }

    void forget() {  // as under a new key: the count goes on, and what it has passed may come
        newest_ = 0;
        older_.fill(0);
    }

private:
    std::uint64_t highest_ = 0;
    std::uint64_t newest_ = 0;  // the word that the highest index is in: all that packets in order ever touch
    std::array<std::uint64_t, bits / 64> older_{};  // the words before it

    const std::uint64_t& word(std::uint64_t index) const {
        return index / 64 == highest_ / 64 ? newest_ : older_[index / 64 % older_.size()];
    }
    std::uint64_t& word(std::uint64_t index) {
        return index / 64 == highest_ / 64 ? newest_ : older_[index / 64 % older_.size()];
    }
    void advance(std::uint64_t index) {
        const std::uint64_t from = highest_ / 64, to = index / 64;
        if (to - from > older_.size()) {
            older_.fill(0);
        } else {
            older_[from % older_.size()] = newest_;
            for (std::uint64_t passed = from + 1; passed < to; ++passed) older_[passed % older_.size()] = 0;
        }
        newest_ = 0;
    }
};

}  // namespace sallyport::srtp
