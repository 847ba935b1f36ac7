// RTCP to SRTCP and back under one key, with indices that its user counts: RFC 3711 3.4 and 4, RFC 6188, RFC 7714.
// Always encrypted. libsrtp keeps the index to itself and begins at 1, so that after a restart it would repeat
// keystream.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "media-plane/srtp/key_derivation.h"
#include "media-plane/srtp/multi_buffer.h"

namespace sallyport::srtp {

class SrtcpCipher {
public:
    explicit SrtcpCipher(const KeyMaterial& key);
    ~SrtcpCipher();
    SrtcpCipher(const SrtcpCipher&) = delete;
    SrtcpCipher& operator=(const SrtcpCipher&) = delete;

    // What protecting adds.
    std::size_t growth() const { return index_bytes + tag_bytes_; }

    // In place; there is room for growth(), and the packet has a header. The index is 31 bits.
    void protect(std::uint8_t* packet, std::size_t length, std::uint32_t index);

    // Of a packet that holds a header and growth() at least. Nothing: it says that it is not encrypted.
    std::optional<std::uint32_t> index_of(const std::uint8_t* packet, std::size_t length) const;
    // In place, and shorter by growth() then. False: the tag is wrong, and the packet is as it was.
    bool unprotect(std::uint8_t* packet, std::size_t length);

private:
    static constexpr std::size_t index_bytes = 4;
    struct CounterMode {
        AesCounter cipher;
        HmacSha1 hmac;
        std::array<std::uint8_t, 16> counter(ByteView salt, const std::uint8_t* packet, std::uint32_t index) const;
    };
    AesGcm::Iv iv(const std::uint8_t* packet, std::uint32_t index) const;
    std::size_t trailer(std::size_t length) const;  // where the index is

    std::size_t tag_bytes_;
    std::array<std::uint8_t, longest_salt_bytes> salt_{};
    std::variant<CounterMode, AesGcm> mode_;
};

}  // namespace sallyport::srtp
