// RTCP to SRTCP with an index that can be set: RFC 3711 3.4 and 4, RFC 6188, RFC 7714. libsrtp keeps the index to
// itself and begins at 1, so that after a restart it would repeat keystream. Receives nothing; always encrypts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "control/base/bytes.h"
#include "media-plane/srtp/key_material.h"
#include "media-plane/srtp/multi_buffer.h"

namespace sallyport::srtp {

class SrtcpSender {
public:
    explicit SrtcpSender(const KeyMaterial& key);
    ~SrtcpSender();
    SrtcpSender(const SrtcpSender&) = delete;
    SrtcpSender& operator=(const SrtcpSender&) = delete;

    static constexpr std::size_t header_bytes = 8;
    // What protecting adds.
    std::size_t growth() const { return index_bytes + tag_bytes_; }
    // In place; there is room for growth(), and the packet has a header. False: the key's lifetime is over.
    bool protect(std::uint8_t* packet, std::size_t length);

    // One count for all SSRCs of the key: each of them sees its indices increase.
    std::uint32_t index() const { return index_; }
    void go_on_after(std::uint32_t index) { index_ = index; }

private:
    static constexpr std::size_t index_bytes = 4, longest_salt = 14;
    struct CounterMode {
        AesCounter cipher;
        HmacSha1 hmac;
    };
    void protect_with(CounterMode& mode, std::uint8_t* packet, std::size_t length);
    void protect_with(AesGcm& cipher, std::uint8_t* packet, std::size_t length);

    std::uint32_t index_ = 0;
    std::size_t tag_bytes_;
    std::array<std::uint8_t, longest_salt> salt_{};
    std::variant<CounterMode, AesGcm> mode_;
};

}  // namespace sallyport::srtp
