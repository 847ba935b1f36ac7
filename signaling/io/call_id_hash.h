// Which shard owns a message: a keyed hash (SipHash-2-4) of its Call-ID, found by a peek at the raw bytes that parses
// nothing else. Keyed, so that no peer can aim all its calls at one shard.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "control/base/bytes.h"

namespace sallyport::io {

using HashKey = std::array<std::uint8_t, 16>;

// J.-P. Aumasson, D. J. Bernstein: SipHash, a fast short-input PRF (2012).
std::uint64_t siphash(const HashKey& key, ByteView data);

// Value of the first Call-ID (RFC 3261 20.8) or `i` field of the header, without surrounding white space; empty if
// there is none before the end of the header.
std::string_view peek_call_id(std::string_view message);

// Whether the first From or To field has that tag (RFC 3261 19.3).
bool has_tag(std::string_view message, std::string_view tag);

class CallIdHash {
public:
    CallIdHash(const HashKey& key, std::uint32_t shards) : key_(key), shards_(shards) {}

    std::uint32_t shards() const { return shards_; }
    // In [0, shards).
    std::uint32_t shard_of(std::string_view text) const {
        if (shards_ == 1) return 0;
        return static_cast<std::uint32_t>((siphash(key_, as_bytes(text)) >> 32) * shards_ >> 32);
    }

private:
    HashKey key_;
    std::uint32_t shards_;
};

}  // namespace sallyport::io
