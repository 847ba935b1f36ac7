#include "media-plane/srtp/libsrtp_context.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "media-plane/srtp/rtp_header.h"

namespace sallyport::srtp {
namespace {

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

std::uint32_t in_network_order(std::uint32_t ssrc) {  // as libsrtp names the streams to be removed
    std::uint32_t swapped;
    store_be32(reinterpret_cast<std::uint8_t*>(&swapped), ssrc);
    return swapped;
}

srtp_policy_t policy_of(const KeyMaterial& key, bool inbound, std::uint32_t ssrc) {
    srtp_policy_t policy = policy_of(key, inbound);
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = ssrc;
    return policy;
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
    if (!inbound) context->srtcp_.emplace(context->key());
    return context;
}

void LibsrtpContext::continue_from(LibsrtpContext& previous) {
    if (srtcp_) srtcp_->go_on_after(previous.srtcp_->index());
    // The second of two re-keyings in a row, without a packet between them, goes on where the first one would have.
    Counting& old = previous.continued_ ? *previous.continued_ : previous.counting_;
    if (old.ssrcs.size() == 0) return;
    // Under the new key those that fell silent may be forgotten, so that the limit is one of each key's life.
    while (old.ssrcs.size() > limits::inbound_ssrcs) remove_oldest(old);
    for (std::size_t i = 0; i < old.ssrcs.size(); ++i)
        old.ssrcs[i].carried = old.ssrcs[i].state != SsrcCount::State::fresh;
    const srtp_policy_t policy = policy_of(key(), inbound());
    if (srtp_update(old.session.get(), &policy) != srtp_err_status_ok) return;  // out of memory: counts from zero
    if (!rekey_own_streams(old)) return;
    if (inbound())
        continued_ = std::make_unique<Counting>(std::move(old));
    else
        counting_ = std::move(old);
}

// srtp_update() finds those only that came of themselves.
bool LibsrtpContext::rekey_own_streams(Counting& counting) {
    for (std::size_t i = 0; i < counting.ssrcs.size(); ++i) {
        Ssrcs::Entry& entry = counting.ssrcs[i];
        if (!entry.begun_elsewhere) continue;
        entry.floor = 0;  // nothing was protected with the new key yet
        const srtp_policy_t policy = policy_of(key(), inbound(), entry.ssrc);
        if (srtp_update_stream(counting.session.get(), &policy) != srtp_err_status_ok) return false;
    }
    return true;
}

bool LibsrtpContext::resume(const KeyUse& used) {
    if (used.rtp.size() > (inbound() ? limits::inbound_ssrcs : limits::outbound_ssrcs)) return false;
    for (const SsrcIndex& known : used.rtp) {
        if (known.index > limits::packet_index) return false;
        if (counting_.ssrcs.find(known.ssrc)) return false;
        const srtp_policy_t policy = policy_of(key(), inbound(), known.ssrc);
        if (srtp_add_stream(counting_.session.get(), &policy) != srtp_err_status_ok) return false;
        Ssrcs::Entry& entry = counting_.ssrcs.insert(known.ssrc);
        entry.state = SsrcCount::State::resumed;
        entry.begun_elsewhere = true;
        entry.index = known.index;
    }
    if (srtcp_) srtcp_->resume(used.srtcp);
    return true;
}

KeyUse LibsrtpContext::use() const {
    KeyUse all;
    const Counting& counting = continued_ ? *continued_ : counting_;
    for (std::size_t i = 0; i < counting.ssrcs.size(); ++i)
        if (const Ssrcs::Entry& entry = counting.ssrcs[i]; entry.state != SsrcCount::State::fresh)
            all.rtp.push_back({entry.ssrc, entry.index});
    if (srtcp_) all.srtcp = srtcp_->index();
    return all;
}

std::optional<std::uint64_t> LibsrtpContext::next_index(Counting& counting, const Ssrcs::Entry* entry,
                                                        std::uint16_t sequence) {
    if (!entry) return sequence;
    const auto index = entry->next(sequence);
    // Said again with every packet until one is authentic: libsrtp takes that one for the stream's first.
    if (index && entry->state == SsrcCount::State::resumed)
        srtp_set_stream_roc(counting.session.get(), entry->ssrc, static_cast<std::uint32_t>(*index >> 16));
    return index;
}

void LibsrtpContext::remove_oldest(Counting& counting) {
    srtp_remove_stream(counting.session.get(), in_network_order(counting.ssrcs.remove_oldest()));
}

LibsrtpContext::Ssrcs::Entry& LibsrtpContext::hold(Counting& counting, std::uint32_t ssrc) {
    if (counting.ssrcs.size() == limits::inbound_ssrcs) remove_oldest(counting);
    return counting.ssrcs.insert(ssrc);
}

Status LibsrtpContext::unprotect_with(Counting& counting, std::uint8_t* data, std::uint16_t& length, bool rtcp,
                                      ByteSpan scratch) {
    const std::uint32_t ssrc = ssrc_of(data, rtcp);
    const Ssrcs::Entry* held = counting.ssrcs.find(ssrc);
    std::optional<std::uint64_t> index;
    if (!rtcp && !(index = next_index(counting, held, sequence_of(data)))) return Status::replayed;
    const bool may_have_turned = !held && !rtcp && turned_before(*index) && length <= scratch.size();
    if (may_have_turned) std::memcpy(scratch.data(), data, length);  // a failed attempt may leave its marks
    int size = length;
    const auto error = rtcp ? srtp_unprotect_rtcp(counting.session.get(), data, &size)
                            : srtp_unprotect(counting.session.get(), data, &size);
    if (error != srtp_err_status_ok) {
        const Status status = status_of(error);
        if (status != Status::auth_failed || !may_have_turned) return status;
        std::memcpy(data, scratch.data(), length);
        return unprotect_turned(counting, data, length);
    }
    length = static_cast<std::uint16_t>(size);
    Ssrcs::Entry* entry = counting.ssrcs.touch(ssrc);
    if (!entry) entry = &hold(counting, ssrc);  // libsrtp has just made a stream for it
    if (index && entry->count(*index)) note_news();
    return Status::ok;
}

// An SSRC's first packet to reach us, as the first of its second round: libsrtp is told by a stream of that name.
Status LibsrtpContext::unprotect_turned(Counting& counting, std::uint8_t* data, std::uint16_t& length) {
    const std::uint32_t ssrc = ssrc_of(data, false);
    const std::uint64_t index = after_one_turn(sequence_of(data));
    const srtp_policy_t policy = policy_of(key(), inbound(), ssrc);
    if (srtp_add_stream(counting.session.get(), &policy) != srtp_err_status_ok) return Status::failed;
    srtp_set_stream_roc(counting.session.get(), ssrc, static_cast<std::uint32_t>(index >> 16));
    int size = length;
    if (const auto error = srtp_unprotect(counting.session.get(), data, &size); error != srtp_err_status_ok) {
        srtp_remove_stream(counting.session.get(), in_network_order(ssrc));
        return status_of(error);
    }
    length = static_cast<std::uint16_t>(size);
    Ssrcs::Entry& entry = hold(counting, ssrc);
    entry.begun_elsewhere = true;
    if (entry.count(index)) note_news();
    return Status::ok;
}

void LibsrtpContext::unprotect(Job& job, ByteSpan scratch) {
    const SuiteFacts& suite = facts(key().suite());
    const std::size_t least = job.rtcp ? rtcp_header_bytes + srtcp_index_bytes + suite.rtcp_tag_bytes
                                       : rtp_header_bytes + suite.rtp_tag_bytes;
    if (job.length < least ||  // libsrtp would compute lengths below zero
        (!job.rtcp && !payload_offset({job.data, job.length - suite.rtp_tag_bytes}))) {
        job.status = Status::malformed;
        return;
    }
    if (continued_)
        decide(job, scratch);
    else
        job.status = unprotect_with(counting_, job.data, job.length, job.rtcp, scratch);
}

// The first authentic packet under the new key tells how its sender counts, and settles it.
void LibsrtpContext::decide(Job& job, ByteSpan scratch) {
    const ByteSpan further = scratch.subspan(scratch.size() / 2);
    scratch = scratch.first(scratch.size() / 2);
    if (job.length > scratch.size()) {
        job.status = Status::malformed;
        return;
    }
    std::memcpy(scratch.data(), job.data, job.length);  // a failed attempt may leave its marks on the bytes
    std::uint16_t length = job.length;
    const Ssrcs::Entry* before = continued_->ssrcs.find(ssrc_of(job.data, job.rtcp));
    const bool counted_before = before && before->carried;
    const Status went_on = unprotect_with(*continued_, scratch.data(), length, job.rtcp, further);
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
    if (!counted_before) {  // counted from zero here too; tried once more, a replay would pass
        job.status = went_on;
        return;
    }
    job.status = unprotect_with(counting_, job.data, job.length, job.rtcp, further);
    if (job.status == Status::ok && !job.rtcp) continued_.reset();
    if (job.status != Status::ok && went_on == Status::replayed) job.status = Status::replayed;
}

void LibsrtpContext::protect(Job& job) {
    if (job.rtcp ? job.length < rtcp_header_bytes : !payload_offset({job.data, job.length}))
        job.status = Status::malformed;
    else if (job.rtcp)
        protect_rtcp(job);
    else if (std::size_t{job.length} + facts(key().suite()).rtp_tag_bytes > job.capacity)
        job.status = Status::failed;
    else
        protect_rtp(job);
}

void LibsrtpContext::protect_rtcp(Job& job) {
    srtcp_->protect(job);
    if (job.status == Status::ok && srtcp_->has_news()) note_news();
}

void LibsrtpContext::protect_rtp(Job& job) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    Ssrcs::Entry* entry = counting_.ssrcs.touch(ssrc);
    if (!entry) {
        if (counting_.ssrcs.size() == limits::outbound_ssrcs) {
            job.status = Status::no_context;
            return;
        }
        entry = &counting_.ssrcs.insert(ssrc);
    }
    const auto index = next_index(counting_, entry, sequence_of(job.data));
    if (!index) {
        job.status = Status::replayed;
        return;
    }
    int size = job.length;
    const auto error = srtp_protect(counting_.session.get(), job.data, &size);
    job.status = status_of(error);
    if (error != srtp_err_status_ok) return;
    job.length = static_cast<std::uint16_t>(size);
    if (entry->count(*index)) note_news();
}

}  // namespace sallyport::srtp
