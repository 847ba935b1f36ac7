// One direction of one leg on libsrtp2: its session, the SSRCs it holds, and after re-keying the question whether the
// sender went on counting. Decides what is accepted; the engine decides when.
#pragma once

#include <srtp2/srtp.h>

#include <memory>

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/ssrc_set.h"

namespace sallyport::srtp {

class LibsrtpContext final : public CryptoContext {
public:
    // Nothing if this libsrtp cannot do the suite. The key has the suite's length.
    static std::unique_ptr<LibsrtpContext> create(Suite suite, ByteView key, bool inbound);
    ~LibsrtpContext() override = default;

    void continue_from(LibsrtpContext& previous);
    // `scratch` holds a packet's length at least; needed only until the first authentic packet after re-keying.
    void unprotect(Job& job, ByteSpan scratch);
    void protect(Job& job);

private:
    struct Dealloc {
        void operator()(srtp_ctx_t* session) const { srtp_dealloc(session); }
    };
    struct Counting {  // a libsrtp session and which SSRCs it counts for
        std::unique_ptr<srtp_ctx_t, Dealloc> session;
        SsrcSet ssrcs;
    };
    using CryptoContext::CryptoContext;

    Status unprotect_with(Counting& counting, std::uint8_t* data, std::uint16_t& length, bool rtcp);
    void decide(Job& job, ByteSpan scratch);

    Counting counting_;
    std::unique_ptr<Counting> continued_;  // inbound, undecided: the counters from before the key changed
};

}  // namespace sallyport::srtp
