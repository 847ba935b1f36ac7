// An SRTP master key with its salt, and the suite it is for. RFC 3711 3.2.1, in the order of RFC 4568 6.1 (key first).
// Wipes itself; has no way to be printed.
#pragma once

#include "media-plane/srtp/secret_bytes.h"
#include "media-plane/srtp/suite.h"

namespace sallyport::srtp {

class KeyMaterial {
public:
    KeyMaterial(Suite suite, ByteView key_and_salt) : suite_(suite), bytes_(key_and_salt) {}
    KeyMaterial(const KeyMaterial&) = delete;
    KeyMaterial& operator=(const KeyMaterial&) = delete;

    Suite suite() const { return suite_; }
    ByteView bytes() const { return bytes_; }
    bool equals(Suite suite, ByteView key_and_salt) const {
        return suite == suite_ && equal_constant_time(as_text(bytes_), as_text(key_and_salt));
    }

private:
    Suite suite_;
    SecretBytes bytes_;
};

inline constexpr std::size_t key_material_bytes(Suite suite) {
    return facts(suite).key_bytes + facts(suite).salt_bytes;
}

}  // namespace sallyport::srtp
