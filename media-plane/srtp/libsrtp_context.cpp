#include "media-plane/srtp/libsrtp_context.h"

#include <array>
#include <cstring>

namespace sallyport::srtp {
namespace {

constexpr std::size_t rtp_header_bytes = 12;
constexpr std::size_t rtcp_header_bytes = 8;
constexpr std::size_t srtcp_index_bytes = 4;

void set_algorithms(srtp_policy_t& policy, Suite suite) {
    switch (suite) {
        case Suite::none: break;
        case Suite::aes_cm_128_hmac_sha1_80:
            srtp_crypto_policy_set_rtp_default(&policy.rtp);
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
            break;
        case Suite::aes_cm_128_hmac_sha1_32:
            srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy.rtp);
            srtp_crypto_policy_set_rtcp_default(&policy.rtcp);  // RFC 4568 6.2.2: SRTCP keeps its 80-bit tag
            break;
        case Suite::aead_aes_128_gcm:
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
            srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
            break;
        case Suite::aead_aes_256_gcm:
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
            srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtcp);
            break;
        case Suite::aes_256_cm_hmac_sha1_80:
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtp);
            srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy.rtcp);
            break;
    }
}

srtp_policy_t policy_of(const KeyMaterial& key, bool inbound) {
    srtp_policy_t policy{};
    set_algorithms(policy, key.suite());
    policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
    policy.key = const_cast<std::uint8_t*>(key.bytes().data());  // libsrtp only reads it
    policy.window_size = limits::replay_window;
    // A packet that repeats an index with other bytes would give away both (RFC 3711 9.1), and whoever sends plain
    // RTP on the other side could make us do it.
    policy.allow_repeat_tx = 0;
    return policy;
}

std::uint32_t ssrc_of(const std::uint8_t* data, bool rtcp) {  // as libsrtp names streams: in network order
    std::uint32_t ssrc;
    std::memcpy(&ssrc, data + (rtcp ? 4 : 8), sizeof ssrc);
    return ssrc;
}

Status status_of(srtp_err_status_t error) {
    switch (error) {
        case srtp_err_status_ok: return Status::ok;
        case srtp_err_status_replay_fail:
        case srtp_err_status_replay_old:
        case srtp_err_status_pkt_idx_old: return Status::replayed;
        case srtp_err_status_bad_param:
        case srtp_err_status_parse_err: return Status::malformed;
        case srtp_err_status_alloc_fail:
        case srtp_err_status_key_expired: return Status::failed;
        default: return Status::auth_failed;
    }
}

}  // namespace

std::unique_ptr<LibsrtpContext> LibsrtpContext::create(Suite suite, ByteView key, bool inbound) {
    std::unique_ptr<LibsrtpContext> context{new LibsrtpContext(suite, key, inbound)};
    const srtp_policy_t policy = policy_of(context->key(), inbound);
    srtp_t session = nullptr;
    if (srtp_create(&session, &policy) != srtp_err_status_ok) return nullptr;
    context->counting_.session.reset(session);
    return context;
}

void LibsrtpContext::continue_from(LibsrtpContext& previous) {
    // The second of two re-keyings in a row, without a packet between them, goes on where the first one would have.
    Counting& old = previous.continued_ ? *previous.continued_ : previous.counting_;
    if (old.ssrcs.size() == 0) return;
    // Under the new key those that fell silent may be forgotten, so that the limit is one of each key's life.
    while (old.ssrcs.size() > limits::inbound_ssrcs) srtp_remove_stream(old.session.get(), old.ssrcs.remove_oldest());
    const srtp_policy_t policy = policy_of(key(), inbound());
    if (srtp_update(old.session.get(), &policy) != srtp_err_status_ok) return;  // out of memory: counts from zero
    if (inbound())
        continued_ = std::make_unique<Counting>(std::move(old));
    else
        counting_ = std::move(old);
}

Status LibsrtpContext::unprotect_with(Counting& counting, std::uint8_t* data, std::uint16_t& length, bool rtcp) {
    int size = length;
    const auto error = rtcp ? srtp_unprotect_rtcp(counting.session.get(), data, &size)
                            : srtp_unprotect(counting.session.get(), data, &size);
    if (error != srtp_err_status_ok) return status_of(error);
    length = static_cast<std::uint16_t>(size);
    const std::uint32_t ssrc = ssrc_of(data, rtcp);
    if (!counting.ssrcs.touch(ssrc)) {  // libsrtp has just made a stream for it
        if (counting.ssrcs.size() == limits::inbound_ssrcs)
            srtp_remove_stream(counting.session.get(), counting.ssrcs.remove_oldest());
        counting.ssrcs.insert(ssrc);
    }
    return Status::ok;
}

void LibsrtpContext::unprotect(Job& job, ByteSpan scratch) {
    const SuiteFacts& suite = facts(key().suite());
    const std::size_t least = job.rtcp ? rtcp_header_bytes + srtcp_index_bytes + suite.rtcp_tag_bytes
                                       : rtp_header_bytes + suite.rtp_tag_bytes;
    if (job.length < least) {  // libsrtp would compute lengths below zero
        job.status = Status::malformed;
        return;
    }
    if (continued_)
        decide(job, scratch);
    else
        job.status = unprotect_with(counting_, job.data, job.length, job.rtcp);
}

// The first authentic packet under the new key tells how its sender counts, and settles it.
void LibsrtpContext::decide(Job& job, ByteSpan scratch) {
    if (job.length > scratch.size()) {
        job.status = Status::malformed;
        return;
    }
    std::memcpy(scratch.data(), job.data, job.length);  // a failed attempt may leave its marks on the bytes
    std::uint16_t length = job.length;
    const bool counted_before = continued_->ssrcs.holds(ssrc_of(job.data, job.rtcp));
    const Status went_on = unprotect_with(*continued_, scratch.data(), length, job.rtcp);
    if (went_on == Status::ok) {
        std::memcpy(job.data, scratch.data(), length);
        job.length = length;
        job.status = Status::ok;
        // An SSRC new to both, and SRTCP, whose index is in the packet (RFC 3711 3.4), pass under either count.
        if (!job.rtcp && counted_before) {
            counting_ = std::move(*continued_);
            continued_.reset();
        }
        return;
    }
    job.status = unprotect_with(counting_, job.data, job.length, job.rtcp);
    if (job.status == Status::ok && !job.rtcp) continued_.reset();
    if (job.status != Status::ok && went_on == Status::replayed) job.status = Status::replayed;
}

void LibsrtpContext::protect(Job& job) {
    const SuiteFacts& suite = facts(key().suite());
    const std::size_t header = job.rtcp ? rtcp_header_bytes : rtp_header_bytes;
    const std::size_t growth = job.rtcp ? srtcp_index_bytes + suite.rtcp_tag_bytes : suite.rtp_tag_bytes;
    if (job.length < header) {
        job.status = Status::malformed;
        return;
    }
    if (std::size_t{job.length} + growth > job.capacity) {
        job.status = Status::failed;
        return;
    }
    const std::uint32_t ssrc = ssrc_of(job.data, job.rtcp);
    if (!counting_.ssrcs.touch(ssrc)) {
        if (counting_.ssrcs.size() == limits::outbound_ssrcs) {
            job.status = Status::no_context;
            return;
        }
        counting_.ssrcs.insert(ssrc);
    }
    int size = job.length;
    const auto error = job.rtcp ? srtp_protect_rtcp(counting_.session.get(), job.data, &size)
                                : srtp_protect(counting_.session.get(), job.data, &size);
    job.status = status_of(error);
    if (error == srtp_err_status_ok) job.length = static_cast<std::uint16_t>(size);
}

}  // namespace sallyport::srtp
