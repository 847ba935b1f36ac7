#include "media-plane/srtp/libsrtp_context.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "media-plane/srtp/rtp_header.h"

namespace sallyport::srtp {
namespace {

constexpr std::size_t srtcp_index_bytes = 4;
constexpr std::uint32_t srtcp_encrypted = 0x8000'0000;  // the E bit, before the index

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
    const auto make = [&policy](Counting& counting) {
        srtp_t session = nullptr;
        if (srtp_create(&session, &policy) != srtp_err_status_ok) return false;
        counting.session.reset(session);
        return true;
    };
    if (!make(context->counting_)) return nullptr;
    if (!inbound) {
        context->srtcp_.emplace(context->key());
        return context;
    }
    context->rtcp_in_ = std::make_unique<Counting>();
    if (!make(*context->rtcp_in_)) return nullptr;
    context->of_unheld_ = std::make_unique<TagCheck>(context->key());
    return context;
}

void LibsrtpContext::continue_from(LibsrtpContext& previous) {
    if (srtcp_) srtcp_->go_on_after(previous.srtcp_->index());
    counting_.ssrcs = std::move(previous.counting_.ssrcs);
    Ssrcs& ssrcs = counting_.ssrcs;
    // Under the new key those that fell silent may be forgotten, so that the limit is one of each key's life.
    while (ssrcs.size() > limits::inbound_ssrcs) ssrcs.remove_oldest();
    for (std::size_t i = ssrcs.size(); i-- > 0;)
        if (ssrcs[i].carry(); !ssrcs[i].carried || !add_stream(ssrcs[i].ssrc)) ssrcs.remove(i);  // counts from zero
    undecided_ = inbound();
}

bool LibsrtpContext::add_stream(std::uint32_t ssrc) {
    const srtp_policy_t policy = policy_of(key(), inbound(), ssrc);
    return srtp_add_stream(counting_.session.get(), &policy) == srtp_err_status_ok;
}

bool LibsrtpContext::resume(const KeyUse& used) {
    if (!can_be_resumed(used, inbound())) return false;
    for (const SsrcIndex& known : used.rtp) {
        if (!add_stream(known.ssrc)) return false;
        Ssrcs::Entry& entry = counting_.ssrcs.insert(known.ssrc);
        entry.state = SsrcCount::State::resumed;
        entry.begun_elsewhere = true;
        entry.index = known.index;
    }
    if (used.unlisted_from > 0)
        unlisted_from_ = std::min(used.unlisted_from + limits::resume_margin, limits::packet_index + 1);
    if (srtcp_) srtcp_->resume(used.srtcp);
    // libsrtp's own window begins with the first packet, wherever that is.
    for (const SsrcIndex& known : used.srtcp_received) {
        Ssrcs::Entry& entry = rtcp_in_->ssrcs.insert(known.ssrc);
        entry.index = known.index;
        entry.floor = known.index + 1;
    }
    return true;
}

KeyUse LibsrtpContext::use() const {
    KeyUse all;
    for (std::size_t i = 0; i < counting_.ssrcs.size(); ++i)
        if (const Ssrcs::Entry& entry = counting_.ssrcs[i]; entry.state != SsrcCount::State::fresh)
            all.rtp.push_back({entry.ssrc, entry.index});
    all.unlisted_from = unlisted_from_;
    if (srtcp_) all.srtcp = srtcp_->index();
    for (std::size_t i = 0; rtcp_in_ && i < rtcp_in_->ssrcs.size(); ++i)
        all.srtcp_received.push_back({rtcp_in_->ssrcs[i].ssrc, rtcp_in_->ssrcs[i].index});
    return all;
}

std::optional<std::uint64_t> LibsrtpContext::goes_on_at(std::uint32_t ssrc) const {
    if (const Ssrcs::Entry* entry = counting_.ssrcs.find(ssrc)) return entry->goes_on_at();
    const std::uint64_t begins_at = counting_.ssrcs.begins_at(unlisted_from_);
    return begins_at > 0 ? std::optional(begins_at) : std::nullopt;
}

void LibsrtpContext::remove(Counting& counting, std::size_t i) {
    srtp_remove_stream(counting.session.get(), in_network_order(counting.ssrcs.remove(i)));
}

LibsrtpContext::Ssrcs::Entry& LibsrtpContext::hold(Counting& counting, std::uint32_t ssrc) {
    if (Ssrcs::Entry* entry = counting.ssrcs.touch(ssrc)) return *entry;
    if (counting.ssrcs.size() == limits::inbound_ssrcs)
        srtp_remove_stream(counting.session.get(), in_network_order(counting.ssrcs.remove_oldest()));
    return counting.ssrcs.insert(ssrc);
}

// Said again with every packet until one is authentic: libsrtp takes that one for the stream's first.
void LibsrtpContext::place(const Ssrcs::Entry& entry, std::uint64_t index) {
    if (entry.state == SsrcCount::State::resumed || entry.carried)
        srtp_set_stream_roc(counting_.session.get(), entry.ssrc, static_cast<std::uint32_t>(index >> 16));
}

// Of an SSRC that is not held, libsrtp makes a stream for its first authentic packet, which to it is of the first
// round.
srtp_err_status_t LibsrtpContext::open_at(const Ssrcs::Entry* entry, std::uint64_t index, std::uint8_t* data,
                                          int& length) {
    if (entry) place(*entry, index);
    return srtp_unprotect(counting_.session.get(), data, &length);
}

// As the first of its second round, libsrtp has to be told by a stream of that name, made only for an authentic packet.
srtp_err_status_t LibsrtpContext::open_turned(std::uint64_t index, Job& job, ByteSpan scratch, int& length) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    if (!of_unheld_->passes(scratch.first(job.length), index)) return srtp_err_status_auth_fail;
    if (!add_stream(ssrc)) return srtp_err_status_alloc_fail;
    srtp_set_stream_roc(counting_.session.get(), ssrc, static_cast<std::uint32_t>(index >> 16));
    const auto error = srtp_unprotect(counting_.session.get(), job.data, &length);
    if (error != srtp_err_status_ok) srtp_remove_stream(counting_.session.get(), in_network_order(ssrc));
    return error;
}

void LibsrtpContext::unprotect(Job& job, ByteSpan scratch) {
    const SuiteFacts& suite = facts(key().suite());
    const std::size_t least = job.rtcp ? rtcp_header_bytes + srtcp_index_bytes + suite.rtcp_tag_bytes
                                       : rtp_header_bytes + suite.rtp_tag_bytes;
    if (job.length < least ||  // libsrtp would compute lengths below zero
        (!job.rtcp && !payload_offset({job.data, job.length - suite.rtp_tag_bytes})))
        job.status = Status::malformed;
    else
        job.status = job.rtcp ? unprotect_rtcp(job) : unprotect_rtp(job, scratch);
}

Status LibsrtpContext::unprotect_rtp(Job& job, ByteSpan scratch) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    const Ssrcs::Entry* entry = counting_.ssrcs.find(ssrc);
    const Places places = places_of(entry, undecided_, sequence_of(job.data));
    if (places.has_more()) std::memcpy(scratch.data(), job.data, job.length);  // a failed attempt may leave its marks
    if (places.likely) {
        if (*places.likely > limits::packet_index) return Status::failed;
        int length = job.length;
        const Status status = status_of(open_at(entry, *places.likely, job.data, length));
        if (status == Status::ok) {
            if (places.tells()) undecided_ = false;  // they went on
            job.length = static_cast<std::uint16_t>(length);
            if (hold(counting_, ssrc).count(*places.likely)) tell();
            return Status::ok;
        }
        if (status != Status::auth_failed) return status;
    }
    return look_further(job, places, scratch);
}

Status LibsrtpContext::look_further(Job& job, const Places& places, ByteSpan scratch) {
    const Status not_here = places.likely ? Status::auth_failed : Status::replayed;
    if (!places.has_more() || !second_looks_.worth_one()) return not_here;
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    const Ssrcs::Entry* entry = counting_.ssrcs.find(ssrc);
    int length = job.length;
    auto error = srtp_err_status_auth_fail;
    std::uint64_t index = 0;
    for (const auto& place : {places.restarted, places.turned}) {
        if (error == srtp_err_status_ok || !place) continue;
        std::memcpy(job.data, scratch.data(), job.length);
        index = *place;
        length = job.length;
        error = entry ? open_at(entry, index, job.data, length) : open_turned(index, job, scratch, length);
    }
    if (error != srtp_err_status_ok) return status_of(error) == Status::failed ? Status::failed : not_here;
    second_looks_.found();
    if (places.tells()) settle_restarted(ssrc);
    job.length = static_cast<std::uint16_t>(length);
    Ssrcs::Entry& found = hold(counting_, ssrc);
    if (places.turned == index) found.begun_elsewhere = true;
    if (found.count(index)) tell();
    return Status::ok;
}

// One that had been counted before has begun again, and so have the others.
void LibsrtpContext::settle_restarted(std::uint32_t ssrc) {
    undecided_ = false;
    for (std::size_t i = counting_.ssrcs.size(); i-- > 0;)
        if (counting_.ssrcs[i].ssrc == ssrc)
            counting_.ssrcs[i].begin_again();
        else if (counting_.ssrcs[i].carried)
            remove(counting_, i);
}

// RFC 3711 3.4: the index is in the packet, and who says that it is not encrypted is refused, which under AEAD libsrtp
// would accept.
Status LibsrtpContext::unprotect_rtcp(Job& job) {
    const std::size_t behind = is_aead(key().suite()) ? 0 : facts(key().suite()).rtcp_tag_bytes;
    const std::uint32_t trailer = load_be32(job.data + job.length - behind - srtcp_index_bytes);
    if ((trailer & srtcp_encrypted) == 0) return Status::auth_failed;
    const std::uint32_t ssrc = ssrc_of(job.data, true), index = trailer & ~srtcp_encrypted;
    if (const Ssrcs::Entry* held = rtcp_in_->ssrcs.find(ssrc); held && index < held->floor) return Status::replayed;
    int length = job.length;
    const auto error = srtp_unprotect_rtcp(rtcp_in_->session.get(), job.data, &length);
    if (error != srtp_err_status_ok) return status_of(error);
    Ssrcs::Entry& held = hold(*rtcp_in_, ssrc);
    if (held.index == 0 || (index > held.index && srtcp_is_news(held.index, index))) tell();
    held.index = std::max<std::uint64_t>(held.index, index);
    job.length = static_cast<std::uint16_t>(length);
    return Status::ok;
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
    if (job.status == Status::ok && srtcp_->has_news()) tell();
}

LibsrtpContext::Ssrcs::Entry* LibsrtpContext::begin(std::uint32_t ssrc) {
    Ssrcs& ssrcs = counting_.ssrcs;
    unlisted_from_ = ssrcs.begins_at(unlisted_from_);
    if (ssrcs.size() == limits::outbound_ssrcs) remove(counting_, ssrcs.lowest());
    if (unlisted_from_ > 0 && !add_stream(ssrc)) return nullptr;
    Ssrcs::Entry& entry = ssrcs.insert(ssrc);
    entry.begin_at(unlisted_from_);
    return &entry;
}

void LibsrtpContext::protect_rtp(Job& job) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    Ssrcs::Entry* entry = counting_.ssrcs.touch(ssrc);
    if (!entry && !(entry = begin(ssrc))) {
        job.status = Status::failed;
        return;
    }
    const auto index = entry->next(sequence_of(job.data));
    if (!index) {
        job.status = Status::replayed;
        return;
    }
    if (*index > limits::packet_index) {
        job.status = Status::failed;
        return;
    }
    place(*entry, *index);
    int size = job.length;
    const auto error = srtp_protect(counting_.session.get(), job.data, &size);
    job.status = status_of(error);
    if (error != srtp_err_status_ok) return;
    job.length = static_cast<std::uint16_t>(size);
    if (entry->count(*index)) tell();
}

}  // namespace sallyport::srtp
