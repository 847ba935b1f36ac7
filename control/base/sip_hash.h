// SipHash-2-4 (Aumasson, Bernstein 2012): keyed, short, fast. Ours since every message is hashed some times, and a
// library's takes ten times as long to be set up as to be computed; a test holds it against OpenSSL's.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace sallyport {

static_assert(std::endian::native == std::endian::little, "words are read as they stand");

class SipHash {
public:
    using Key = std::array<std::uint8_t, 16>;
    struct Wide {
        std::uint64_t low = 0, high = 0;
        friend bool operator==(const Wide&, const Wide&) = default;
    };

    explicit SipHash(const Key& key) {
        std::memcpy(&k0_, key.data(), 8);
        std::memcpy(&k1_, key.data() + 8, 8);
    }
    std::uint64_t narrow(std::string_view text) const {
        Run run(k0_, k1_);
        run.take(text);
        return run.finish(0xff);
    }
    // 128 bits of all the parts in a row: equal for equal texts alone, as far as anybody will live to see.
    Wide wide(std::initializer_list<std::string_view> parts) const {
        Run run(k0_, k1_, 0xee);
        for (const auto part : parts) run.take(part);
        const std::uint64_t low = run.finish(0xee);
        return {low, run.go_on()};
    }
    Wide wide(std::string_view text) const { return wide({text}); }

private:
    class Run {
    public:
        Run(std::uint64_t k0, std::uint64_t k1, std::uint64_t mark = 0)
            : v0_(k0 ^ 0x736f6d6570736575ull),
              v1_(k1 ^ 0x646f72616e646f6dull ^ mark),
              v2_(k0 ^ 0x6c7967656e657261ull),
              v3_(k1 ^ 0x7465646279746573ull) {}

        void take(std::string_view text) {
            const char* at = text.data();
            std::size_t left = text.size();
            size_ += left;
            while (waiting_ != 0 && left != 0) {  // what does not fill a word waits for the next part
                wait(*at++);
                --left;
            }
            for (; left >= 8; left -= 8, at += 8) {
                std::uint64_t word = 0;
                std::memcpy(&word, at, 8);
                absorb(word);
            }
            for (; left != 0; --left) wait(*at++);
        }
        std::uint64_t finish(std::uint64_t mark) {
            absorb(word_ | std::uint64_t{size_ & 0xff} << 56);
            v2_ ^= mark;
            return mixed();
        }
        std::uint64_t go_on() {
            v1_ ^= 0xdd;
            return mixed();
        }

    private:
        void wait(char c) {
            word_ |= std::uint64_t{static_cast<unsigned char>(c)} << (8 * waiting_);
            if (++waiting_ != 8) return;
            absorb(word_);
            word_ = 0;
            waiting_ = 0;
        }
        void absorb(std::uint64_t word) {
            v3_ ^= word;
            mix();
            mix();
            v0_ ^= word;
        }
        std::uint64_t mixed() {
            for (int round = 0; round < 4; ++round) mix();
            return v0_ ^ v1_ ^ v2_ ^ v3_;
        }
        void mix() {
            v0_ += v1_, v1_ = std::rotl(v1_, 13) ^ v0_, v0_ = std::rotl(v0_, 32);
            v2_ += v3_, v3_ = std::rotl(v3_, 16) ^ v2_;
            v0_ += v3_, v3_ = std::rotl(v3_, 21) ^ v0_;
            v2_ += v1_, v1_ = std::rotl(v1_, 17) ^ v2_, v2_ = std::rotl(v2_, 32);
        }

        std::uint64_t v0_, v1_, v2_, v3_;
        std::uint64_t word_ = 0;
        unsigned waiting_ = 0;  // bytes in it
        std::size_t size_ = 0;
    };

    std::uint64_t k0_ = 0, k1_ = 0;
};

}  // namespace sallyport
