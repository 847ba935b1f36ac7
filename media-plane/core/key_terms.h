// What a peer has said of the key that it sends under, beside the key (RFC 4568 6.1): how its packets name it, and how
// many of them there may be. Counts; who acts on it is the stage, and signaling, which is to ask for another key in
// time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "control/base/bytes.h"

namespace sallyport::media {

class KeyTerms {
public:
    // Lifetime: so many packets, of SRTP or of SRTCP, are one too many; 0: not stated.
    KeyTerms(Bytes mki, std::uint64_t lifetime)
        : mki_(std::move(mki)), lifetime_(lifetime), tell_at_(lifetime / first_part) {}

    bool says(const Bytes& mki, std::uint64_t lifetime) const { return mki_ == mki && lifetime_ == lifetime; }
    // What to take out of its packets. Empty: nothing, or nothing any more.
    ByteView mki() const { return sent_ ? ByteView(mki_) : ByteView(); }
    // An authentic one came without: it is of those who state what they do not send. Until one is not authentic that is
    // read so: nobody has signed the name, and whoever sees a packet may send it on without.
    void note_unnamed() { sent_ = false; }
    void note_refused() { sent_ = true; }
    std::uint64_t packets(bool rtcp) const { return packets_[rtcp ? 1 : 0]; }
    void go_on(std::uint64_t rtp, std::uint64_t rtcp) { packets_ = {rtp, rtcp}; }  // as counted before

    // One more that is authentic; false: it is one too many, and is not counted.
    bool count(bool rtcp) {
        std::uint64_t& packets = packets_[rtcp ? 1 : 0];
        if (lifetime_ != 0 && packets + 1 >= lifetime_) return false;
        ++packets;
        return true;
    }
    std::uint64_t left() const {  // of whichever there are more of
        const std::uint64_t most = std::max(packets_[0], packets_[1]);
        return lifetime_ > most + 1 ? lifetime_ - 1 - most : 0;
    }

    // Little is left, and less than when it was told last: an eighth, then a sixteenth, a thirty-second, and nothing. A
    // minute of a call is in an eighth of the shortest lifetime that signaling takes, an exchange takes seconds.
    bool has_news() const { return lifetime_ != 0 && !told_all_ && left() <= tell_at_; }
    bool take_news() {
        if (!has_news()) return false;
        told_all_ = left() == 0;
        while (tell_at_ != 0 && left() <= tell_at_) tell_at_ = tell_at_ <= lifetime_ / last_part ? 0 : tell_at_ / 2;
        return true;
    }

private:
    static constexpr std::uint64_t first_part = 8, last_part = 32;

    Bytes mki_;
    std::uint64_t lifetime_, tell_at_;
    std::array<std::uint64_t, 2> packets_{};  // RTP, RTCP
    bool told_all_ = false, sent_ = true;
};

}  // namespace sallyport::media
