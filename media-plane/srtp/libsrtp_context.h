// One direction of one leg on libsrtp2: its sessions, the SSRCs they hold, and after re-keying the question whether the
// sender went on counting. Decides what is accepted; the engine decides when. SRTCP is sent by SrtcpSender, and
// received by a session of its own, so that it says nothing about RTP.
//
// After a restart an SSRC goes on behind the last index that was reported, and its first packet, or the first one after
// a gap, becomes the floor below which nothing is protected or accepted as long as the key lives: libsrtp's window
// knows nothing of what was there before. What remains: which of the indices behind the report were used is not known.
// Until the sender's own packets have passed them, a sender of plain RTP that repeats its numbers has them protected a
// second time, and a recorded packet newer than the report is accepted once more.
#pragma once

#include <srtp2/srtp.h>

#include <memory>
#include <optional>
#include <utility>

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/packet_places.h"
#include "media-plane/srtp/srtcp_sender.h"
#include "media-plane/srtp/tag_check.h"

namespace sallyport::srtp {

class LibsrtpContext final : public CryptoContext {
public:
    // Nothing if this libsrtp cannot do the suite. The key has the suite's length.
    static std::unique_ptr<LibsrtpContext> create(Suite suite, ByteView key, bool inbound);
    ~LibsrtpContext() override = default;

    void continue_from(LibsrtpContext& previous);
    bool resume(const KeyUse& used);
    void take_srtcp(LibsrtpContext& previous) { std::swap(rtcp_in_, previous.rtcp_in_); }
    KeyUse use() const override;
    std::optional<std::uint64_t> goes_on_at(std::uint32_t ssrc) const override;
    bool of_burst_engine() const override { return false; }
    void unprotect(Job& job, ByteSpan scratch);  // which holds a packet
    void protect(Job& job);
    bool take_news() { return std::exchange(news_since_taken_, false); }

private:
    struct Dealloc {
        void operator()(srtp_ctx_t* session) const { srtp_dealloc(session); }
    };
    using Ssrcs = SsrcSet<>;
    struct Counting {  // a libsrtp session and which SSRCs it counts for
        std::unique_ptr<srtp_ctx_t, Dealloc> session;
        Ssrcs ssrcs;
    };
    using CryptoContext::CryptoContext;

    void tell() {
        note_news();
        news_since_taken_ = true;
    }
    void remove(Counting& counting, std::size_t i);
    static Ssrcs::Entry& hold(Counting& counting, std::uint32_t ssrc);  // the oldest makes room
    bool add_stream(std::uint32_t ssrc);
    Ssrcs::Entry* begin(std::uint32_t ssrc);  // outbound, one that is not held; nullptr: no memory
    void place(const Ssrcs::Entry& entry, std::uint64_t index);
    srtp_err_status_t open_at(const Ssrcs::Entry* entry, std::uint64_t index, std::uint8_t* data, int& length);
    srtp_err_status_t open_turned(std::uint64_t index, Job& job, ByteSpan scratch, int& length);
    void protect_rtp(Job& job);
    void protect_rtcp(Job& job);
    Status unprotect_rtp(Job& job, ByteSpan scratch);
    Status look_further(Job& job, const Places& places, ByteSpan scratch);
    Status unprotect_rtcp(Job& job);
    void settle_restarted(std::uint32_t ssrc);

    Counting counting_;
    std::optional<SrtcpSender> srtcp_;     // outbound
    std::unique_ptr<Counting> rtcp_in_;    // inbound
    std::unique_ptr<TagCheck> of_unheld_;  // likewise
    SecondLooks second_looks_;
    std::uint64_t unlisted_from_ = 0;  // outbound, see KeyUse
    bool undecided_ = false;           // inbound: whether the senders went on counting with this key
    bool news_since_taken_ = false;
};

}  // namespace sallyport::srtp
