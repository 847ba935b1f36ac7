#include "media-plane/srtp/key_derivation.h"

#include <string.h>  // explicit_bzero

#include <algorithm>
#include <array>

#include "media-plane/srtp/multi_buffer.h"

namespace sallyport::srtp {

// RFC 3711 4.3.3: keystream under the master key, from (master salt XOR label * 2^48) * 2^16. A salt of 96 bits has
// 16 zero bits behind it (RFC 7714 11).
void derive(const KeyMaterial& key, KeyLabel label, ByteSpan out) {
    const SuiteFacts& suite = facts(key.suite());
    std::array<std::uint8_t, 16> counter{};
    std::copy_n(key.bytes().begin() + static_cast<std::ptrdiff_t>(suite.key_bytes), suite.salt_bytes, counter.begin());
    counter[7] ^= static_cast<std::uint8_t>(label);
    std::fill(out.begin(), out.end(), std::uint8_t{0});
    AesCounter cipher(suite.key_bytes);
    cipher.set_key(key.bytes().data());
    cipher.apply(counter, out);
    explicit_bzero(counter.data(), counter.size());
}

}  // namespace sallyport::srtp
