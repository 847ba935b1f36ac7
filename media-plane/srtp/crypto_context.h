// One direction of one leg: RTP and RTCP under one master key, RFC 3711 3.2.3. What an engine makes of it is its own.
//
// Any SSRC is taken: on receive each only after its first authentic packet, the one unused longest making room when
// there are too many; on send the one too many is refused, because a forgotten SSRC that came back would repeat its
// keystream.
#pragma once

#include <cstddef>

#include "media-plane/srtp/key_material.h"

namespace sallyport::srtp {

namespace limits {
inline constexpr std::size_t inbound_ssrcs = 16;   // a peer changes its SSRC a few times a call: transfers, hold music
inline constexpr std::size_t outbound_ssrcs = 64;  // the other side's peers, for as long as our key lives
inline constexpr std::size_t replay_window =
    1024;  // RFC 3711 3.3.2 asks for 64 at least; bursts arrive far out of order
}  // namespace limits

class CryptoContext {
public:
    CryptoContext(Suite suite, ByteView key_and_salt, bool inbound) : key_(suite, key_and_salt), inbound_(inbound) {}
    virtual ~CryptoContext() = default;
    CryptoContext(const CryptoContext&) = delete;
    CryptoContext& operator=(const CryptoContext&) = delete;

    const KeyMaterial& key() const { return key_; }
    bool inbound() const { return inbound_; }

private:
    KeyMaterial key_;
    bool inbound_;
};

}  // namespace sallyport::srtp
