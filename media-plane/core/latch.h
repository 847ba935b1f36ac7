// Where a peer really is: symmetric RTP (RFC 4961) behind NAT, with the restricted latching of RFC 7362 section 5.
//
// Until a packet shows the real address, the signalled one is sent to. After that other sources are strangers until
// signaling makes the latch learn anew: whoever sprays a port later gets nothing in, and nothing out. Only a source
// that has fallen silent may come back from elsewhere without a word, as behind a NAT that has forgotten it: from a
// port of the same host, with the SSRC that it had, for so long that it is no accident; with SRTP authentic (E-40).
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "media-plane/core/commands.h"

namespace sallyport::media {

// For plain RTP that may come from any address: the first source is believed only after it has sent like a phone for
// a while, because an attacker's spray comes in single packets or in a rush. Packets until then are not relayed. A
// packet from the signalled address ends the waiting at once.
class SourceLearner {
public:
    static constexpr int packets_to_prove = 5;                                // in sequence, of one SSRC
    static constexpr Duration time_to_prove = std::chrono::milliseconds{60};  // from the first to the last of them
    static constexpr std::uint16_t largest_gap = 50;                          // 1 s of 20 ms packets lost on the way

    // True when this packet completes its source's proof.
    bool offer(const Endpoint& from, std::uint32_t ssrc, std::uint16_t sequence, TimePoint now);

private:
    struct Candidate {
        Endpoint from;
        std::uint32_t ssrc = 0;
        std::uint16_t sequence = 0;
        int run = 0;  // 0: free
        TimePoint since{}, last{};
    };
    Candidate& place_for(const Endpoint& from);
    std::array<Candidate, 4> candidates_;
};

// For the RTP or the RTCP port of a leg.
class Latch {
public:
    // A stream that has not come for so long may have moved. Longer than any loss, and than what a change of networks
    // takes; a talker who pauses without a word of it is protected by his SSRC.
    static constexpr Duration quiet_after = std::chrono::seconds{2};
    // Signaling says where the peer is. The same again changes nothing; another address forgets the latch.
    // True if it was another.
    bool signal(const Endpoint& endpoint);
    void forget() {
        latched_ = false;
        remote_ = signalled_;
    }
    void latch(const Endpoint& source) {
        remote_ = source;
        latched_ = true;
    }
    bool latched() const { return latched_; }
    const Endpoint& remote() const { return remote_; }  // where to send: the latch, else what was signalled
    const Endpoint& signalled() const { return signalled_; }

private:
    Endpoint remote_;
    bool latched_ = false;  // beside remote_: every packet reads both, and signalled_ never
    Endpoint signalled_;
};

}  // namespace sallyport::media
