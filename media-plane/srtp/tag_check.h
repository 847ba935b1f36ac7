// Whether an RTP packet is authentic at an index, and nothing else: for an engine whose library can only be asked by
// making a stream first, which a forged packet is not worth. RFC 3711 4.2, RFC 7714 8.
#pragma once

#include <array>
#include <variant>

#include "media-plane/srtp/key_derivation.h"
#include "media-plane/srtp/multi_buffer.h"

namespace sallyport::srtp {

class TagCheck {
public:
    explicit TagCheck(const KeyMaterial& key);
    ~TagCheck();
    TagCheck(const TagCheck&) = delete;
    TagCheck& operator=(const TagCheck&) = delete;

    // Of a packet that holds a header and a tag; its octets are used up by this.
    bool passes(ByteSpan packet, std::uint64_t index);

private:
    std::size_t tag_bytes_;
    std::array<std::uint8_t, longest_salt_bytes> salt_{};  // of AEAD
    std::variant<HmacSha1, AesGcm> mode_;
};

}  // namespace sallyport::srtp
