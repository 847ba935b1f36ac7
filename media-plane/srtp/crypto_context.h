// One direction of one leg: RTP and RTCP under one master key, RFC 3711 3.2.3. What an engine makes of it is its own.
//
// Any SSRC is taken: on receive each only after its first authentic packet, the one unused longest making room when
// there are too many. On send the one with the lowest count makes room, and whoever is not held begins behind all that
// have: a forgotten SSRC that came back would repeat its keystream, and who has sent little leaves the others'
// receivers the rollover counter of zero that they begin with.
#pragma once

#include <optional>

#include "media-plane/srtp/key_material.h"
#include "media-plane/srtp/key_use.h"

namespace sallyport::srtp {

class CryptoContext {
public:
    CryptoContext(Suite suite, ByteView key_and_salt, bool inbound) : key_(suite, key_and_salt), inbound_(inbound) {}
    virtual ~CryptoContext() = default;
    CryptoContext(const CryptoContext&) = delete;
    CryptoContext& operator=(const CryptoContext&) = delete;

    const KeyMaterial& key() const { return key_; }
    bool inbound() const { return inbound_; }

    virtual bool of_burst_engine() const = 0;

    // Outbound: where the next packet of that SSRC is free to be, whatever was sent before. Nothing: anywhere, since
    // nothing was; then it is to be where its receiver cannot miss the first turn (RFC 3711 3.3.1: below 2^15).
    virtual std::optional<std::uint64_t> goes_on_at(std::uint32_t ssrc) const = 0;

    // How far the key has been used, and whether that is worth telling whoever would have to go on with it.
    virtual KeyUse use() const = 0;
    bool has_news() const { return news_; }
    void forget_news() { news_ = false; }
    void remember_news() { news_ = true; }  // it was told to nobody

protected:
    void note_news() { news_ = true; }

private:
    KeyMaterial key_;
    bool inbound_;
    bool news_ = false;
};

}  // namespace sallyport::srtp
