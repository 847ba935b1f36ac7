// One direction of one leg on libsrtp2: its session, the SSRCs it holds, and after re-keying the question whether the
// sender went on counting. Decides what is accepted; the engine decides when. SRTCP is sent by SrtcpSender.
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

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/srtcp_sender.h"
#include "media-plane/srtp/ssrc_set.h"

namespace sallyport::srtp {

class LibsrtpContext final : public CryptoContext {
public:
    // Nothing if this libsrtp cannot do the suite. The key has the suite's length.
    static std::unique_ptr<LibsrtpContext> create(Suite suite, ByteView key, bool inbound);
    ~LibsrtpContext() override = default;

    void continue_from(LibsrtpContext& previous);
    bool resume(const KeyUse& used);
    KeyUse use() const override;
    bool of_burst_engine() const override { return false; }
    // `scratch` holds two packets; needed only where a second attempt may be.
    void unprotect(Job& job, ByteSpan scratch);
    void protect(Job& job);

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

    // The index that the packet will have; nothing if it is, or may be, from before a restart.
    static std::optional<std::uint64_t> next_index(Counting& counting, const Ssrcs::Entry* entry,
                                                   std::uint16_t sequence);
    static void remove_oldest(Counting& counting);
    static Ssrcs::Entry& hold(Counting& counting, std::uint32_t ssrc);  // the oldest makes room
    bool rekey_own_streams(Counting& counting);
    void protect_rtp(Job& job);
    void protect_rtcp(Job& job);
    Status unprotect_with(Counting& counting, std::uint8_t* data, std::uint16_t& length, bool rtcp, ByteSpan scratch);
    Status unprotect_turned(Counting& counting, std::uint8_t* data, std::uint16_t& length);
    void decide(Job& job, ByteSpan scratch);

    Counting counting_;
    std::optional<SrtcpSender> srtcp_;     // outbound
    std::unique_ptr<Counting> continued_;  // inbound, undecided: the counters from before the key changed
};

}  // namespace sallyport::srtp
