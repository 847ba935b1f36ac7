// SRTCP as one endpoint sends it: one index for all SSRCs of the key, so that each of them sees it increase.
#pragma once

#include <algorithm>

#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/srtcp_cipher.h"

namespace sallyport::srtp {

class SrtcpSender {
public:
    explicit SrtcpSender(const KeyMaterial& key) : cipher_(key) {}

    void protect(Job& job) {  // a packet with a header
        if (std::size_t{job.length} + cipher_.growth() > job.capacity || index_ >= limits::srtcp_index) {
            job.status = Status::failed;
            return;
        }
        cipher_.protect(job.data, job.length, ++index_);
        job.length = static_cast<std::uint16_t>(job.length + cipher_.growth());
    }
    std::uint32_t index() const { return index_; }
    bool has_news() const { return index_ % limits::srtcp_news_every == 0; }
    void go_on_after(std::uint32_t index) { index_ = index; }
    void resume(std::uint32_t reported) {  // by whoever is gone: it may have sent more since
        index_ = std::min(reported, limits::srtcp_index - limits::srtcp_resume_margin) + limits::srtcp_resume_margin;
    }

private:
    SrtcpCipher cipher_;
    std::uint32_t index_ = 0;
};

}  // namespace sallyport::srtp
