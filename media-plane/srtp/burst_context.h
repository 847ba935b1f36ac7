// One direction of one leg on the burst engine: session keys, and of each SSRC how far it has come. RFC 3711 3.2 and
// 3.3, RFC 7714. Decides about one packet from beginning to end; what the engine does with many packets at a time, it
// does with the pieces below, and comes to the same verdicts.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/multi_buffer.h"
#include "media-plane/srtp/packet_places.h"
#include "media-plane/srtp/replay_window.h"
#include "media-plane/srtp/rtp_header.h"
#include "media-plane/srtp/srtcp_receiver.h"
#include "media-plane/srtp/srtcp_sender.h"

namespace sallyport::srtp {

class BurstContext final : public CryptoContext {
public:
    BurstContext(Suite suite, ByteView key_and_salt, bool inbound);  // a key of the suite's length
    ~BurstContext() override;

    void continue_from(BurstContext& previous);
    bool resume(const KeyUse& used);
    void take_srtcp(BurstContext& previous) { std::swap(rtcp_in_, previous.rtcp_in_); }
    KeyUse use() const override;
    std::optional<std::uint64_t> goes_on_at(std::uint32_t ssrc) const override;
    bool of_burst_engine() const override { return true; }

    void unprotect(Job& job);
    void protect(Job& job);

    // Of ten thousand calls each packet finds its keys in no cache. First this for all of a burst, then the next.
    void fetch() const {
        fetch_lines(&salt_, 1);
        if (in_pieces_)
            fetch_lines(&hmac_, aes_128_ ? 4 : 5);  // and the round keys behind it
        else
            fetch_lines(&gcm_, 1);
    }
    void fetch_gcm() const {
        if (gcm_) gcm_->fetch();
    }

    bool take_news() {
        const bool news = news_since_taken_;
        news_since_taken_ = false;
        return news;
    }

    // The pieces, of RTP in counter mode.
    bool in_pieces() const { return in_pieces_; }
    std::size_t tag_bytes() const { return tag_bytes_; }
    bool aes_128() const { return aes_128_; }
    const AesCounter& cipher() const { return cipher_; }
    const HmacSha1& hmac() const { return hmac_; }
    std::array<std::uint8_t, 16> counter(std::uint32_t ssrc, std::uint64_t index) const;
    // Inbound: the index that a packet has if it is authentic, where that is the only place to look first. Nothing: it
    // is for unprotect() to say.
    std::optional<std::uint64_t> expected(std::uint32_t ssrc, std::uint16_t sequence);
    void accept(std::uint32_t ssrc, std::uint64_t index) { take(held(ssrc), index); }  // it was authentic there
    void look_further(Job& job);  // it was not: whatever else there is to say about it
    // Outbound: its index, which is used up by this. Nothing: job.status says why.
    std::optional<std::uint64_t> admit(Job& job);

private:
    struct Window {
        ReplayWindow<limits::replay_window> rtp;
    };
    using Streams = SsrcSet<Window>;

    void tell() {
        note_news();
        news_since_taken_ = true;
    }
    Streams::Entry& held(std::uint32_t ssrc);   // the oldest makes room
    Streams::Entry& begin(std::uint32_t ssrc);  // outbound, one that is not held
    void take(Streams::Entry& entry, std::uint64_t index) {
        entry.rtp.take(index);
        if (entry.count(index)) tell();
    }
    bool well_formed(const Job& job) const;
    // Verified, then decrypted; a packet that is not authentic stays as it is.
    bool open(std::uint8_t* data, std::uint16_t length, std::uint64_t index);
    void seal(std::uint8_t* data, std::uint16_t length, std::uint64_t index);
    AesGcm::Iv iv(std::uint32_t ssrc, std::uint64_t index) const;
    Status unprotect_rtp(Job& job);
    Status look_further(Job& job, const Places& places);
    void settle_restarted(std::uint32_t ssrc);

    // In the order that has a packet touch five lines of the cache: the first ends with what the set of streams says of
    // the first SSRC, then come the two states of the HMAC, then the eleven round keys of AES-128.
    alignas(64) std::array<std::uint8_t, longest_salt_bytes> salt_{};
    std::uint8_t tag_bytes_;
    bool in_pieces_ : 1;
    bool aes_128_ : 1;
    bool news_since_taken_ : 1 = false;  // here and not with has_news(), which is on another line
    bool undecided_ : 1 = false;         // inbound: whether the senders went on counting with this key
    Streams streams_;
    alignas(64) HmacSha1 hmac_;
    alignas(64) AesCounter cipher_;
    std::unique_ptr<AesGcm> gcm_;             // else hmac_ and cipher_
    std::unique_ptr<SrtcpSender> srtcp_;      // outbound
    std::unique_ptr<SrtcpReceiver> rtcp_in_;  // inbound
    SecondLooks second_looks_;
    std::uint64_t unlisted_from_ = 0;  // outbound, see KeyUse
};

}  // namespace sallyport::srtp
