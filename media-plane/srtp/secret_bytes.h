// Octets that are wiped before their memory is given back: SRTP keys on their way to a context. RFC 3711 9.1 has
// nothing to say of freed memory; a core file has. No way to be printed.
#pragma once

#include <string.h>  // explicit_bzero: a store that the optimiser must not remove

#include <utility>

#include "control/base/bytes.h"

namespace sallyport::srtp {

class SecretBytes {
public:
    SecretBytes() = default;
    SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}  // the caller's octets themselves, not a copy of them
    explicit SecretBytes(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}
    ~SecretBytes() { wipe(); }
    SecretBytes(const SecretBytes&) = default;
    SecretBytes(SecretBytes&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    SecretBytes& operator=(SecretBytes other) noexcept {  // what was here goes, wiped, with `other`
        bytes_.swap(other.bytes_);
        return *this;
    }

    void wipe() {  // zeros in its place
        if (!bytes_.empty()) explicit_bzero(bytes_.data(), bytes_.size());
    }
    bool empty() const { return bytes_.empty(); }
    std::size_t size() const { return bytes_.size(); }
    operator ByteView() const { return bytes_; }
    friend bool operator==(const SecretBytes& a, const SecretBytes& b) {
        return equal_constant_time(as_text(a.bytes_), as_text(b.bytes_));
    }

private:
    Bytes bytes_;
};

}  // namespace sallyport::srtp
