// SRTCP as it is received under one key: RFC 3711 3.3.2 and 3.4. The index is in the packet, so that a new key needs no
// count of the one before, and an SSRC that only RTCP has named says nothing about RTP.
#pragma once

#include <utility>

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
        note_news(*held, *index);
        held->take(*index);
        job.length = static_cast<std::uint16_t>(job.length - cipher_.growth());
        return Status::ok;
    }

    // Of each SSRC the highest index; and a receiver that is new goes on behind those.
    std::vector<SsrcIndex> highest() const {
        std::vector<SsrcIndex> all;
        for (std::size_t i = 0; i < ssrcs_.size(); ++i) all.push_back({ssrcs_[i].ssrc, ssrcs_[i].highest()});
        return all;
    }
    void resume(const std::vector<SsrcIndex>& used) {
        for (const SsrcIndex& known : used) ssrcs_.insert(known.ssrc).resume(known.index);
    }
    bool take_news() { return std::exchange(news_, false); }

private:
    using Ssrcs = SsrcSet<ReplayWindow<128>>;
    void note_news(const Ssrcs::Entry& held, std::uint64_t index) {
        news_ = held.highest() == 0 || (index > held.highest() && srtcp_is_news(held.highest(), index));
    }

    SrtcpCipher cipher_;
    Ssrcs ssrcs_;
    bool news_ = false;
};

}  // namespace sallyport::srtp
