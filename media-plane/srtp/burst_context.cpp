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
        rtcp_in_ = std::make_unique<SrtcpReceiver>(key());
    else
        srtcp_ = std::make_unique<SrtcpSender>(key());
}

BurstContext::~BurstContext() { explicit_bzero(salt_.data(), salt_.size()); }

void BurstContext::continue_from(BurstContext& previous) {
    if (srtcp_) srtcp_->go_on_after(previous.srtcp_->index());
    streams_ = std::move(previous.streams_);
    // Under the new key those that fell silent may be forgotten, so that the limit is one of each key's life.
    while (streams_.size() > limits::inbound_ssrcs) streams_.remove_oldest();
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        streams_[i].carry();
        streams_[i].rtp = {};
    }
    undecided_ = inbound();
}

bool BurstContext::resume(const KeyUse& used) {
    if (!can_be_resumed(used, inbound())) return false;
    for (const SsrcIndex& known : used.rtp) {
        Streams::Entry& entry = streams_.insert(known.ssrc);
        entry.state = SsrcCount::State::resumed;
        entry.begun_elsewhere = true;
        entry.index = known.index;
    }
    if (used.unlisted_from > 0)
        unlisted_from_ = std::min(used.unlisted_from + limits::resume_margin, limits::packet_index + 1);
    if (srtcp_) srtcp_->resume(used.srtcp);
    if (rtcp_in_) rtcp_in_->resume(used.srtcp_received);
    return true;
}

KeyUse BurstContext::use() const {
    KeyUse all;
    for (std::size_t i = 0; i < streams_.size(); ++i)
        if (const Streams::Entry& entry = streams_[i]; entry.state != SsrcCount::State::fresh)
            all.rtp.push_back({entry.ssrc, entry.index});
    all.unlisted_from = unlisted_from_;
    if (srtcp_) all.srtcp = srtcp_->index();
    if (rtcp_in_) all.srtcp_received = rtcp_in_->highest();
    return all;
}

std::optional<std::uint64_t> BurstContext::goes_on_at(std::uint32_t ssrc) const {
    if (const Streams::Entry* entry = streams_.find(ssrc)) return entry->goes_on_at();
    const std::uint64_t begins_at = streams_.begins_at(unlisted_from_);
    return begins_at > 0 ? std::optional(begins_at) : std::nullopt;
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

BurstContext::Streams::Entry& BurstContext::held(std::uint32_t ssrc) {
    if (Streams::Entry* entry = streams_.touch(ssrc)) return *entry;
    if (streams_.size() == limits::inbound_ssrcs) streams_.remove_oldest();
    return streams_.insert(ssrc);
}

std::optional<std::uint64_t> BurstContext::expected(std::uint32_t ssrc, std::uint16_t sequence) {
    const Streams::Entry* entry = streams_.find(ssrc);
    if (!entry) return sequence;
    if (undecided_ && entry->carried) return std::nullopt;
    const auto index = entry->next(sequence);
    return index && *index <= limits::packet_index && entry->rtp.takes(*index) ? index : std::nullopt;
}

bool BurstContext::well_formed(const Job& job) const {
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
    if (job.rtcp) {
        job.status = rtcp_in_->unprotect(job);
        if (rtcp_in_->take_news()) tell();
        return;
    }
    job.status = well_formed(job) ? unprotect_rtp(job) : Status::malformed;
}

Status BurstContext::unprotect_rtp(Job& job) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    const Streams::Entry* entry = streams_.find(ssrc);
    const Places places = places_of(entry, undecided_, sequence_of(job.data));
    if (places.likely) {
        if (*places.likely > limits::packet_index) return Status::failed;
        if (entry && !entry->rtp.takes(*places.likely)) return Status::replayed;
        if (open(job.data, job.length, *places.likely)) {
            if (entry && places.tells()) undecided_ = false;  // they went on
            accept(ssrc, *places.likely);
            job.length = static_cast<std::uint16_t>(job.length - tag_bytes_);
            return Status::ok;
        }
    }
    return look_further(job, places);
}

void BurstContext::look_further(Job& job) {
    const Streams::Entry* entry = streams_.find(ssrc_of(job.data, false));
    job.status = look_further(job, places_of(entry, undecided_, sequence_of(job.data)));
}

Status BurstContext::look_further(Job& job, const Places& places) {
    const Status not_here = places.likely ? Status::auth_failed : Status::replayed;
    if (!places.has_more() || !second_looks_.worth_one()) return not_here;
    const bool is_turned = !(places.restarted && open(job.data, job.length, *places.restarted));
    if (is_turned && !(places.turned && open(job.data, job.length, *places.turned))) return not_here;
    second_looks_.found();
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    if (places.tells()) settle_restarted(ssrc);
    Streams::Entry& entry = held(ssrc);
    if (is_turned) entry.begun_elsewhere = true;
    take(entry, is_turned ? *places.turned : *places.restarted);
    job.length = static_cast<std::uint16_t>(job.length - tag_bytes_);
    return Status::ok;
}

// One that had been counted before has begun again, and so have the others.
void BurstContext::settle_restarted(std::uint32_t ssrc) {
    undecided_ = false;
    for (std::size_t i = streams_.size(); i-- > 0;)
        if (streams_[i].ssrc == ssrc)
            streams_[i].begin_again();
        else if (streams_[i].carried)
            streams_.remove(i);
}

BurstContext::Streams::Entry& BurstContext::begin(std::uint32_t ssrc) {
    unlisted_from_ = streams_.begins_at(unlisted_from_);
    if (streams_.size() == limits::outbound_ssrcs) streams_.remove(streams_.lowest());
    Streams::Entry& entry = streams_.insert(ssrc);
    entry.begin_at(unlisted_from_);
    return entry;
}

std::optional<std::uint64_t> BurstContext::admit(Job& job) {
    const std::uint32_t ssrc = ssrc_of(job.data, false);
    Streams::Entry* entry = streams_.touch(ssrc);
    if (!entry) entry = &begin(ssrc);
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
