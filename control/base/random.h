// Where unpredictable numbers come from: handed to the core, never fetched by it. The shell gives the kernel's
// generator; tests give a seeded one and can replay every run.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "control/base/bytes.h"

namespace sallyport {

class RandomSource {
public:
    virtual ~RandomSource() = default;
    virtual void fill(ByteSpan out) = 0;

    std::uint32_t u32() {
        std::uint8_t raw[4];
        fill(raw);
        return load_be32(raw);
    }
    // Uniform in [0, bound); bound > 0. The bias of the multiplication is below 2^-32 * bound.
    std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(std::uint64_t{u32()} * bound >> 32); }
    std::string token(std::size_t bytes) {  // 2 * bytes hex digits
        std::array<std::uint8_t, 64> raw;
        std::string text;
        text.reserve(2 * bytes);
        while (text.size() < 2 * bytes) {
            const auto part = ByteSpan(raw).first(std::min(raw.size(), bytes - text.size() / 2));
            fill(part);
            text += to_hex(part);
        }
        return text;
    }
};

// Deterministic: for tests, simulations and fuzzing only. splitmix64.
class SeededRandom final : public RandomSource {
public:
    explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
    void fill(ByteSpan out) override {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (i % 8 == 0) word = next();
            out[i] = static_cast<std::uint8_t>(word >> (i % 8 * 8));
        }
    }

private:
    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ z >> 27) * 0x94d049bb133111ebull;
        return z ^ z >> 31;
    }
    std::uint64_t state_;
};

}  // namespace sallyport
