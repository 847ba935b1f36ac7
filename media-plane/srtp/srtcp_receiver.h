// SRTCP as it is received under one key: RFC 3711 3.3.2 and 3.4. The index is in the packet, so that a new key needs no
// count of the one before, and an SSRC that only RTCP has named says nothing about RTP.
#pragma once

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/replay_window.h"
#include "media-plane/srtp/rtp_header.h"
#include "media-plane/srtp/srtcp_cipher.h"
#include "media-plane/srtp/ssrc_set.h"

namespace sallyport::srtp {

class SrtcpReceiver {
public:
    explicit SrtcpReceiver(const KeyMaterial& key) : cipher_(key) {}

    // Verified, then decrypted; what says that it is not encrypted is not accepted. One that is not authentic stays as
    // it is.
    Status unprotect(Job& job) {
        if (job.length < rtcp_header_bytes + cipher_.growth()) return Status::malformed;
        const std::uint32_t ssrc = ssrc_of(job.data, true);
        const auto index = cipher_.index_of(job.data, job.length);
        if (!index) return Status::auth_failed;
        if (const auto* held = ssrcs_.find(ssrc); held && !held->takes(*index)) return Status::replayed;
        if (!cipher_.unprotect(job.data, job.length)) return Status::auth_failed;
        auto* held = ssrcs_.touch(ssrc);
        if (!held) {
            if (ssrcs_.size() == limits::inbound_ssrcs) ssrcs_.remove_oldest();
            held = &ssrcs_.insert(ssrc);
        }
        held->take(*index);
        job.length = static_cast<std::uint16_t>(job.length - cipher_.growth());
        return Status::ok;
    }

private:
    SrtcpCipher cipher_;
    SsrcSet<ReplayWindow<128>> ssrcs_;
};

}  // namespace sallyport::srtp
