// The kernel's generator (getrandom), read ahead in blocks. For composition roots; one per thread.
#pragma once

#include <sys/random.h>

#include <array>

#include "control/base/check.h"
#include "control/base/random.h"

namespace sallyport {

class SystemRandom final : public RandomSource {
public:
    void fill(ByteSpan out) override {
        for (auto& byte : out) {
            if (used_ == block_.size()) refill();
            byte = block_[used_];
            block_[used_++] = 0;  // a key handed out is not kept here
        }
    }

private:
    void refill() {
        SALLYPORT_CHECK(getrandom(block_.data(), block_.size(), 0) == static_cast<ssize_t>(block_.size()));
        used_ = 0;
    }
    std::array<std::uint8_t, 256> block_{};
    std::size_t used_ = 256;
};

}  // namespace sallyport
