// SipHash-2-4 over text, for tables whose keys strangers choose: without the seed nobody can aim for one bucket.
// Not a message authentication of anything sent out.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "control/base/random.h"

namespace sallyport::transaction {

class KeyedHash {
public:
    using is_transparent = void;  // tables are searched by string_view, without a copy

    explicit KeyedHash(RandomSource& random) {
        std::array<std::uint8_t, 16> seed{};
        random.fill(seed);
        std::memcpy(&k0_, seed.data(), 8);
        std::memcpy(&k1_, seed.data() + 8, 8);
    }
    // Not noexcept: libstdc++ then keeps the hash beside each key, instead of hashing every key that it walks past.
    std::size_t operator()(std::string_view text) const {
        std::uint64_t v[4] = {k0_ ^ 0x736f6d6570736575ull, k1_ ^ 0x646f72616e646f6dull, k0_ ^ 0x6c7967656e657261ull,
                              k1_ ^ 0x7465646279746573ull};
        absorb_all(v, text);
        v[2] ^= 0xff;
        return static_cast<std::size_t>(finish(v));
    }

    // SipHash-2-4 with 128 bits: equal for equal texts alone, as far as anybody will live to see.
    struct Wide {
        std::uint64_t low = 0, high = 0;
        friend bool operator==(const Wide&, const Wide&) = default;
    };
    Wide wide(std::string_view text) const {
        std::uint64_t v[4] = {k0_ ^ 0x736f6d6570736575ull, k1_ ^ 0x646f72616e646f6dull ^ 0xee,
                              k0_ ^ 0x6c7967656e657261ull, k1_ ^ 0x7465646279746573ull};
        absorb_all(v, text);
        v[2] ^= 0xee;
        Wide out{finish(v), 0};
        v[1] ^= 0xdd;
        out.high = finish(v);
        return out;
    }

private:
    static void absorb_all(std::uint64_t (&v)[4], std::string_view text) {
        std::size_t i = 0;
        for (; i + 8 <= text.size(); i += 8) absorb(v, word(text.substr(i, 8)));
        absorb(v, word(text.substr(i)) | std::uint64_t{text.size() & 0xff} << 56);
    }
    static std::uint64_t finish(std::uint64_t (&v)[4]) {
        for (int round = 0; round < 4; ++round) mix(v);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
    }
    static std::uint64_t word(std::string_view bytes) {
        std::uint64_t w = 0;
        if (!bytes.empty()) std::memcpy(&w, bytes.data(), bytes.size());
        return w;
    }
    static void mix(std::uint64_t (&v)[4]) {
        v[0] += v[1], v[1] = std::rotl(v[1], 13) ^ v[0], v[0] = std::rotl(v[0], 32);
        v[2] += v[3], v[3] = std::rotl(v[3], 16) ^ v[2];
        v[0] += v[3], v[3] = std::rotl(v[3], 21) ^ v[0];
        v[2] += v[1], v[1] = std::rotl(v[1], 17) ^ v[2], v[2] = std::rotl(v[2], 32);
    }
    static void absorb(std::uint64_t (&v)[4], std::uint64_t w) {
        v[3] ^= w;
        mix(v);
        mix(v);
        v[0] ^= w;
    }
    std::uint64_t k0_ = 0, k1_ = 0;
};

}  // namespace sallyport::transaction
