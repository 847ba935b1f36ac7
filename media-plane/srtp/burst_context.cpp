#include "media-plane/srtp/burst_context.h"

#include <algorithm>
#include <array>

namespace sallyport::srtp {
namespace {

constexpr std::size_t roc_bytes = 4;

void add_index(std::uint8_t* six_octets, std::uint64_t index) {
    store_be16(six_octets, static_cast<std::uint16_t>(load_be16(six_octets) ^ (index >> 32)));
    store_be32(six_octets + 2, load_be32(six_octets + 2) ^ static_cast<std::uint32_t>(index));
}

}  // namespace

BurstContext::BurstContext(Suite suite, ByteView key_and_salt, bool inbound)
    : CryptoContext(suite, key_and_salt, inbound),
      tag_bytes_(static_cast<std::uint8_t>(facts(suite).rtp_tag_bytes)),
      in_pieces_(!is_aead(suite)),
      aes_128_(facts(suite).key_bytes == 16),
      cipher_(facts(suite).key_bytes) {
    std::array<std::uint8_t, longest_key_bytes> session_key{};
    derive(key(), KeyLabel::rtp_encryption, ByteSpan(session_key).first(facts(suite).key_bytes));
    derive(key(), KeyLabel::rtp_salt, ByteSpan(salt_).first(facts(suite).salt_bytes));
    if (is_aead(suite)) {
        gcm_ = std::make_unique<AesGcm>(facts(suite).key_bytes);
        gcm_->set_key(session_key.data());
    } else {
        cipher_.set_key(session_key.data());
        derive(key(), KeyLabel::rtp_authentication, ByteSpan(session_key).first(authentication_key_bytes));
        hmac_.set_key(ByteView(session_key).first(authentication_key_bytes));
    }
    explicit_bzero(session_key.data(), session_key.size());
    if (inbound)
        rtcp_in_ = std::make_unique<SrtcpCipher>(key());
    else
        srtcp_ = std::make_unique<SrtcpSender>(key());
}

BurstContext::~BurstContext() { explicit_bzero(salt_.data(), salt_.size()); }

void BurstContext::continue_from(BurstContext& previous) {
    if (srtcp_) srtcp_->go_on_after(previous.srtcp_->index());
    // The second of two re-keyings in a row, without a packet between them, goes on where the first one would have.
    Streams& old = previous.continued_ ? *previous.continued_ : previous.streams_;
    if (old.size() == 0) return;
    // Under the new key those that fell silent may be forgotten, so that the limit is one of each key's life.
    while (old.size() > limits::inbound_ssrcs) old.remove_oldest();
    for (std::size_t i = 0; i < old.size(); ++i) {  // nothing was protected with the new key yet
        old[i].floor = 0;
        old[i].carried = old[i].state != SsrcCount::State::fresh;
        old[i].rtp.forget();
    }
    if (inbound())
        continue_undecided(std::make_unique<Streams>(std::move(old)));
    else
        streams_ = std::move(old);
}

bool BurstContext::resume(const KeyUse& used) {
    if (used.rtp.size() > (inbound() ? limits::inbound_ssrcs : limits::outbound_ssrcs)) return false;
    for (const SsrcIndex& known : used.rtp) {
        if (known.index > limits::packet_index || streams_.find(known.ssrc)) return false;
        Streams::Entry& entry = streams_.insert(known.ssrc);
        entry.state = SsrcCount::State::resumed;
        entry.begun_elsewhere = true;
        entry.index = known.index;
    }
    if (srtcp_) srtcp_->resume(used.srtcp);
    return true;
}

KeyUse BurstContext::use() const {
    KeyUse all;
    const Streams& streams = continued_ ? *continued_ : streams_;
    for (std::size_t i = 0; i < streams.size(); ++i)
        if (const Streams::Entry& entry = streams[i]; entry.state != SsrcCount::State::fresh)
            all.rtp.push_back({entry.ssrc, entry.index});
    if (srtcp_) all.srtcp = srtcp_->index();
    return all;
}

// RFC 3711 4.1.1: (salt * 2^16) XOR (SSRC * 2^64) XOR (index * 2^16).
std::array<std::uint8_t, 16> BurstContext::counter(std::uint32_t ssrc, std::uint64_t index) const {
    std::array<std::uint8_t, 16> counter{};
    std::copy(salt_.begin(), salt_.end(), counter.begin());
    store_be32(&counter[4], load_be32(&counter[4]) ^ ssrc);
    add_index(&counter[8], index);
    return counter;
}

AesGcm::Iv BurstContext::iv(std::uint32_t ssrc, std::uint64_t index) const {  // RFC 7714 8.1
    AesGcm::Iv iv;
    std::copy_n(salt_.begin(), iv.size(), iv.begin());
    store_be32(&iv[2], load_be32(&iv[2]) ^ ssrc);
    add_index(&iv[6], index);
    return iv;
}

void BurstContext::continue_undecided(std::unique_ptr<Streams> counts) {
    continued_ = std::move(counts);
    in_pieces_ = !gcm_ && !continued_;
}

BurstContext::Streams::Entry& BurstContext::held(Streams& streams, std::uint32_t ssrc) {
    if (Streams::Entry* entry = streams.touch(ssrc)) return *entry;
    if (streams.size() == limits::inbound_ssrcs) streams.remove_oldest();
    return streams.insert(ssrc);
}

BurstContext::Streams::Entry& BurstContext::accept(Streams& streams, std::uint32_t ssrc, std::uint64_t index) {
    Streams::Entry& entry = held(streams, ssrc);
    entry.rtp.take(index);
    if (entry.count(index)) tell();
    return entry;
}

std::optional<std::uint64_t> BurstContext::expected(Streams& streams, std::uint32_t ssrc, std::uint16_t sequence) {
    const Streams::Entry* entry = streams.find(ssrc);
    if (!entry) return sequence;
    const auto index = entry->next(sequence);
    return index && entry->rtp.takes(*index) ? index : std::nullopt;
}

std::optional<std::uint64_t> BurstContext::expected(std::uint32_t ssrc, std::uint16_t sequence) {
    return expected(streams_, ssrc, sequence);
}

bool BurstContext::well_formed(const Job& job) const {
    if (job.rtcp) return job.length >= rtcp_header_bytes + rtcp_in_->growth();
    return job.length >= rtp_header_bytes + tag_bytes_ &&
           payload_offset({job.data, std::size_t{job.length} - tag_bytes_});
}

bool BurstContext::open(std::uint8_t* data, std::uint16_t length, std::uint64_t index) {
    const std::size_t end = std::size_t{length} - tag_bytes_;
    const std::size_t payload = *payload_offset({data, end});
    const std::uint32_t ssrc = ssrc_of(data, false);
    if (gcm_)
        return gcm_->open(iv(ssrc, index), {data, payload}, {data + payload, end - payload}, {data + end, tag_bytes_});
    // RFC 3711 4.2: the rollover counter is authenticated behind the packet, where now the tag is.
    std::array<std::uint8_t, roc_bytes> tag_start;
    std::copy_n(data + end, roc_bytes, tag_start.begin());
    store_be32(data + end, static_cast<std::uint32_t>(index >> 16));
    const HmacSha1::Digest digest = hmac_.digest({data, end + roc_bytes});
    std::copy_n(tag_start.begin(), roc_bytes, data + end);
    if (!equal_constant_time(as_text(ByteView(digest).first(tag_bytes_)), as_text({data + end, tag_bytes_})))
        return false;
    cipher_.apply(counter(ssrc, index), {data + payload, end - payload});
    return true;
}

void BurstContext::seal(std::uint8_t* data, std::uint16_t length, std::uint64_t index) {
    const std::size_t payload = *payload_offset({data, length});
    const ByteSpan content{data + payload, length - payload};
    const std::uint32_t ssrc = ssrc_of(data, false);
    if (gcm_) {
        const AesGcm::Tag tag = gcm_->encrypt(iv(ssrc, index), {data, payload}, content);
        std::copy(tag.begin(), tag.end(), data + length);
        return;
    }
    cipher_.apply(counter(ssrc, index), content);
    store_be32(data + length, static_cast<std::uint32_t>(index >> 16));
    const HmacSha1::Digest digest = hmac_.digest({data, length + roc_bytes});
    std::copy_n(digest.begin(), tag_bytes_, data + length);
}

void BurstContext::unprotect(Job& job) {
    if (!well_formed(job))
        job.status = Status::malformed;
    else if (continued_)
        decide(job);
    else
        job.status = unprotect_with(streams_, job);
}

Status BurstContext::unprotect_with(Streams& streams, Job& job) {
    if (job.rtcp) return unprotect_rtcp(streams, job);
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    const auto index = expected(streams, ssrc, sequence_of(job.data));
    if (!index) return Status::replayed;
    if (!open(job.data, job.length, *index))
        return !streams.find(ssrc) && turned(streams, job) ? Status::ok : Status::auth_failed;
    accept(streams, ssrc, *index);
    job.length = static_cast<std::uint16_t>(job.length - tag_bytes_);
    return Status::ok;
}

bool BurstContext::turned(Streams& streams, Job& job) {
    const std::uint16_t sequence = sequence_of(job.data);
    const std::uint64_t index = after_one_turn(sequence);
    if (!turned_before(sequence) || !open(job.data, job.length, index)) return false;
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    held(streams, ssrc).begun_elsewhere = true;
    accept(streams, ssrc, index);
    job.length = static_cast<std::uint16_t>(job.length - tag_bytes_);
    return true;
}

void BurstContext::unprotect_turned(Job& job) { job.status = turned(streams_, job) ? Status::ok : Status::auth_failed; }

// RFC 3711 3.4: the index is in the packet. What says that it is not encrypted is not accepted.
Status BurstContext::unprotect_rtcp(Streams& streams, Job& job) {
    const std::uint32_t ssrc = ssrc_of(job.data, true);
    const auto index = rtcp_in_->index_of(job.data, job.length);
    if (!index) return Status::auth_failed;
    if (const Streams::Entry* entry = streams.find(ssrc); entry && !entry->rtcp.takes(*index)) return Status::replayed;
    if (!rtcp_in_->unprotect(job.data, job.length)) return Status::auth_failed;
    held(streams, ssrc).rtcp.take(*index);
    job.length = static_cast<std::uint16_t>(job.length - rtcp_in_->growth());
    return Status::ok;
}

// The first authentic packet under the new key tells how its sender counts, and settles it.
void BurstContext::decide(Job& job) {
    const auto* before = continued_->find(ssrc_of(job.data, job.rtcp));
    const bool counted_before = before && before->carried;
    const Status went_on = unprotect_with(*continued_, job);
    if (went_on == Status::ok) {
        job.status = Status::ok;
        // An SSRC new to both, and SRTCP, whose index is in the packet (RFC 3711 3.4), pass under either count.
        if (!job.rtcp && counted_before) {
            streams_ = std::move(*continued_);
            continue_undecided(nullptr);
        }
        return;
    }
    if (!counted_before) {  // counted from zero here too; tried once more, a replay would pass
        job.status = went_on;
        return;
    }
    job.status = unprotect_with(streams_, job);
    if (job.status == Status::ok && !job.rtcp) continue_undecided(nullptr);
    if (job.status != Status::ok && went_on == Status::replayed) job.status = Status::replayed;
}

std::optional<std::uint64_t> BurstContext::admit(Job& job) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    Streams::Entry* entry = streams_.touch(ssrc);
    if (!entry) {
        if (streams_.size() == limits::outbound_ssrcs) {
            job.status = Status::no_context;
            return std::nullopt;
        }
        entry = &streams_.insert(ssrc);
    }
    const auto index = entry->next(sequence_of(job.data));
    if (!index || !entry->rtp.takes(*index)) {
        job.status = Status::replayed;
        return std::nullopt;
    }
    if (*index > limits::packet_index) {
        job.status = Status::failed;
        return std::nullopt;
    }
    entry->rtp.take(*index);
    if (entry->count(*index)) tell();
    return index;
}

void BurstContext::protect(Job& job) {
    if (job.rtcp ? job.length < rtcp_header_bytes : !payload_offset({job.data, job.length})) {
        job.status = Status::malformed;
    } else if (job.rtcp) {
        srtcp_->protect(job);
        if (job.status == Status::ok && srtcp_->has_news()) tell();
    } else if (std::size_t{job.length} + tag_bytes_ > job.capacity) {
        job.status = Status::failed;
    } else if (const auto index = admit(job)) {
        seal(job.data, job.length, *index);
        job.length = static_cast<std::uint16_t>(job.length + tag_bytes_);
    }
}

}  // namespace sallyport::srtp
